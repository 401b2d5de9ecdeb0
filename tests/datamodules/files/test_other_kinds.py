"""Files that are no tables of text, or not in the encoding they are read in: what they are is said, and what to do."""

import gzip
import zipfile
from pathlib import Path

import pytest

from datamodules import TabularDataModule
from tests.datamodules.files.test_text_format import read

PLAIN = "x,y\n" + "1,a\n2,b\n" * 30


def message(path: Path, **options: object) -> str:
    with pytest.raises(ValueError) as error:
        read(path, **options)
    said = str(error.value)
    assert "\n" not in said and said.startswith(str(path))
    return said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"x,y\n1,a\0\n2,b\n" * 9, "holds NUL bytes"),
        (b"\0" * 500 + PLAIN.encode(), "holds NUL bytes"),
        (PLAIN.encode() + b"1,a\n" * 100_000 + b"1,\0\n", "NUL"),
        (gzip.compress(PLAIN.encode()), "is compressed by gzip, whatever its name: let it end in .csv.gz"),
        (b"PAR1" + bytes(50), "is a Parquet file, whatever its name"),
        (b"%PDF-1.7\n%\xe2\xe3\n", "is a PDF, whatever its name"),
        (b"\n<!DOCTYPE html>\n<html lang='en'><body>a, b</body></html>", "is a web page"),
        (b'[{"x": 1, "y": "a"},\n {"x": 2, "y": "b"}]', "is JSON, not a table: write it as CSV"),
        (b'{"x": 1, "y": "a"}\n{"x": 2, "y": "b"}\n', "is JSON, not a table: write it as CSV"),
    ],
    ids=["nul", "nuls-first", "nul-later", "gzip", "parquet", "pdf", "html", "json", "json-lines"],
)
def test_files_that_are_something_else(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    if says != "NUL":
        assert says in message(path)
    else:  # behind the sample a cell may hold any byte; it must not be lost
        assert read(path)[1][-1] == ("1", "\0")


def test_an_excel_file_that_is_called_csv(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.csv", "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    assert "is an Excel or zip file, whatever its name: save it as CSV" in message(tmp_path / "t.csv")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    assert "is an Excel or zip file" in message(tmp_path / "t.csv.gz")


@pytest.mark.parametrize("text", ["[cm],[kg]\n1,2\n3,4\n", "{a},b\n1,2\n3,4\n", "<x>,y\n1,2\n3,4\n", "BZh,PK\n1,2\n3,4\n"])
def test_names_that_look_like_something_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert read(tmp_path / "t.csv")[1] == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize("above", ["", "# a comment\n"])
@pytest.mark.parametrize("rows", [0, 100_000])
@pytest.mark.parametrize(("encoding", "byte"), [("cp1252", b"\x81"), ("utf-8", b"\xe9"), ("cp1252", None), ("ascii", b"\xe9")])
def test_texts_in_another_encoding(tmp_path: Path, above: str, rows: int, encoding: str, byte: bytes | None) -> None:
    """Within the sample and far behind it; None: the encoding is found out, and cannot be right."""
    options = {} if byte is None else {"encoding": encoding}
    content = above + "x,y\n" + ("é" if byte is None else "") + "1,a\n" + "2,b\n" * rows
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode("cp1252" if byte is None else encoding) + (byte or b"\x81") + b",c\n1,b\n")
    said = message(path, **options)
    assert f"{encoding} cannot decode its byte" in said and "give the encoding it was written in" in said


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('x,y\n1,a\n2,"b\n3,c\n' + "4,d\n" * 9)
    assert 'a quote " that opens in line 3 is never closed; close or double it' in message(path, delimiter=",")
    path.write_text('x,y\n1,a\n2,"b\n3,c\n' + "4,d\n" * 200_000)
    assert "as if a quote were never closed" in message(path, delimiter=",")


@pytest.mark.parametrize(
    ("names", "target", "says"),
    [
        ("x,Y", "y", "did you mean 'Y'?"),
        ("x,price,weight", "Prise", "did you mean 'price'?"),
        ("x;price;weight", "weight", "'x;price;weight'; if its cells are separated by another sign, give delimiter"),
    ],
)
def test_a_close_name_is_offered(tmp_path: Path, names: str, target: str, says: str) -> None:
    cells = "\n".join(",".join("12"[i % 2] for _ in names.split(",")) for i in range(20))
    (tmp_path / "t.csv").write_text(f"{names}\n{cells}\n")
    with pytest.raises(ValueError, match="has no column") as error:
        TabularDataModule(str(tmp_path / "t.csv"), target, delimiter=",").setup("fit")
    assert says in str(error.value)
