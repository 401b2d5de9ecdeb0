"""Which lines of a text file are rows, which one names the columns, and which are none of the table."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules.files import TableFile
from tests.datamodules.files.test_text_format import CELLS, read, text

N = 60
NUMBERS = [(str(i % 7), f"{0.5 * i:.2f}") for i in range(N)]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def joined(rows: Sequence[tuple[str, ...]], delimiter: str = ",") -> list[str]:
    return [delimiter.join(row) for row in rows]


# -- Comments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["#", "%", "//"])
@pytest.mark.parametrize("every", [1, 2, 10])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("wanted", ["y", ""])
def test_rows_whose_first_cell_begins_like_a_comment(
    tmp_path: Path, mark: str, every: int, delimiter: str, wanted: str
) -> None:
    rows = [((mark if i % every == 0 else "") + f"ff{i:04}", *row) for i, row in enumerate(NUMBERS)]
    path = write(tmp_path / "t.csv", [delimiter.join(("colour", "x", "y")), *joined(rows, delimiter)])
    names, found, notes = read(path, wanted=wanted)
    assert (names, found) == (["colour", "x", "y"], rows)
    assert not any("comments" in note for note in notes)


def test_rows_like_comments_among_comments(tmp_path: Path) -> None:
    rows = [("#a" if i % 3 == 0 else "b", *row) for i, row in enumerate(NUMBERS)]
    lines = [*joined(rows[:5]), "# half, of them", "#", "", *joined(rows[5:]), "# that is all"]
    path = write(tmp_path / "t.csv", ["# made by hand", "# a, title, of three cells", "tag,x,y", *lines])
    assert read(path, wanted="y") == (["tag", "x", "y"], rows, ["lines that begin with # are comments"])


def test_rows_like_comments_without_a_header(tmp_path: Path) -> None:
    rows = [(f"#ff{i:04}", *row) for i, row in enumerate(NUMBERS)]
    path = write(tmp_path / "t.csv", joined(rows))
    assert read(path, wanted="column 3")[:2] == (["column 1", "column 2", "column 3"], rows)


@pytest.mark.parametrize("wanted", ["y", "", "#tag"])
@pytest.mark.parametrize("mark", ["", "#"])
def test_a_header_that_begins_like_a_comment(tmp_path: Path, wanted: str, mark: str) -> None:
    rows = [(f"{mark}{'abc'[i % 3]}", *row) for i, row in enumerate(NUMBERS)]
    path = write(tmp_path / "t.csv", ["#tag,x,y", *joined(rows)])
    assert read(path, wanted=wanted) == (["#tag", "x", "y"], rows, [])


def test_a_long_licence_as_comments(tmp_path: Path) -> None:
    rows = [("a", *row) for row in NUMBERS]
    path = write(tmp_path / "t.csv", [*(f"# line {i}, of it" for i in range(400)), "kind,x,y", *joined(rows)])
    assert read(path, wanted="y") == (["kind", "x", "y"], rows, ["lines that begin with # are comments"])


def test_what_looks_like_a_comment_within_quotes_is_none(tmp_path: Path) -> None:
    rows = [('"#one\n# two\n\nthree"', *row) for row in NUMBERS]
    path = write(tmp_path / "t.csv", ["# a comment", "text,x,y", *joined(rows)])
    assert read(path, wanted="y")[1] == [(row[0][1:-1], *row[1:]) for row in rows]


def test_nothing_but_comments_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no rows"):
        read(write(tmp_path / "t.csv", ["# one", "# two"]))


# -- Titles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "titles", [["Report 2020,,"], ["Report 2020,,", ",,"], ["Report of a, b"], ["By: me, you, them"], ["a", "", "b, c, d, e"]]
)
def test_titles_with_delimiters(tmp_path: Path, titles: list[str]) -> None:
    rows = [("red" if i % 2 else "blue", *row) for i, row in enumerate(NUMBERS)]
    path = write(tmp_path / "t.csv", [*titles, "kind,x,y", *joined(rows)])
    said = f"{len(titles)} line{'s' if len(titles) > 1 else ''} above the table"
    assert read(path, wanted="y") == (["kind", "x", "y"], rows, [said])


def test_a_category_called_like_the_wanted_column_is_no_header(tmp_path: Path) -> None:
    """Rows above it would be lost in silence."""
    for row in ("5,y", "y,5", "y,n"):
        rows = [("7", "8") if row != "y,n" else ("b", "a"), tuple(row.split(",")), ("y", "n") if row == "y,n" else ("6", "4")]
        path = write(tmp_path / "t.csv", ["x,answer", *joined([*rows, rows[0], rows[2]])])
        assert TableFile(path, wanted="y", delimiter=",").schema.names == ["x", "answer"]


@pytest.mark.parametrize("mark", ["", "#"])
def test_nor_is_one_below_a_header_that_begins_like_a_comment(tmp_path: Path, mark: str) -> None:
    rows = [(f"{mark}a", "1", "y"), *((f"{mark}{'abc'[i % 3]}", *row) for i, row in enumerate(NUMBERS))]
    path = write(tmp_path / "t.csv", ["#tag,x,answer", *joined(rows)])
    assert read(path, wanted="y")[:2] == (["#tag", "x", "answer"], rows)


@pytest.mark.parametrize("said", ["sep=;", '"sep=;"'])
def test_the_delimiter_that_excel_is_told(tmp_path: Path, said: str) -> None:
    lines = ["a;x", *joined([("1,5", "2"), ("1,7", "3")], ";")]
    path = write(tmp_path / "t.csv", [said, *lines])
    assert read(path) == (["a", "x"], [("1,5", "2"), ("1,7", "3")], ["cells between semicolons"])
    path = write(tmp_path / "t.csv", ["sep=~", "a~x", "1~2", "3~4"])
    assert read(path) == (["a", "x"], [("1", "2"), ("3", "4")], ["cells between '~'"])
    path = write(tmp_path / "t.csv", ["sep=~", "a,x", "1,2", "3,4"])
    assert read(path, delimiter=",") == (["a", "x"], [("1", "2"), ("3", "4")], [])


def test_lines_between_header_and_rows_are_not_above_the_table(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["x,y", "", "  ", *joined(NUMBERS)])
    assert read(path) == (["x", "y"], NUMBERS, [])
    path = write(tmp_path / "t.csv", ["Title", "", "x,y", "", *joined(NUMBERS)])
    assert read(path) == (["x", "y"], NUMBERS, ["2 lines above the table"])


# -- One name too few -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["y", ""])
@pytest.mark.parametrize("first", ["0.123", "7"])
def test_a_header_without_the_name_of_a_column_of_numbers(tmp_path: Path, wanted: str, first: str) -> None:
    """Fractions, or numbers that occur twice, name no rows."""
    path = write(tmp_path / "t.csv", ["a,b,y", *(f"{first},{i}.456,0.789,0" for i in range(N))])
    says = "rows have 4 cells and the line of names has 3: name every column, or give header or delimiter"
    with pytest.raises(ValueError, match=says):
        read(path, wanted=wanted)
    assert len(read(path, header=False)[1]) == N


@pytest.mark.parametrize("name", ["row {}", "{}", "2020-{:02}"])
def test_a_header_without_the_name_of_the_rows(tmp_path: Path, name: str) -> None:
    rows = [(name.format(i), *row, "k") for i, row in enumerate(NUMBERS)]
    path = write(tmp_path / "t.csv", ["a,b,y", *joined(rows)])
    assert read(path, wanted="y")[:2] == (["", "a", "b", "y"], rows)


# -- Any table ------------------------------------------------------------------------------------------------------


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.builds(str.__add__, st.sampled_from(["", "#", "%", "//"]), CELLS), CELLS, st.integers(0, 99).map(str)),
        min_size=3,
        max_size=30,
    ),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    mark=st.sampled_from(["#", "%", "//"]),
    breaks=st.booleans(),
)
def test_comments_go_and_rows_stay(
    tmp_path: Path, rows: list[tuple[str, str, str]], delimiter: str, mark: str, breaks: bool
) -> None:
    if breaks:
        rows = [(first, f"{second}\n{mark} third\n\nfourth", number) for first, second, number in rows]
    comment = f"{mark} a comment\n"
    (tmp_path / "t.csv").write_text(comment + text(rows, delimiter) + comment, encoding="utf-8")
    names, found, notes = read(tmp_path / "t.csv", delimiter=delimiter, wanted="count")
    assert names == ["size", "colour", "count"] and f"lines that begin with {mark} are comments" in notes
    assert [tuple(cell or "" for cell in row) for row in found] == rows
