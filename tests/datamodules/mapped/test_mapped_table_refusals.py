"""A damaged table is refused while it is copied, and leaves no copy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

import datamodules.files.table_file
import datamodules.mapped.written_features
from datamodules import TabularDataModule
from tests.datamodules.mapped.mapped_tables import N, columns, copies, in_memory, mapped, written


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small table takes many."""
    monkeypatch.setattr(datamodules.files.table_file, "PIECE_BYTES", 2**13)
    monkeypatch.setattr(datamodules.mapped.written_features, "PIECE_BYTES", 2**13)


def changed(**cells: Any) -> Callable[[], dict[str, Any]]:
    return lambda: columns("level") | cells


def late(value: Any, rest: Any) -> list[Any]:
    return [rest] * (N - 1) + [value]


class Bad(NamedTuple):
    """A table, what its refusal says, and the options it is read with."""

    make: Callable[[], dict[str, Any]]
    says: str
    options: dict[str, Any] = {}  # noqa: RUF012 – NamedTuple's way to a default; never changed


STRICT: dict[str, Any] = {"strict": True}
GAP = changed(a=[*columns("level")["a"][:-1], None])

BAD = {
    "missing": Bad(GAP, "has missing values: 'a' (1); fill them in", {"missing": "refuse"}),
    "missing-strict": Bad(changed(a=[None, *columns("level")["a"][1:]]), "has missing values: 'a' (1)", STRICT),
    "infinite": Bad(changed(a=late(float("inf"), 1.5)), "column 'a' holds 'inf' in row 3000, which is not finite"),
    "constant": Bad(changed(a=[1.0] * N), "columns that are constant in the training rows: 'a'", STRICT),
    "constant-text": Bad(changed(colour=["red"] * N), "constant in the training rows: 'colour'", STRICT),
    "all-constant": Bad(lambda: {"id": range(N), "a": [1.0] * N, "ward": [1] * N, "y": [1, 2] * (N // 2)}, "no column left"),
    "too-many-texts": Bad(changed(colour=[f"c{i % 150}" for i in range(N)]), "categories with few training rows", STRICT),
    "numbers-and-texts": Bad(changed(colour=["x" if i % 9 else "1" for i in range(N)]), "numbers and texts: 'colour'", STRICT),
    "text-among-numbers": Bad(changed(a=late("oops", "1.25")), "column 'a' holds numbers, but text in 1 of 3000 rows"),
    "one-class": Bad(changed(y=["yes"] * N), "the target 'y' has one class only"),
    "class-dropped": Bad(
        changed(y=late("no", "yes"), a=late(None, 1.5), b=range(N)), "one class only", {"missing": "drop", "val_fraction": 0}
    ),
    "empty": Bad(lambda: {name: values[:0] for name, values in columns("level").items()}, "has no rows"),
    "huge": Bad(changed(a=late(1e200, 1.5)), "1e+150 in column 'a'"),
    "no-target": Bad(changed(y=pa.nulls(N, pa.string())), "the target 'y' is missing in all 3000 rows"),
    "few-targets": Bad(changed(y=[None, *columns("level")["y"][1:]]), "rows that cannot be used: 1 without a target", STRICT),
    "dates": Bad(changed(a=[f"{i % 28 + 1}.12.2020" for i in range(N)]), "has dates: 'a'", STRICT),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_damaged_table_is_refused_as_in_memory_and_leaves_no_copy(name: str, kind: str, tmp_path: Path) -> None:
    bad = BAD[name]
    path = written(tmp_path, kind, bad.make())
    with pytest.raises(ValueError) as refused:
        mapped(path, **bad.options).table  # noqa: B018
    assert bad.says in str(refused.value) and len(str(refused.value).splitlines()) == 1
    assert not (tmp_path / "maps").exists() or not copies(tmp_path)
    with pytest.raises(ValueError) as expected:
        in_memory(path, **bad.options).setup("fit")
    assert str(refused.value) == str(expected.value)


def test_a_class_with_one_row_is_in_training_or_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "csv", columns("level") | {"y": late("no", "yes")})
    data = mapped(path)
    assert [len(np.unique(y)) for _, y in data.splits.values()] == [2, 1, 1]
    assert data.report.lines() == in_memory(path).report.lines()
    with pytest.raises(ValueError, match=r"1 row of class 'no' leaves none for training after 1 for the test"):
        mapped(path, strict=True).table  # noqa: B018


def test_a_cell_of_the_test_file_that_is_not_finite_is_counted(tmp_path: Path) -> None:
    contents = columns("number")
    contents["a"][4] = np.inf
    test = Path(written(tmp_path, "csv", contents)).rename(tmp_path / "test.csv")
    path = written(tmp_path, "csv", columns("number"))
    messages = []
    for read in (mapped, in_memory):
        with pytest.raises(ValueError, match=r"1 value is .* infinite, in column 'a' \(1\): .* that row") as refused:
            read(path, test_path=str(test)).setup("fit")
        messages.append(str(refused.value))
    assert messages[0] == messages[1]


def test_text_after_many_numbers_names_the_column_and_the_row(tmp_path: Path) -> None:
    rows = ["length,z,y"] + [f"{i}.5,{i % 3},{i % 2}" for i in range(200_000)] + ["oops,1,1"]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(rows))
    with pytest.raises(ValueError, match=r"long.csv: column 'length' holds numbers, but text in 1 of .*'oops', row 200001"):
        TabularDataModule(str(path), "y", memory_map=str(tmp_path / "maps")).table  # noqa: B018


def test_whole_numbers_may_go_on_with_others(tmp_path: Path) -> None:
    rows = ["number,y"] + [f"{i},{i % 7}" for i in range(200_000)] + ["0.5,1.5"]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(rows))
    data = TabularDataModule(str(path), "y", memory_map=str(tmp_path / "maps"), standardize=False)
    assert data.num_classes == 0 and data.num_targets == 1
    assert (np.asarray(data.table.targets) == 1.5).sum() == 1 and (np.asarray(data.table.features) == 0.5).sum() == 1


def test_folds_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"with folds: the rows are not at hand; use test_fraction"):
        mapped("table.csv", folds=5)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        mapped(str(tmp_path / "none.csv")).table  # noqa: B018
    assert not (tmp_path / "maps").exists()
