"""A damaged table is refused while it is copied, and leaves no copy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datamodules.tables.row_stream
import numpy as np
import pyarrow as pa
import pytest

import datamodules.mapped.table_copy
from datamodules import TabularDataModule
from tests.datamodules.mapped.mapped_tables import N, columns, copies, mapped, written


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small table takes many."""
    monkeypatch.setattr(datamodules.tables.row_stream, "PIECE_BYTES", 2**13)
    monkeypatch.setattr(datamodules.mapped.table_copy, "PIECE_BYTES", 2**13)


def changed(**cells: Any) -> Callable[[], dict[str, Any]]:
    return lambda: columns("level") | cells


def late(value: Any, rest: Any) -> list[Any]:
    return [rest] * (N - 1) + [value]


BAD: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "missing": (changed(a=late(None, 1.5)), r"1 values are missing or infinite, in columns 'a' \(1\)"),
    "infinite": (changed(a=late(float("inf"), 1.5)), r"1 values are missing or infinite"),
    "constant": (changed(a=[1.0] * N), "1 columns are constant: 'a'"),
    "constant-text": (changed(colour=["red"] * N), "column 'colour' is constant"),
    "too-many-texts": (changed(colour=[f"c{i % 150}" for i in range(N)]), "different texts in .* name it in exclude"),
    "numbers-among-texts": (changed(colour=["x" if i % 9 else "1" for i in range(N)]), "holds numbers, but text in 1 of 2"),
    "one-class": (changed(y=["yes"] * N), "the target has one class only"),
    "rare-class": (changed(y=late("no", "yes")), "1 row of class 'no' leaves none for training"),
    "empty": (lambda: {name: values[:0] for name, values in columns("level").items()}, "has no rows"),
    "huge": (changed(a=late(1e200, 1.5)), "1e\\+150 in columns 'a'"),
    "dates": (changed(a=pa.array(range(N), pa.timestamp("s"))), "neither number nor text"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_damaged_table_is_refused_and_leaves_no_copy(bad: str, kind: str, tmp_path: Path) -> None:
    make, message = BAD[bad]
    path = written(tmp_path, kind, make())
    with pytest.raises(ValueError, match=message) as refused:
        mapped(path).table  # noqa: B018
    assert len(str(refused.value).splitlines()) == 1
    assert not (tmp_path / "maps").exists() or not copies(tmp_path)


def test_text_after_a_million_numbers_names_the_column(tmp_path: Path) -> None:
    rows = ["x,y"] + [f"{i}.5,{i % 2}" for i in range(200_000)] + ["oops,1"]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(rows))
    with pytest.raises(ValueError, match=r"long.csv cannot be read as csv: .*'?oops'?"):
        TabularDataModule(str(path), "y", memory_map=str(tmp_path / "maps")).table  # noqa: B018


def test_whole_numbers_may_go_on_with_others(tmp_path: Path) -> None:
    rows = ["x,y"] + [f"{i},{i % 7}" for i in range(200_000)] + ["0.5,1.5"]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(rows))
    data = TabularDataModule(str(path), "y", memory_map=str(tmp_path / "maps"), standardize=False)
    assert data.num_classes == 0 and data.num_targets == 1
    assert (np.asarray(data.table.targets) == 1.5).sum() == 1 and (np.asarray(data.table.features) == 0.5).sum() == 1


def test_folds_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"with folds=5: the rows are not at hand; use test_fraction"):
        mapped("table.csv", folds=5)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        mapped(str(tmp_path / "none.csv")).table  # noqa: B018
    assert not (tmp_path / "maps").exists()
