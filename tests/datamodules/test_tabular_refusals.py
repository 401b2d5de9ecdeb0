"""Anybody's own table: what is refused, with its cause and its remedy."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from datamodules import TabularDataModule
from tests.datamodules.tables.table_files import COLOURS, FLAGS, LABELS, LEVELS, NUMBERS, N, csv, parquet, written


def table(**columns: Any) -> Callable[[Path], str]:
    """A Parquet file of these columns."""
    return lambda folder: parquet(folder, columns)


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
    "missing-file": Bad(lambda folder: str(folder / "none.csv"), ("there is no file", "none.csv", "check the path")),
    "folder": Bad(str, ("there is no file", "it is a folder", "check the path")),
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
