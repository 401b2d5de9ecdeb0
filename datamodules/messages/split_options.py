"""Options that say how rows are divided and served, refused where they make no sense."""

from typing import Literal

from datamodules.messages.option_types import PATH, REAL, WHOLE, check_type

ClassWeight = Literal["balanced"] | dict[str, float]


def check_split_options(
    data_dir: object, batch_size: int | None, val_fraction: float, test_fraction: float | None, seed: int
) -> None:
    """Refuse options of a wrong type or out of their range.

    Raises:
        ValueError: says what is wanted.
    """
    check_type("data_dir", data_dir, PATH, "the path of a folder, or None", optional=True)
    check_type("batch_size", batch_size, WHOLE, "a whole number, or None for all rows", optional=True)
    check_type("val_fraction", val_fraction, REAL, "a number")
    check_type("test_fraction", test_fraction, REAL, "a number", optional=True)
    check_type("seed", seed, WHOLE, "a whole number")
    check_fractions(val_fraction, test_fraction)
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: a batch needs at least one row; leave it out for all rows")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed}: the seed must be an integer from 0 to 2**32 - 1")


def check_fractions(val_fraction: float, test_fraction: float | None) -> None:
    """Refuse fractions that leave no rows for training. Without a `test_fraction` no rows are taken for the test.

    Raises:
        ValueError: a fraction out of its range.
    """
    if not 0 <= val_fraction < 1:
        raise ValueError(f"val_fraction={val_fraction}: the share of rows for validation must be in [0, 1); 0 means none")
    if test_fraction is None:
        return
    if not 0 <= test_fraction < 1:
        raise ValueError(f"test_fraction={test_fraction}: the share of rows for the test must be in [0, 1); 0 means none")
    if val_fraction + test_fraction >= 1:
        raise ValueError(
            f"val_fraction={val_fraction} and test_fraction={test_fraction} leave no rows for training: "
            "make their sum less than 1"
        )


def check_class_weight(value: object) -> None:
    """Refuse what is neither None, "balanced" nor weights by class.

    Raises:
        ValueError: says so.
    """
    if value is None or value == "balanced":
        return
    if not isinstance(value, dict) or not value:
        raise ValueError(
            f"class_weight={value!r}: give 'balanced', or weights by the names of classes, {{sick: 2.5}} for example"
        )
    for name, weight in value.items():
        check_type(f"class_weight of {name!r}", weight, REAL, "a number")
        if not 0 < weight < float("inf"):
            raise ValueError(
                f"class_weight of {name!r} is {weight}: give a finite number > 0, or leave the rows of that class out"
            )


def check_fold(number: int, count: int) -> None:
    """Refuse fewer than two folds, or a number that none of them has.

    Raises:
        ValueError: says so.
    """
    if count < 2 or not 0 <= number < count:
        raise ValueError(f"folds={count} and fold={number}: give 2 folds or more, and count them from 0")
