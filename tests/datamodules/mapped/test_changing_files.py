"""Files that change while they are read, are cut off or compressed: read whole, or refused in one line."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import datamodules.files.table_file
from datamodules import TabularDataModule
from datamodules.tables.usable_rows import RowFilter
from tests.datamodules.mapped.mapped_tables import columns, copies, in_memory, mapped, written


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small table takes many."""
    monkeypatch.setattr(datamodules.files.table_file, "PIECE_BYTES", 2**13)


READERS = {"mapped": mapped, "in memory": in_memory}


def more_rows(path: Path) -> None:
    path.write_text(path.read_text() + "".join(line + "\n" for line in path.read_text().splitlines()[1:]))


def fewer_rows(path: Path) -> None:
    path.write_text("".join(line + "\n" for line in path.read_text().splitlines()[:100]))


def other_cells(path: Path) -> None:
    path.write_text(path.read_text().replace("red", "oops"))


def no_file(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [more_rows, fewer_rows, other_cells, no_file])
@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_changes_between_its_readings_is_refused(
    reader: str, change: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "csv", columns("level"))
    made = RowFilter.__init__

    def changed(self: RowFilter, *arguments: Any) -> None:
        change(Path(path))
        monkeypatch.setattr(RowFilter, "__init__", made)
        made(self, *arguments)

    monkeypatch.setattr(RowFilter, "__init__", changed)
    with pytest.raises(ValueError, match=r"table.csv has changed while it was read: start again when it is whole") as refused:
        READERS[reader](path).setup("fit")
    assert "\n" not in str(refused.value)
    assert reader == "in memory" or not copies(tmp_path)


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_does_not_change_is_read(reader: str, tmp_path: Path) -> None:
    """Negative control."""
    READERS[reader](written(tmp_path, "csv", columns("level"))).setup("fit")


def zstandard(content: bytes) -> bytes:
    return pa.compress(content, "zstd", asbytes=True)


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard}


@pytest.mark.parametrize("ending", COMPRESSED)
def test_compressed_files_are_read_and_cut_off_ones_refused(ending: str, tmp_path: Path) -> None:
    plain = Path(written(tmp_path, "csv", columns("level")))
    content, path = COMPRESSED[ending](plain.read_bytes()), tmp_path / f"table.csv{ending}"
    path.write_bytes(content)
    options: dict[str, Any] = {"val_fraction": 0, "test_fraction": 0}
    expected = in_memory(str(plain), **options).table.features
    for read in READERS.values():
        found = np.asarray(read(str(path), standardize=False, **options).table.features)
        np.testing.assert_array_equal(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)])
    path.write_bytes(content[: len(content) // 2])
    for read in READERS.values():
        with pytest.raises(ValueError, match=r"table.csv\.\w+ cannot be read as csv") as refused:
            read(str(path), **options).setup("fit")
        assert "\n" not in str(refused.value)
    assert len(copies(tmp_path)) == 1


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_that_are_cut_off_are_refused(kind: str, tmp_path: Path) -> None:
    """A text file is if its last row has fewer cells."""
    path = Path(written(tmp_path, kind, columns("level")))
    content = path.read_bytes()
    end = content.rindex(b",", 0, len(content) // 2) if kind == "csv" else len(content) // 2
    path.write_bytes(content[:end])
    for read in READERS.values():
        with pytest.raises(ValueError, match=rf"table.{kind} cannot be read as {kind}") as refused:
            read(str(path)).setup("fit")
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "maps").exists() or not copies(tmp_path)


def test_a_copy_of_the_file_before_its_change_is_not_taken(tmp_path: Path) -> None:
    path = written(tmp_path, "csv", columns("level"))
    assert isinstance(data := mapped(path), TabularDataModule) and data.num_rows == 3000
    fewer_rows(Path(path))
    assert mapped(path).num_rows == 99
