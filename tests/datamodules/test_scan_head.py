"""The head of a file shows wrong names and unreadable rows; what needs all rows is refused where it shows all."""

from pathlib import Path

import pytest

import datamodules.files.table_file
from datamodules.columns.report import Report
from datamodules.columns.rules import ColumnRules
from datamodules.files import TableFile
from datamodules.files.scan_file import scan_file, scan_head

# More than two pieces of rows.
ROWS, ALL = 200_000, 2**40


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datamodules.files.table_file, "PIECE_BYTES", 2**20)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Numbers but one text at the end, and two classes of which the head has one."""
    path = tmp_path_factory.mktemp("large") / "table.csv"
    lines = [f"{i % 17}.25,{i % 19}.5,{'a' if i < ROWS - 9 else 'b'}\n" for i in range(ROWS)]
    path.write_text("x,y,kind\n" + "".join(lines) + "l0,1,b\n")
    return path


def refused(path: Path, most_bytes: int, target: str) -> str | None:
    file, rules = TableFile(path, wanted=target), ColumnRules(path, target, task="classification")
    try:
        scan_head(file, rules, most_bytes)
    except ValueError as error:
        return str(error)
    return None


def test_names_are_looked_at_whatever_the_size(path: Path) -> None:
    assert "no column 'knid' (target)" in str(refused(path, 0, "knid"))


def test_what_the_head_looks_like_is_no_refusal(path: Path) -> None:
    """It holds one class, and numbers only."""
    assert sum(1 for _ in TableFile(path).pieces()) > 2
    assert refused(path, 1, "kind") is None


def test_what_all_rows_show_is_refused_where_they_are_looked_at(path: Path) -> None:
    """In the words of the scan."""
    with pytest.raises(ValueError, match="holds numbers, but text in 1 of") as scanned:
        scan_file(TableFile(path, wanted="kind"), ColumnRules(path, "kind", task="classification"), Report(path))
    assert refused(path, ALL, "kind") == str(scanned.value)


def test_rows_that_cannot_be_read_are_refused_in_the_head(path: Path, tmp_path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    (tmp_path / "early.csv").write_text("".join([*lines[:5], "1,2,a,b,c\n", *lines[5:]]))
    (tmp_path / "late.csv").write_text("".join([*lines, "1,2,a,b,c\n"]))
    assert "early.csv" in str(refused(tmp_path / "early.csv", 1, "kind"))
    assert refused(tmp_path / "late.csv", 1, "kind") is None
    assert "late.csv cannot be read" in str(refused(tmp_path / "late.csv", ALL, "kind"))
