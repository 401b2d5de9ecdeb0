"""Labels of every kind that a program may hold: missing ones, mixed ones and dates are refused in one line."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas
import pytest
import torch

from datamodules import ArrayDataModule
from datamodules.array_cells import missing_cells, plain_array

X = np.random.default_rng(0).normal(size=(40, 3))
TEXTS = ["a", "b"] * 20
HOLES = np.isin(np.arange(40), [3, 7])


def without(values: Any, hole: Any) -> list[Any]:
    """The same with holes in rows 3 and 7."""
    return [hole if missing else value for missing, value in zip(HOLES, values, strict=True)]


MISSING: dict[str, Any] = {
    "None among texts": without(TEXTS, None),
    "NaN among texts": without(TEXTS, np.nan),
    "NaT among texts": without(TEXTS, pandas.NaT),
    "NA among numbers": without([0, 1] * 20, pandas.NA),
    "None among numbers": without([0, 1] * 20, None),
    "object array": np.array(without(TEXTS, None), object),
    "object column": pandas.Series(without(TEXTS, None), dtype=object),
    "text column": pandas.Series(without(TEXTS, None), dtype="string"),
    "text column as pandas guesses it": pandas.Series(without(TEXTS, None)),
    "category column": pandas.Series(without(TEXTS, None), dtype="category"),
    "categories": pandas.Categorical(without(TEXTS, None)),
    "categories of numbers": pandas.Categorical(without([0, 1] * 20, None)),
    "whole column": pandas.Series(without([0, 1] * 20, None), dtype="Int64"),
    "truth column": pandas.Series(without([True, False] * 20, None), dtype="boolean"),
    "frame": pandas.DataFrame({"y": without(TEXTS, None)}),
    "column vector": np.array(without(TEXTS, None), object)[:, None],
    "real numbers": np.where(HOLES, np.nan, X[:, 0]),
    "real numbers, two": np.where(HOLES[:, None], np.nan, X[:, :2]),
    "tensor": torch.tensor(np.where(HOLES, np.nan, X[:, 0])),
    "masked whole numbers": np.ma.masked_array([0, 1] * 20, mask=HOLES),
    "masked real numbers": np.ma.masked_array(X[:, 0], mask=HOLES),
    "masked texts": np.ma.masked_array(TEXTS, mask=HOLES),
    "masked rows": [np.ma.masked_array([0.5 * i, i], mask=[False, hole]) for i, hole in enumerate(HOLES)],
    "dates": np.where(HOLES, np.datetime64("NaT", "D"), np.datetime64("2020-01-01")),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_labels_are_refused_with_their_place(name: str) -> None:
    with pytest.raises(ValueError, match=r"^y has missing labels in 2 of 40 rows, the first is y\[3\]: drop those rows$"):
        ArrayDataModule(X, MISSING[name])


def test_missing_classes_of_real_numbers_are_refused_too() -> None:
    with pytest.raises(ValueError, match=r"missing labels in 2 of 40 rows"):
        ArrayDataModule(X, np.where(HOLES, np.nan, np.arange(40) % 2), task="classification")


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([1, "1"] * 20, r"^y mixes number and text: y\[0\] is 1, y\[1\] is '1'; make all labels texts, or all numbers$"),
        (np.array([1, "1"] * 20, object), r"y mixes number and text: y\[0\] is 1, y\[1\] is '1'"),
        (np.array([["a"], [True]] * 20, object), r"y mixes text and true/false: y\[0, 0\] is 'a', y\[1, 0\] is True"),
        (
            pandas.Series(pandas.date_range("2020", periods=40)),
            r"^y is of type datetime64.*, neither number nor text: convert it$",
        ),
        ([datetime.date(2020, 1, 1 + row % 2) for row in range(40)], r"y holds date, neither .*, first in y\[0\]: convert it"),
        (np.arange(40).astype("timedelta64[D]"), "timedelta64"),
        (X[:, 0] + 1j, "complex128"),
        (np.array([b"a", b"b"] * 20), "neither number nor text"),
        ([{}] * 40, "y holds dict, neither number nor text"),
    ],
)
def test_labels_of_several_kinds_or_of_none_are_refused(y: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        ArrayDataModule(X, y)
    assert "\n" not in str(refused.value)


WHOLE: dict[str, tuple[Any, tuple[str, ...] | None]] = {
    "whole numbers as objects": (np.array([0, 1] * 20, object), ("0", "1")),
    "many whole numbers as objects": (np.array(list(range(40)), object), None),
    "true and false as objects": (np.array([True, False] * 20, object), ("False", "True")),
    "real numbers as objects": (np.array(list(X[:, 0]), object), None),
    "numbers beyond 64 bits": ([2**70, 3] * 20, None),
    "decimal numbers": ([Decimal(row) / 3 for row in range(40)], None),
    "texts as objects": (np.array(TEXTS, object), ("a", "b")),
    "texts of numpy's own": (
        np.array(TEXTS, np.dtypes.StringDType()) if hasattr(np.dtypes, "StringDType") else TEXTS,
        ("a", "b"),
    ),
    "column vector": (np.array(TEXTS)[:, None], ("a", "b")),
    "text column": (pandas.Series(TEXTS, dtype="string"), ("a", "b")),
    "category column": (pandas.Series(TEXTS, dtype="category"), ("a", "b")),
    "whole column": (pandas.Series([0, 1] * 20, dtype="Int64"), ("0", "1")),
    "real column": (pandas.Series(X[:, 0], dtype="Float64"), None),
    "nothing masked": (np.ma.masked_array([0, 1] * 20), ("0", "1")),
    "a tensor that is differentiated": (torch.tensor(X[:, 0], requires_grad=True), None),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_labels_are_taken(name: str) -> None:
    """Negative control: nothing is missing here."""
    y, classes = WHOLE[name]
    data = ArrayDataModule(X, y)
    assert data.class_names == classes
    expected = np.asarray(plain_array(y)).reshape(-1)
    if classes is None:
        np.testing.assert_array_equal(data.table.targets[:, 0], expected.astype(float))
    else:
        assert [classes[label] for label in data.table.targets] == [str(label) for label in expected]


HOLED = np.where(HOLES[:, None] & (np.arange(3) == 1), np.nan, X)
FRAME = pandas.DataFrame(HOLED, columns=["x0", "x1", "x2"])
MISSING_FEATURES: dict[str, Any] = {
    "not a number": HOLED,
    "masked": np.ma.masked_array(X, mask=np.isnan(HOLED)),
    "masked whole numbers": np.ma.masked_array(np.arange(120).reshape(40, 3), mask=np.isnan(HOLED)),
    "masked rows": [np.ma.masked_array(row, mask=np.isnan(holed)) for row, holed in zip(X, HOLED, strict=True)],
    "None": [[None if np.isnan(cell) else cell for cell in row] for row in HOLED],
    "pandas' numbers": FRAME.astype("Float64"),
    "pandas' NA among objects": FRAME.astype("Float64").astype(object),
}


@pytest.mark.parametrize("name", MISSING_FEATURES)
def test_missing_features_are_refused_with_their_column(name: str) -> None:
    with pytest.raises(ValueError, match=r"2 values are missing or infinite, in column 'x1' \(2\): .* drop those 2 rows"):
        ArrayDataModule(MISSING_FEATURES[name], TEXTS).splits  # noqa: B018


def test_a_mask_that_hides_nothing_changes_nothing() -> None:
    masked, plain = ArrayDataModule(np.ma.masked_array(X), TEXTS), ArrayDataModule(X, TEXTS)
    torch.testing.assert_close(masked.splits["train"], plain.splits["train"], rtol=0, atol=0)
    assert not missing_cells(np.array(TEXTS)).any() and not missing_cells(np.arange(3)).any()
