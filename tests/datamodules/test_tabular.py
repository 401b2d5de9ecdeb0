"""Anybody's own table: what is read from a file, and what is refused."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from datamodules import TabularDataModule

N = 30
NUMBERS = [0.5 * i for i in range(N)]
COUNTS = list(range(N))
LABELS = ["yes" if i % 3 else "no" for i in range(N)]
COLOURS = [("red", "green", "blue")[i % 3] for i in range(N)]
FLAGS = [i % 2 == 0 for i in range(N)]
LEVELS = [i % 4 for i in range(N)]

Columns = dict[str, Any] | pa.Table


def parquet(folder: Path, columns: Columns) -> str:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pyarrow.parquet.write_table(table, folder / "table.parquet")
    return str(folder / "table.parquet")


def csv(folder: Path, columns: Columns, delimiter: str = ",") -> str:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pyarrow.csv.write_csv(table, folder / "table.csv", pyarrow.csv.WriteOptions(delimiter=delimiter))
    return str(folder / "table.csv")


def written(name: str, content: str | bytes) -> Callable[[Path], str]:
    """A file with exactly these contents."""

    def write(folder: Path) -> str:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return str(folder / name)

    return write


def table(**columns: Any) -> Callable[[Path], str]:
    """A Parquet file of these columns."""
    return lambda folder: parquet(folder, columns)


@pytest.mark.parametrize("target", ["label", "count", "number", "flag", "level"])
def test_csv_and_parquet_give_the_same_table(tmp_path: Path, target: str) -> None:
    columns = {"number": NUMBERS, "count": COUNTS, "colour": COLOURS, "flag": FLAGS, "level": LEVELS, "label": LABELS}
    from_csv = TabularDataModule(csv(tmp_path, columns), target).table
    from_parquet = TabularDataModule(parquet(tmp_path, columns), target).table
    np.testing.assert_array_equal(from_csv.features, from_parquet.features)
    np.testing.assert_array_equal(from_csv.targets, from_parquet.targets)
    assert from_csv.features.dtype == from_parquet.features.dtype == np.float64
    assert from_csv.targets.dtype == from_parquet.targets.dtype
    assert (from_csv.feature_names, from_csv.class_names) == (from_parquet.feature_names, from_parquet.class_names)


def test_texts_become_indicators_of_all_categories_but_the_first(tmp_path: Path) -> None:
    read = TabularDataModule(csv(tmp_path, {"colour": COLOURS, "number": NUMBERS, "label": LABELS}), "label").table
    assert read.feature_names == ("colour=green", "colour=red", "number")  # blue, the first, is the reference
    colours = np.array(COLOURS)
    np.testing.assert_array_equal(read.features[:, 0], colours == "green")
    np.testing.assert_array_equal(read.features[:, 1], colours == "red")
    np.testing.assert_array_equal(read.features[:, 2], NUMBERS)


def test_columns_named_categorical_become_indicators(tmp_path: Path) -> None:
    path = csv(tmp_path, {"level": LEVELS, "flag": FLAGS, "label": LABELS})
    read = TabularDataModule(path, "label", categorical=["level", "flag"]).table
    assert read.feature_names == ("level=1", "level=2", "level=3", "flag=True")
    np.testing.assert_array_equal(read.features[:, :3], np.array(LEVELS)[:, None] == [1, 2, 3])
    np.testing.assert_array_equal(read.features[:, 3], FLAGS)


def test_true_and_false_as_a_feature_are_one_and_zero(tmp_path: Path) -> None:
    read = TabularDataModule(csv(tmp_path, {"flag": FLAGS, "label": LABELS}), "label").table
    assert read.feature_names == ("flag",)
    np.testing.assert_array_equal(read.features[:, 0], np.array(FLAGS, float))


def test_decimal_numbers_are_numbers(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"price": [Decimal(i) / 4 for i in range(N)], "label": LABELS})
    np.testing.assert_array_equal(TabularDataModule(path, "label").table.features[:, 0], np.arange(N) / 4)


def test_dictionary_encoded_columns_are_what_they_stand_for(tmp_path: Path) -> None:
    levels = pa.DictionaryArray.from_arrays(pa.array(LEVELS, pa.int8()), pa.array([10, 20, 30, 40]))
    plain = {"colour": COLOURS, "level": [10 * (level + 1) for level in LEVELS], "label": LABELS}
    encoded = {
        "colour": pa.array(COLOURS).dictionary_encode(),
        "level": levels,
        "label": pa.array(LABELS).dictionary_encode(),
    }
    path = parquet(tmp_path, encoded)
    assert pa.types.is_dictionary(pyarrow.parquet.read_schema(path).field("colour").type)  # or the test shows nothing
    read, expected = TabularDataModule(path, "label").table, TabularDataModule(csv(tmp_path, plain), "label").table
    np.testing.assert_array_equal(read.features, expected.features)
    np.testing.assert_array_equal(read.targets, expected.targets)
    assert (read.feature_names, read.class_names) == (expected.feature_names, expected.class_names)


@pytest.mark.parametrize(
    ("values", "task", "class_names"),
    [
        pytest.param(LABELS, "auto", ("no", "yes"), id="text"),
        pytest.param(FLAGS, "auto", ("False", "True"), id="bool"),
        pytest.param(LEVELS, "auto", ("0", "1", "2", "3"), id="few-integers"),
        pytest.param([i % 20 for i in range(N)], "auto", tuple(map(str, range(20))), id="20-integers"),
        pytest.param([3 * level - 1 for level in LEVELS], "auto", ("-1", "2", "5", "8"), id="integers-with-gaps"),
        pytest.param([i % 21 for i in range(N)], "auto", None, id="21-integers"),
        pytest.param(NUMBERS, "auto", None, id="real"),
        pytest.param([float(level) for level in LEVELS], "auto", None, id="few-reals"),
        pytest.param(LEVELS, "regression", None, id="few-integers-as-numbers"),
        pytest.param([level / 2 for level in LEVELS], "classification", ("0.0", "0.5", "1.0", "1.5"), id="reals-as-classes"),
        pytest.param(LABELS, "classification", ("no", "yes"), id="text-as-classes"),
    ],
)
def test_targets(tmp_path: Path, values: list[Any], task: str, class_names: tuple[str, ...] | None) -> None:
    """Classes are numbered in the order of their sorted values; numbers are kept, one column."""
    data = TabularDataModule(parquet(tmp_path, {"x": NUMBERS, "y": values}), "y", task=task)  # type: ignore[arg-type]
    read = data.table
    assert read.class_names == class_names
    assert data.num_classes == len(class_names or ())
    assert data.num_targets == 1
    if class_names is None:
        assert read.targets.dtype == np.float64
        np.testing.assert_array_equal(read.targets, np.array(values, float)[:, None])
    else:
        assert read.targets.dtype == np.int64
        np.testing.assert_array_equal(read.targets, [sorted(set(values)).index(value) for value in values])


def test_text_of_numbers_is_a_target_when_it_is_named_categorical(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"x": NUMBERS, "y": [str(level) for level in LEVELS]})
    read = TabularDataModule(path, "y", categorical=["y"]).table
    assert read.class_names == ("0", "1", "2", "3")
    np.testing.assert_array_equal(read.targets, LEVELS)


def test_excluded_columns_are_left_out_whatever_they_hold(tmp_path: Path) -> None:
    columns = {
        "id": [f"row {i}" for i in range(N)],
        "x": NUMBERS,
        "gaps": [None, *NUMBERS[1:]],
        "same": ["s"] * N,
        "day": [date(2020, 1, 1)] * N,
        "y": LABELS,
    }
    read = TabularDataModule(parquet(tmp_path, columns), "y", exclude=["id", "gaps", "same", "day"]).table
    assert read.feature_names == ("x",)
    np.testing.assert_array_equal(read.features[:, 0], NUMBERS)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiter(tmp_path: Path, delimiter: str) -> None:
    columns = {"x": NUMBERS, "colour": COLOURS, "y": LABELS}
    expected = TabularDataModule(csv(tmp_path, columns), "y").table
    read = TabularDataModule(csv(tmp_path, columns, delimiter), "y", delimiter=delimiter).table
    np.testing.assert_array_equal(read.features, expected.features)
    assert read.feature_names == expected.feature_names


def test_path_is_relative_to_data_dir(tmp_path: Path) -> None:
    parquet(tmp_path, {"x": NUMBERS, "y": LABELS})
    assert TabularDataModule("table.parquet", "y", data_dir=str(tmp_path)).num_features == 1


def test_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    rows = "".join(f"{x},{y}\n" for x, y in zip(NUMBERS, LABELS, strict=True))
    path = written("table.csv", b"\xef\xbb\xbfx,y\n" + rows.encode())(tmp_path)
    assert TabularDataModule(path, "y").table.feature_names == ("x",)


class Bad(NamedTuple):
    """A file, the options it is read with, and what the refusal must say: the cause and the remedy."""

    make: Callable[[Path], str]
    says: tuple[str, ...]
    options: dict[str, Any] = {}  # noqa: RUF012 – NamedTuple's way to a default; never changed


NAN, INF = float("nan"), float("inf")
MISSING = {"x": [None, None, *NUMBERS[2:]], "z": [None, *NUMBERS[1:]], "y": LABELS}
TWICE = pa.Table.from_arrays([pa.array(NUMBERS), pa.array(NUMBERS), pa.array(LABELS)], names=["x", "x", "y"])
RARE = ["rare"] * 2 + LABELS[2:]

BAD = {
    "missing-file": Bad(lambda folder: str(folder / "none.csv"), ("there is no file", "none.csv", "check --data.path")),
    "folder": Bad(str, ("there is no file", "it is a folder", "check --data.path")),
    "ending": Bad(written("table.xlsx", ""), ("table.xlsx", "only .csv and .parquet", ".xlsx")),
    "no-ending": Bad(written("table", ""), ("only .csv and .parquet", "without an ending")),
    "garbage-parquet": Bad(written("t.parquet", b"PAR1 garbage"), ("t.parquet cannot be read as parquet", "check the file")),
    "empty-parquet-file": Bad(written("t.parquet", b""), ("t.parquet cannot be read as parquet", "check the file")),
    "empty-csv-file": Bad(written("t.csv", ""), ("t.csv cannot be read as csv", "Empty", "check the file")),
    "ragged-csv": Bad(written("t.csv", "x,y\n1,a\n2\n"), ("cannot be read as csv", "Expected 2 columns, got 1", "check")),
    "csv-header-not-utf8": Bad(written("t.csv", b"\xe9,y\n1,a\n"), ("cannot be read as csv", "decode", "check the file")),
    "csv-cells-not-utf8": Bad(written("t.csv", b"x,y\n\xe9,a\nf,b\n"), ("column 'x'", "not UTF-8", "convert it")),
    "csv-rows-none": Bad(written("t.csv", "x,y\n"), ("t.csv has no rows", "check the file")),
    "parquet-rows-none": Bad(table(x=pa.array([], pa.float64()), y=pa.array([], pa.string())), ("no rows", "check the file")),
    "wrong-delimiter": Bad(written("t.csv", "x;y\n1;a\n"), ("no column 'y'", "its columns are 'x;y'")),
    "long-delimiter": Bad(table(x=NUMBERS, y=LABELS), ("delimiter=';;'", "one character"), {"delimiter": ";;"}),
    "unknown-task": Bad(table(x=NUMBERS, y=LABELS), ("task='guess'", "choose among auto"), {"task": "guess"}),
    "unknown-target": Bad(table(x=NUMBERS, z=LABELS), ("no column 'y' (target)", "its columns are 'x', 'z'")),
    "unknown-categorical": Bad(
        table(x=NUMBERS, y=LABELS), ("no column 'q' (categorical)", "its columns are"), {"categorical": ["x", "q"]}
    ),
    "unknown-exclude": Bad(table(x=NUMBERS, y=LABELS), ("no column 'q' (exclude)", "its columns are"), {"exclude": ["q"]}),
    "target-excluded": Bad(table(x=NUMBERS, y=LABELS), ("'y' cannot be left out", "remove it"), {"exclude": ["y"]}),
    "missing-csv": Bad(lambda folder: csv(folder, MISSING), ("3 values are missing", "'x' (2)", "'z' (1)", "fill them in")),
    "missing-parquet": Bad(table(**MISSING), ("3 values are missing", "'x' (2)", "'z' (1)", "fill them in")),
    "missing-text": Bad(table(x=NUMBERS, c=[None, *COLOURS[1:]], y=LABELS), ("1 values are missing", "'c' (1)", "fill")),
    "missing-whole-column": Bad(table(x=NUMBERS, c=pa.nulls(N), y=LABELS), (f"'c' ({N})", "exclude")),
    "missing-target": Bad(table(x=NUMBERS, y=[None, *LABELS[1:]]), ("1 values are missing", "'y' (1)", "drop those rows")),
    "nan": Bad(table(x=[NAN, NAN, *NUMBERS[2:]], y=LABELS), ("2 values are missing or infinite", "'x' (2)", "fill them in")),
    "nan-csv": Bad(written("t.csv", "x,y\nnan,a\n1,b\n"), ("1 values are missing or infinite", "'x' (1)", "fill them in")),
    "inf": Bad(table(x=[INF, -INF, *NUMBERS[2:]], y=LABELS), ("2 values are missing or infinite", "'x' (2)", "drop")),
    "inf-csv": Bad(written("t.csv", "x,y\ninf,a\n1,b\n"), ("1 values are missing or infinite", "'x' (1)", "drop")),
    "nan-categorical": Bad(
        table(x=NUMBERS, c=[NAN, *NUMBERS[1:]], y=LABELS), ("1 values are", "'c' (1)", "fill"), {"categorical": ["c"]}
    ),
    "nan-target": Bad(table(x=NUMBERS, y=[NAN, *NUMBERS[1:]]), ("1 values are missing or infinite", "'y' (1)", "drop")),
    "inf-target": Bad(table(x=NUMBERS, y=[INF, *NUMBERS[1:]]), ("1 values are missing or infinite", "'y' (1)", "drop")),
    "nan-class": Bad(
        table(x=NUMBERS, y=[NAN, *map(float, LEVELS[1:])]), ("1 values are", "'y' (1)"), {"task": "classification"}
    ),
    "constant-number": Bad(table(x=NUMBERS, k=[7.0] * N, y=LABELS), ("1 columns are constant", "'k'", "leave them out")),
    "constant-text": Bad(table(x=NUMBERS, k=["s"] * N, y=LABELS), ("'k' is constant (always 's')", "exclude")),
    "constant-in-training": Bad(
        table(x=NUMBERS, y=NUMBERS),
        ("1 columns are constant in the 1 training rows", "'x'", "another seed or fraction"),
        {"val_fraction": 0.45, "test_fraction": 0.5},
    ),
    "one-class": Bad(table(x=NUMBERS, y=["a"] * N), ("one class only ('a')", "choose another target")),
    "fewer-rows-than-classes": Bad(table(x=[1.0, 2.0, 3.0, 4.0], y=["a", "b", "c", "d"]), ("4 rows and 4 classes", "add rows")),
    "fewer-rows-than-parts": Bad(table(x=[1.0, 2.0], y=[0.5, 1.5]), ("2 rows leave none for training", "add rows")),
    "rare-class": Bad(table(x=NUMBERS, y=RARE), ("class 'rare' has 2 rows", "merge classes")),
    "number-among-texts": Bad(
        table(x=[*map(str, NUMBERS[:4]), "oops", *map(str, NUMBERS[5:])], y=LABELS),
        ("'x' holds numbers, but text in 1 of 30 rows", "'oops', row 5", "correct those cells"),
    ),
    "text-among-numbers-csv": Bad(
        lambda folder: csv(folder, {"x": [*map(str, NUMBERS[:-1]), "oops"], "y": LABELS}),
        ("'x' holds numbers, but text in 1 of 30 rows", "'oops', row 30", "correct those cells"),
    ),
    "text-among-number-targets": Bad(table(x=NUMBERS, y=["oops", *map(str, NUMBERS[1:])]), ("'y' holds numbers", "correct")),
    "numbers-as-text": Bad(table(x=[*map(str, NUMBERS)], y=LABELS), ("'x' holds numbers written as text", "convert them")),
    "text-target-of-regression": Bad(
        table(x=NUMBERS, y=LABELS), ("the target 'y' is string", "task=classification"), {"task": "regression"}
    ),
    "bool-target-of-regression": Bad(
        table(x=NUMBERS, y=FLAGS), ("the target 'y' is bool", "task=classification"), {"task": "regression"}
    ),
    "too-many-categories": Bad(
        table(x=list(range(101)), k=[f"name {i}" for i in range(101)], y=[i / 2 for i in range(101)]),
        ("'k' has 101 different texts in 101 rows", "exclude"),
    ),
    "repeated-name-csv": Bad(lambda folder: csv(folder, TWICE), ("several columns are called 'x'", "rename them")),
    "repeated-name-parquet": Bad(lambda folder: parquet(folder, TWICE), ("several columns are called 'x'", "rename them")),
    "only-target": Bad(table(y=LABELS), ("no column left besides the target 'y'", "nothing to predict it from")),
    "all-excluded": Bad(table(x=NUMBERS, y=LABELS), ("no column left besides the target 'y'",), {"exclude": ["x"]}),
    "date-feature": Bad(table(x=[date(2020, 1, 1 + i) for i in range(N)], y=LABELS), ("'x' is date32", "exclude")),
    "date-target": Bad(table(x=NUMBERS, y=[date(2020, 1, 1 + i) for i in range(N)]), ("target 'y' is date32", "convert it")),
    "list-target": Bad(table(x=NUMBERS, y=[[1] * (i % 3) for i in range(N)]), ("target 'y' is list", "convert it")),
    "list-categorical": Bad(
        table(x=[[1] * (i % 3) for i in range(N)], y=LABELS), ("column 'x' is list", "exclude"), {"categorical": ["x"]}
    ),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_with_cause_and_remedy(tmp_path: Path, bad: Bad) -> None:
    path = bad.make(tmp_path)
    with pytest.raises((ValueError, OSError)) as refusal:
        TabularDataModule(path, "y", **bad.options).setup("fit")
    message = str(refusal.value)
    assert not isinstance(refusal.value, UnicodeError)
    assert "\n" not in message
    for part in bad.says:
        assert part in message
