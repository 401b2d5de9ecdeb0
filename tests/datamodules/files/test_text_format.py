"""Text files of every form hold the same table, and what is not plain about them is said."""

import bz2
import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules import TabularDataModule
from datamodules.files import TableFile

N = 60
ROWS = [(f"{0.5 * i:.2f}", ("red", "green", "blue, dark", 'a "b"')[i % 4], str(i % 5)) for i in range(N)]
PLAIN = [row for row in ROWS if "," not in row[1] and '"' not in row[1]]


def text(rows: list[tuple[str, ...]], delimiter: str = ",", header: str | None = "size,colour,count") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([*([header.split(",")] if header else []), *rows])
    return out.getvalue()


def read(path: Path, **options: object) -> tuple[list[str], list[tuple[str, ...]], list[str]]:
    """(names, rows, what is not plain)."""
    file = TableFile(path, **options)  # type: ignore[arg-type]
    rows = [tuple(row.values()) for piece in file.pieces() for row in piece.to_pylist()]
    return file.schema.names, rows, file.notes()[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_delimiters_and_encodings_are_found(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [(size, colour.replace("red", "größe"), count) for size, colour, count in ROWS]
    (tmp_path / "t.txt").write_bytes(text(rows, delimiter).encode(encoding))
    names, found, notes = read(tmp_path / "t.txt")
    assert (names, found) == (["size", "colour", "count"], rows)
    assert any("cells between" in note for note in notes) == (delimiter != ",")
    assert any("texts in" in note for note in notes) == (not encoding.startswith("utf-8"))


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": lambda content: pa.Codec("zstd").compress(content, asbytes=True),
}


@pytest.mark.parametrize("suffix", COMPRESSED)
@pytest.mark.parametrize("kind", [".csv", ".tsv"])
def test_compressed_files(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"t{kind}{suffix}"
    path.write_bytes(COMPRESSED[suffix](text(ROWS, "\t").encode()))
    assert read(path)[:2] == (["size", "colour", "count"], ROWS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="cannot be read as"):
        read(path)


def test_lines_that_are_none_of_the_table(tmp_path: Path) -> None:
    plain, path = text(ROWS), tmp_path / "t.csv"
    first, _, rest = plain.partition("\n")
    for content, note in (
        ("Sales of 2020\nSource: us\n\n" + plain, "3 lines above the table"),
        ("# made by hand\n# twice\n" + plain, "lines that begin with # are comments"),
        (f"{first}\n# all of them\n{rest}# that is all\n", "lines that begin with # are comments"),
        ("\n\n" + plain, "2 lines above the table"),
    ):
        path.write_text(content)
        names, rows, notes = read(path)
        assert names == ["size", "colour", "count"] and notes == [note]
        assert rows == ROWS


def test_cells_that_blanks_align(tmp_path: Path) -> None:
    rows = [f"{size:>8} {colour:<6}  {count}" for size, colour, count in PLAIN]
    (tmp_path / "t.dat").write_text("\n".join(["    size colour  count", *rows]) + "\n")
    assert read(tmp_path / "t.dat")[:2] == (["size", "colour", "count"], PLAIN)


def test_names_of_rows_without_a_name_of_their_own(tmp_path: Path) -> None:
    """What R's write.table writes: a header of one cell less."""
    rows = [(f"row{i}", *row) for i, row in enumerate(PLAIN)]
    (tmp_path / "t.txt").write_text("size colour count\n" + "".join(" ".join(row) + "\n" for row in rows))
    assert read(tmp_path / "t.txt")[:2] == (["", "size", "colour", "count"], rows)


@pytest.mark.parametrize("end", ["", ","])
def test_a_delimiter_at_the_end_of_each_row(tmp_path: Path, end: str) -> None:
    lines = [f"size,colour,count{end}", *(",".join(row) + "," for row in PLAIN)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    names, rows, _ = read(tmp_path / "t.csv")
    assert names == ["size", "colour", "count", "column 4"]
    assert [row[:3] for row in rows] == PLAIN and {row[3] for row in rows} == {None}
    data = TabularDataModule(str(tmp_path / "t.csv"), "size")
    assert data.report.columns["column 4"].startswith("left out, without a value")


def test_line_breaks_in_quotes(tmp_path: Path) -> None:
    rows = [(size, f"{colour}\nsecond line, {count}", count) for size, colour, count in ROWS]
    (tmp_path / "t.csv").write_text(text(rows))
    assert read(tmp_path / "t.csv")[:2] == (["size", "colour", "count"], rows)


def test_names_that_occur_twice_or_are_blank(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text(ROWS, header=" size ,,size"))
    file = TableFile(tmp_path / "t.csv")
    assert file.schema.names == ["size", "column 2", "size (2)"]
    assert file.notes()[1] == ["several 'size' with numbers behind", "blank ones by their places"]


# -- No header ------------------------------------------------------------------------------------------------------


def test_a_file_without_a_header_never_loses_its_first_row_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text(ROWS, header=None))
    names, rows, notes = read(path)
    assert names == ["column 1", "column 2", "column 3"] and rows == ROWS
    assert notes == ["no header: the columns are called 'column 1' … 'column 3'"]
    data = TabularDataModule(str(path), "column 1")
    assert data.num_rows == N and "no header" in data.report.lines()[0]
    with pytest.raises(ValueError, match=r"no column 'size' \(target\): its columns are 'column 1', 'column 2', 'column 3'"):
        TabularDataModule(str(path), "size").setup("fit")


@pytest.mark.parametrize("names", ["2010,2011,2012", "1,2,3"])
def test_a_name_that_is_asked_for_makes_the_first_line_a_header(tmp_path: Path, names: str) -> None:
    """Years over numbers look like a row, and are names if the target is one of them."""
    path, numbers = tmp_path / "t.csv", [(row[0], row[2], row[2]) for row in ROWS]
    path.write_text(text(numbers, header=names))
    assert read(path)[1] == [tuple(names.split(",")), *numbers]
    assert read(path, wanted=names.split(",", maxsplit=1)[0])[:2] == (names.split(","), numbers)
    assert read(path, header=True)[:2] == (names.split(","), numbers)


def test_the_header_can_be_said(tmp_path: Path) -> None:
    path, texts = tmp_path / "t.csv", [(row[1], row[1]) for row in ROWS]
    path.write_text(text(texts, header="town,land"))
    assert read(path)[0] == ["town", "land"], "nothing but texts: the first line names them, unless it occurs again"
    assert read(path, header=False)[1] == [("town", "land"), *texts]
    path.write_text(text(texts, header="red,land"))
    assert read(path)[0] == ["column 1", "column 2"]


# -- Any table ------------------------------------------------------------------------------------------------------

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs", "Cc"]), max_size=8).map(
    str.strip
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.floats(-1e6, 1e6).map(repr), CELLS, st.integers(0, 99).map(str)), min_size=3, max_size=30),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_what_is_written_is_read(tmp_path: Path, rows: list[tuple[str, ...]], delimiter: str, encoding: str) -> None:
    """With the delimiter said: few rows of odd texts leave room for doubt."""
    (tmp_path / "t.csv").write_bytes(text(rows, delimiter).encode(encoding))
    names, found, _ = read(tmp_path / "t.csv", delimiter=delimiter, header=True)
    assert names == ["size", "colour", "count"]
    assert [tuple(cell or "" for cell in row) for row in found] == rows


def test_numbers_are_the_same_whatever_the_form(tmp_path: Path) -> None:
    """A table of decimal commas and thousands, and the plain one."""
    values = np.random.default_rng(0).normal(0, 2000, (N, 2)).round(3)
    swap, kinds = str.maketrans(",.", ".,"), ["ab"[i % 2] for i in range(N)]
    german = [(f"{x:,.3f}".translate(swap), f"{z:,.3f}".translate(swap), y) for (x, z), y in zip(values, kinds, strict=True)]
    plain = [(repr(float(x)), repr(float(z)), y) for (x, z), y in zip(values, kinds, strict=True)]
    (tmp_path / "german.csv").write_text(text(german, ";", "x,z,y"))
    (tmp_path / "plain.csv").write_text(text(plain, header="x,z,y"))
    german_table, plain_table = (TabularDataModule(str(tmp_path / f"{name}.csv"), "y").table for name in ("german", "plain"))
    np.testing.assert_array_equal(german_table.features, plain_table.features)
    np.testing.assert_array_equal(plain_table.features, values)
