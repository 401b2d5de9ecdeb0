"""Anybody's own table: what is refused, with its cause and its remedy; all of it where `strict` is set."""

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
SLIP = [*map(str, NUMBERS[:4]), "oops", *map(str, NUMBERS[5:])]

BAD = {
    "missing-file": Bad(lambda folder: str(folder / "none.csv"), ("there is no file", "none.csv", "check the path")),
    "folder": Bad(str, ("there is no file", "it is a folder", "check the path")),
    "ending": Bad(written("table.xlsx", ""), ("table.xlsx", "only text files", ".parquet", ".xlsx", "write the table")),
    "no-ending": Bad(written("table", ""), ("only text files", "without an ending")),
    "garbage-parquet": Bad(written("t.parquet", b"PAR1 garbage"), ("t.parquet cannot be read as parquet", "write it anew")),
    "empty-parquet-file": Bad(written("t.parquet", b""), ("t.parquet cannot be read as parquet", "write it anew")),
    "empty-csv-file": Bad(written("t.csv", ""), ("t.csv has no rows", "check the file")),
    "blank-csv-file": Bad(written("t.csv", "\n \n\n"), ("t.csv has no rows", "check the file")),
    "cut-gzip": Bad(written("t.csv.gz", b"\x1f\x8b\x08\x00\x00"), ("t.csv.gz cannot be read", "check the file")),
    "ragged-csv": Bad(
        written("t.csv", "x,y\n1,a\n2\n"), ("cannot be read as csv", "row 3 of the file has 1 cell where 2 belong", "check")
    ),
    "wrong-encoding": Bad(
        written("t.csv", b"x,y\n\xe9,a\nf,b\n"), ("cannot be read as csv", "decode", "encoding"), {"encoding": "utf-8"}
    ),
    "csv-rows-none": Bad(written("t.csv", "x,y\n"), ("t.csv has no rows", "check the file")),
    "parquet-rows-none": Bad(table(x=pa.array([], pa.float64()), y=pa.array([], pa.string())), ("no rows", "check the file")),
    "wrong-delimiter": Bad(written("t.csv", "x;y\n1;a\n2;b\n"), ("no column 'y'", "its columns are 'x;y'"), {"delimiter": ","}),
    "long-delimiter": Bad(table(x=NUMBERS, y=LABELS), ("delimiter=';;'", "one character"), {"delimiter": ";;"}),
    "unknown-encoding": Bad(table(x=NUMBERS, y=LABELS), ("encoding='klingon'", "no such encoding"), {"encoding": "klingon"}),
    "unknown-task": Bad(table(x=NUMBERS, y=LABELS), ("task='guess'", "choose among auto"), {"task": "guess"}),
    "unknown-missing": Bad(table(x=NUMBERS, y=LABELS), ("missing='guess'", "choose among impute"), {"missing": "guess"}),
    "unknown-dates": Bad(table(x=NUMBERS, y=LABELS), ("dates='us'", "choose among auto, day_first"), {"dates": "us"}),
    "unknown-split": Bad(table(x=NUMBERS, y=LABELS), ("split_by='first'", "random, last"), {"split_by": "first"}),
    "decimal": Bad(table(x=NUMBERS, y=LABELS), ("decimal=';'", "choose among"), {"decimal": ";"}),
    "no-levels": Bad(table(x=NUMBERS, y=LABELS), ("max_levels=0", "≥ 1"), {"max_levels": 0}),
    "codes": Bad(table(x=NUMBERS, y=LABELS), ("missing_codes='-9'", "give a list"), {"missing_codes": "-9"}),
    "unknown-target": Bad(table(x=NUMBERS, z=LABELS), ("no column 'y' (target)", "its columns are 'x', 'z'")),
    "blanks-in-names": Bad(table(**{"a  b": NUMBERS}, z=LABELS), ("no column 'y'", "'a  b'")),
    "unknown-categorical": Bad(
        table(x=NUMBERS, y=LABELS), ("no column 'q' (categorical)", "its columns are"), {"categorical": ["x", "q"]}
    ),
    "unknown-exclude": Bad(table(x=NUMBERS, y=LABELS), ("no column 'q' (exclude)", "its columns are"), {"exclude": ["q"]}),
    "unknown-groups": Bad(table(x=NUMBERS, y=LABELS), ("no column 'q' (groups)", "its columns are"), {"groups": "q"}),
    "target-excluded": Bad(table(x=NUMBERS, y=LABELS), ("'y' cannot be left out", "remove it"), {"exclude": ["y"]}),
    "target-groups": Bad(table(x=NUMBERS, y=LABELS), ("groups='y'", "name another"), {"groups": "y"}),
    "empty-groups": Bad(table(x=NUMBERS, g=[None, *COLOURS[1:]], y=LABELS), ("'g' (groups) is empty in 1",), {"groups": "g"}),
    "groups-and-last": Bad(
        table(x=NUMBERS, g=COLOURS, y=LABELS), ("groups='g'", "split_by='last'"), {"groups": "g", "split_by": "last"}
    ),
    "groups-and-map": Bad(
        table(x=NUMBERS, g=COLOURS, y=LABELS), ("groups='g'", "memory_map"), {"groups": "g", "memory_map": "m"}
    ),
    "folds-and-test": Bad(table(x=NUMBERS, y=LABELS), ("test_path with folds",), {"folds": 3, "test_path": "t.csv"}),
    "inf": Bad(table(x=[INF, -INF, *NUMBERS[2:]], y=LABELS), ("'x' holds 'inf' in row 1", "not finite", "missing_codes")),
    "inf-csv": Bad(written("t.csv", "x,y\n1,b\n-inf,a\n"), ("'x' holds '-inf' in row 2", "not finite", "missing_codes")),
    "inf-target": Bad(table(x=NUMBERS, y=[*NUMBERS[1:], INF]), ("'y' holds 'inf' in row 30", "not finite")),
    "huge": Bad(table(x=[1e200, *NUMBERS[1:]], y=LABELS), ("values above 1e+150", "'x'", "larger unit")),
    "missing-whole-target": Bad(table(x=NUMBERS, y=pa.nulls(N, pa.string())), ("'y' is missing in all 30 rows", "another")),
    "one-class": Bad(table(x=NUMBERS, y=["a"] * N), ("one class only ('a')", "choose another target")),
    "one-class-and-missing": Bad(table(x=NUMBERS, y=["a", None] * (N // 2)), ("one class only ('a')", "another target")),
    "no-classes": Bad(
        table(x=NUMBERS, y=NUMBERS), ("'y' has 30 different values", "task=regression"), {"task": "classification"}
    ),
    "fewer-rows-than-parts": Bad(table(x=[1.0, 2.0], y=[0.5, 1.5]), ("2 rows leave none for training", "add rows")),
    "number-among-texts": Bad(
        table(x=SLIP, y=LABELS), ("'x' holds numbers, but text in 1 of 30 rows", "'oops', row 5", "correct those cells")
    ),
    "text-among-numbers-csv": Bad(
        lambda folder: csv(folder, {"x": [*map(str, NUMBERS[:-1]), "oops"], "y": LABELS}),
        ("'x' holds numbers, but text in 1 of 30 rows", "'oops', row 30", "correct those cells"),
    ),
    "text-among-number-targets": Bad(table(x=NUMBERS, y=["oops", *map(str, NUMBERS[1:])]), ("'y' holds numbers", "correct")),
    "commas-and-points": Bad(table(x=["1,5", "2.5"] * 15, y=LABELS), ("'x' holds numbers with a decimal point", "alike")),
    "text-target-of-regression": Bad(
        table(x=NUMBERS, y=LABELS), ("the target 'y' holds 'no', 'yes'", "task=classification"), {"task": "regression"}
    ),
    "bool-target-of-regression": Bad(
        table(x=NUMBERS, y=FLAGS), ("the target 'y' holds 'false', 'true'", "task=classification"), {"task": "regression"}
    ),
    "only-target": Bad(table(y=LABELS), ("no column left besides the target 'y'", "nothing to predict it from")),
    "all-excluded": Bad(table(x=NUMBERS, y=LABELS), ("no column left besides the target 'y'",), {"exclude": ["x"]}),
    "nothing-but-names": Bad(
        table(x=[f"name {i}" for i in range(N)], y=LABELS), ("no column left", "no category has enough training rows", "'x'")
    ),
    "nothing-but-constants": Bad(table(x=[7.0] * N, y=LABELS), ("no column left", "the same in all training rows", "'x'")),
    "date-target": Bad(table(x=NUMBERS, y=[date(2020, 1, 1 + i) for i in range(N)]), ("target 'y' is date32", "convert it")),
    "date-text-target": Bad(table(x=NUMBERS, y=[f"2020-01-{1 + i:02}" for i in range(N)]), ("target 'y' is a date",)),
    "list-target": Bad(table(x=NUMBERS, y=[[1] * (i % 3) for i in range(N)]), ("target 'y' is list", "convert it")),
    "missing-refused": Bad(
        lambda folder: csv(folder, MISSING), ("has missing values: 'x' (2), 'z' (1)", "fill them in"), {"missing": "refuse"}
    ),
    "all-rows-dropped": Bad(
        table(x=[None, 1.0] * 15, z=[2.0, None] * 15, y=LABELS), ("none of its 30 rows", "missing=impute"), {"missing": "drop"}
    ),
    "test-file-without-column": Bad(
        lambda folder: csv(folder, {"x": NUMBERS, "y": LABELS}) and parquet(folder, {"x": NUMBERS, "z": LEVELS, "y": LABELS}),
        ("table.csv has no column 'z'", "trained on"),
        {"test_path": "table.csv"},
    ),
}

# What is done to a table and said; with strict it is refused.
STRICT = {
    "missing-csv": Bad(lambda folder: csv(folder, MISSING), ("missing values", "'x' (2)", "'z' (1)", "fill them in")),
    "missing-parquet": Bad(table(**MISSING), ("missing values", "'x' (2)", "'z' (1)", "fill them in")),
    "missing-text": Bad(table(x=NUMBERS, c=[None, *COLOURS[1:]], y=LABELS), ("missing values", "'c' (1)", "fill")),
    "missing-whole-column": Bad(table(x=NUMBERS, c=pa.nulls(N), y=LABELS), ("'c'", "exclude")),
    "missing-target": Bad(table(x=NUMBERS, y=[None, *LABELS[1:]]), ("1 without a target", "drop those rows")),
    "missing-code": Bad(
        lambda folder: csv(folder, {"x": ["?", *map(str, NUMBERS[1:])], "y": LABELS}), ("'?' (1 cell of 'x')", "missing_codes")
    ),
    "nan": Bad(table(x=[NAN, NAN, *NUMBERS[2:]], y=LABELS), ("missing values", "'x' (2)", "fill them in")),
    "nan-target": Bad(table(x=NUMBERS, y=[NAN, *NUMBERS[1:]]), ("1 without a target", "drop those rows")),
    "constant-number": Bad(table(x=NUMBERS, k=[7.0] * N, y=LABELS), ("constant", "'k'", "exclude")),
    "constant-text": Bad(table(x=NUMBERS, k=["s"] * N, y=LABELS), ("constant", "'k'", "exclude")),
    "row-numbers": Bad(table(**{"": list(range(N))}, x=NUMBERS, y=LABELS), ("number or name the rows", "''", "exclude")),
    "rare-class": Bad(table(x=NUMBERS, y=RARE), ("class 'rare' has 2 rows", "merge classes")),
    "fewer-rows-than-classes": Bad(table(x=[1.0, 2.0, 3.0, 4.0], y=["a", "b", "c", "d"]), ("4 rows and 4 classes", "add rows")),
    "numbers-as-text": Bad(table(x=[*map(str, NUMBERS)], y=LABELS), ("not plain", "'x' (texts)", "write plain")),
    "decimal-comma": Bad(table(x=[f"{i},5" for i in range(N)], y=LABELS), ("'x' (decimal commas)", "write plain")),
    "leading-zeros": Bad(table(x=[f"0{i % 3}" for i in range(N)], y=LABELS), ("'x' (zeros lead", "categorical")),
    "numbers-and-texts": Bad(table(x=["4", "r", "f"] * 10, y=LABELS), ("'x' (numbers and texts)", "categorical")),
    "too-many-categories": Bad(
        table(x=list(range(2020)), k=[f"name {i % 101}" for i in range(2020)], y=[i / 2 for i in range(2020)]),
        ("few training rows", "'k'", "exclude"),
    ),
    "repeated-name-csv": Bad(lambda folder: csv(folder, TWICE), ("without a name of their own", "'x'", "rename them")),
    "repeated-name-parquet": Bad(lambda folder: parquet(folder, TWICE), ("without a name of their own", "'x'", "rename them")),
    "date": Bad(table(x=[f"2020-01-{1 + i:02}" for i in range(N)], y=LABELS), ("has dates: 'x'", "exclude")),
    "list": Bad(table(z=NUMBERS, x=[[1] * (i % 3) for i in range(N)], y=LABELS), ("neither numbers", "'x' (list", "exclude")),
}


def refusal(path: str, folder: Path, options: dict[str, Any]) -> str:
    with pytest.raises((ValueError, OSError)) as error:
        TabularDataModule(path, "y", data_dir=str(folder), **options).setup("fit")
    message = str(error.value)
    assert not isinstance(error.value, UnicodeError)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_with_cause_and_remedy(tmp_path: Path, bad: Bad) -> None:
    message = refusal(bad.make(tmp_path), tmp_path, bad.options)
    for part in bad.says:
        assert part in message


@pytest.mark.parametrize("bad", STRICT.values(), ids=STRICT.keys())
def test_strict_refuses_what_is_else_done_and_said(tmp_path: Path, bad: Bad) -> None:
    path = bad.make(tmp_path)
    message = refusal(path, tmp_path, {"strict": True, **bad.options})
    for part in bad.says:
        assert part in message
    if "add rows" not in bad.says:  # control: without strict it is done, and said
        assert TabularDataModule(path, "y", **bad.options).report.lines()


def test_more_classes_than_are_counted(tmp_path: Path) -> None:
    for texts in (
        [f"name {i}" for i in range(12_000)],
        ["a", "b", "a", "b", "a"] * 4_000 + [f"name {i}" for i in range(12_000)],
    ):
        path = csv(tmp_path, {"x": range(len(texts)), "y": texts})
        assert "'y' has more than 10000 different values, which are no classes" in refusal(path, tmp_path, {})
