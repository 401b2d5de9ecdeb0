"""What is said of damaged files is in our words, whatever the library says that reads them."""

import gzip
import random
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from datamodules.files import TableFile

THEIRS = re.compile(
    r"straddl|CSV|parse error|Expected \d|thrift|Thrift|footer|base64|zlib|bz2 |ZSTD|GZip|snappy|IPC|flatbuffers|columns, got"
    r"|Parquet magic|chunker|Arrow|codec can't"
)
PARQUET, TEXT = 150, 250


def said_of(path: Path) -> str:
    """The refusal of a file; "" if it can be read."""
    file = TableFile(path)
    try:
        for _ in file.pieces():
            pass
    except (ValueError, OSError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("compression", ["snappy", "gzip", "zstd", "none"])
def test_damaged_parquet_files(tmp_path: Path, compression: str) -> None:
    rng, path = random.Random(compression), tmp_path / "t.parquet"
    table = pa.table({"x": [i * 1.5 for i in range(400)], "s": pa.array([f"a{i % 7}" for i in range(400)]).dictionary_encode()})
    pa.parquet.write_table(table, path, compression=compression)
    whole, said = path.read_bytes(), set()
    for _ in range(PARQUET):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 5, 20])):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])
        said.add(said_of(path))
    assert len(said) > 2
    for text in said - {""}:
        assert text.startswith(f"{path} ") and "write it anew" in text and not THEIRS.search(text), text


def test_damaged_texts(tmp_path: Path) -> None:
    rng, said = random.Random(0), set()
    whole = b"a,b,c\n" + b"".join(b'%d,%d,"x %d"\n' % (i, i, i) for i in range(40))
    pieces = [b'"', b"\n", b"\r", b",", b"\0", b"\xff", b",,", b'""', b";", b"\t", b'"\n']
    for number in range(TEXT):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 2, 5])):
            place = rng.randrange(len(content))
            content[place : place + rng.randrange(3)] = rng.choice(pieces)
        path = tmp_path / ("t.csv.gz" if number % 5 == 0 else "t.csv")
        damaged = bytearray(gzip.compress(bytes(content)) if number % 5 == 0 else content)
        if number % 5 == 0:
            damaged[rng.randrange(20, len(damaged))] ^= 255
        path.write_bytes(damaged)
        said.add(said_of(path))
    assert len(said) > 10
    for text in said - {""}:
        assert str(tmp_path) in text and len(text) > 40 and not THEIRS.search(text), text


def test_a_quote_that_is_never_closed_over_several_blocks(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n" * 40_000 + b'3,"4\n' + b"5,6\n" * 6_000_000)
    assert "a quoted cell runs on and on, as if a quote were never closed" in said_of(path)


@pytest.mark.parametrize("delimiter", ["\n", "\r", '"', "\0", "é"])
def test_what_cannot_stand_between_cells(tmp_path: Path, delimiter: str) -> None:
    with pytest.raises(ValueError, match="cannot stand between cells: give another character"):
        TableFile(tmp_path / "t.csv", delimiter=delimiter)


@pytest.mark.parametrize("encoding", ["rot13", "hex", "base64", "nonsense"])
def test_what_is_no_encoding_of_texts(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(ValueError, match="Python knows no such encoding"):
        TableFile(tmp_path / "t.csv", encoding=encoding)


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """Linux lets files have any bytes for a name."""
    path = tmp_path / "bad\udcff.csv"
    path.write_bytes(b"a,b\n1,2\n")
    assert "its name has bytes in it that are no UTF-8" in said_of(path)
