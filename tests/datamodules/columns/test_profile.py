"""What the cells of a column look like, found many at once, is what one finds who reads them one by one."""

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.columns.column import Column, UnreadableCellError
from datamodules.columns.date_text import FORMATS, looks_like_a_date, read_dates
from datamodules.columns.missing_codes import AMONG_NUMBERS
from datamodules.columns.number_text import NOTATIONS, is_code, ornaments, read_number
from datamodules.columns.profile import Profile
from datamodules.columns.simple_numbers import are_codes, are_simple, may_be_numbers, read_numbers, values_of


class SlowProfile:
    """Every cell by itself, by what is written in `Profile`."""

    def __init__(self, codes: frozenset[str] = frozenset()) -> None:
        self.codes, self.rows, self.numbers, self.others, self.with_zeros = codes, 0, 0, 0, 0
        self.missing: Counter[str] = Counter()
        self.code_values = {value: code for code in codes if (value := read_number(code, ".")) is not None}
        self.notations = set(NOTATIONS)
        self.grouped: set[str] = set()
        self.first_other: tuple[str, int] | None = None
        self.first_infinite: tuple[str, int] | None = None
        self.is_whole = True
        self.formats: tuple[str, ...] | None = None
        self.ornaments: set[str] = set()
        self.levels: Counter[str] = Counter()

    def add(self, cells: list[str | None]) -> None:
        for cell in cells:
            self.rows += 1
            text = "" if cell is None else cell.strip()
            if text:
                self.levels[text] += 1
            readable = {decimal for decimal in NOTATIONS if read_number(text, decimal) is not None}
            if text in AMONG_NUMBERS | self.codes:
                self.missing[text] += 1
            elif readable:
                value = read_number(text, max(readable))
                if value in self.code_values:
                    self.missing[self.code_values[value]] += 1
                else:
                    self._number(text, readable)
                self.notations &= readable
                self.grouped |= {decimal for decimal in readable if read_number(text, decimal, groups=False) is None}
                self.with_zeros += is_code(text)
                self.formats = ()
                self.ornaments |= ornaments(text)
            else:
                self.others += 1
                self.first_other = self.first_other or (text, self.rows)
                self._date(text)

    def _number(self, text: str, readable: set[str]) -> None:
        value = float(read_number(text, max(readable)) or 0.0)
        self.is_whole &= not np.isfinite(value) or value.is_integer()
        if np.isinf(value):
            self.first_infinite = self.first_infinite or (text, self.rows)
        self.numbers += 1

    def _date(self, text: str) -> None:
        looks = looks_like_a_date(text)
        kept = self.formats if self.formats is not None else FORMATS if looks else ()
        self.formats = tuple(form for form in kept if np.isfinite(read_dates(pa.array([text]), form)).all())


COMPARED = ("rows", "numbers", "others", "with_zeros", "missing", "first_other", "first_infinite", "is_whole", "ornaments")
PLAIN = st.one_of(
    st.integers(-(10**19), 10**19).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(0, 10**9).map("{:,}".format),
    st.integers(0, 10**9).map(lambda x: f"{x:,}".replace(",", ".")),
    st.decimals(0, 10**6, places=2).map(lambda x: f"{x}".replace(".", ",")),
)
ODD = st.one_of(
    st.none(),
    st.sampled_from(["", " ", " 5 ", "+5", "-0", "007", "0x1F", "1e400", "inf", "-Infinity", "nan", "NaN", "?", "NA", "-9"]),
    st.sampled_from(
        [
            ".",
            "1_000",
            "1,5",
            "1.500",
            "1,500",
            "1.234,5",
            "1,234.5",
            "12 %",
            "$5",
            "(3)",
            "−4",
            "٣",
            "1 234",
            "0,137",
            "1.23-",
            "4-",
        ]
    ),
)
TEXTS = st.sampled_from(["red", "green", "level 1", "2020-01-02", "1.2.2020", "03/04/2021", "missing", "None", "Jan 2020"])
CELLS = st.lists(st.one_of(PLAIN, ODD, TEXTS, st.text(max_size=6)), max_size=30)
SHORT = (
    st.lists(st.one_of(PLAIN, ODD), max_size=12)
    | st.lists(PLAIN | st.none(), max_size=12)
    | st.lists(TEXTS, max_size=12)
    | CELLS
)


@given(st.lists(SHORT, min_size=1, max_size=4), st.sampled_from([frozenset[str](), frozenset({"-9", "red", "5"})]))
@settings(max_examples=400)
def test_at_once_as_one_by_one(pieces: list[list[str | None]], codes: frozenset[str]) -> None:
    found, expected = Profile(pa.string(), codes), SlowProfile(codes)
    for piece in pieces:
        found.add(pa.chunked_array([pa.array(piece, pa.string())]))
        expected.add(piece)
    for name in COMPARED:
        assert getattr(found, name) == getattr(expected, name), name
    assert found.levels.counts == expected.levels
    assert (found.notations == expected.notations) or not expected.numbers
    assert found.grouped & found.notations == expected.grouped & found.notations
    if (
        expected.others
        and not expected.numbers
        and all(looks_like_a_date(text) for text in expected.levels if text not in codes)
    ):
        assert found.dates.formats == (expected.formats or ())


@given(CELLS)
@settings(max_examples=400)
def test_simple_numbers_are_read_as_others_are(cells: list[str | None]) -> None:
    texts = [cell.strip() for cell in cells if cell is not None]
    array = pa.array(texts, pa.string())
    for decimal, groups in product(NOTATIONS, (True, False)):
        simple = are_simple(array, decimal, groups)
        values = values_of(array.filter(pa.array(simple, pa.bool_())), decimal)
        expected = [read_number(text, decimal, groups) for text, is_simple in zip(texts, simple, strict=True) if is_simple]
        assert values.tolist() == expected
        read = read_numbers(array, decimal, {"NA", ""}, groups)
        one_by_one = [np.nan if text in ("NA", "") else read_number(text, decimal, groups) for text in texts]
        np.testing.assert_array_equal(np.array(read, float), np.array(one_by_one, float))
        assert [value is None for value in read] == [value is None for value in one_by_one]
        possible = may_be_numbers(array)
        assert all(can for text, can in zip(texts, possible, strict=True) if read_number(text, decimal) is not None)
    assert not are_codes(array)[[not is_code(text) for text in texts]].any()


@pytest.mark.parametrize("text", ["1.5", "1,234", "-3", "1e-7", "007", "٣", "$5", "(3)", "12 %", "1 234,5"])
def test_negative_control_numbers_are_seen(text: str) -> None:
    profile = Profile(pa.string())
    profile.add(pa.chunked_array([[text]]))
    assert profile.numbers == 1 and may_be_numbers(pa.array([text])).all()
    profile.add(pa.chunked_array([["x"]]))
    assert profile.others == 1 and not may_be_numbers(pa.array(["x"])).any()


READ: dict[str, tuple[float | None, float | None]] = {
    "0,137": (None, 0.137),
    "0.137": (0.137, None),
    "-0,137": (None, -0.137),
    "000,137": (None, 0.137),
    "0.137,5": (None, None),
    "1,500": (1500, 1.5),
    "10,500": (10500, 10.5),
    "1.23-": (-1.23, None),
    "1,5−": (None, -1.5),
    "7-": (-7, -7),
    "7-€": (-7, -7),
    "$7-": (-7, -7),
    "7€-": (-7, -7),
    "12%-": (-12, -12),
    "-7-": (None, None),
    "+7-": (None, None),
    "(7-)": (None, None),
    "-": (None, None),
    "7--": (None, None),
}


@pytest.mark.parametrize("text", READ)
def test_zeros_before_thousands_and_minus_signs_behind(text: str) -> None:
    assert (read_number(text, "."), read_number(text, ",")) == READ[text]
    assert read_numbers(pa.array([text]), ".", set()) == [READ[text][0]]


@pytest.mark.parametrize("text", ["1,500", "1,234,567.5", "1.500", "1'500", "1 500", "$1,500", "(1,500)"])
def test_thousands_are_parted_only_where_they_may_be(text: str) -> None:
    decimal = "," if text == "1.500" else "."
    assert read_number(text, decimal) is not None and read_number(text, decimal, groups=False) is None
    for column, is_read in ((Column("x", "number", decimal), True), (Column("x", "number", decimal, groups=False), False)):
        with nullcontext() if is_read else pytest.raises(UnreadableCellError):
            cells(column, [text])


def cells(column: Column, values: list[str | None]) -> list[float]:
    return column.cells(pa.chunked_array([pa.array(values, pa.string())])).tolist()


@given(CELLS, st.sampled_from(sorted(NOTATIONS)))
@settings(max_examples=200)
def test_cells_at_once_as_one_by_one(values: list[str | None], notation: str) -> None:
    column = Column("x", "number", notation, ("-9", "red"))

    def read(value: str | None) -> float | None:
        text = "" if value is None else value.strip()
        found = np.nan if text in AMONG_NUMBERS | {*column.codes} else read_number(text, notation)
        return np.nan if found == -9 else found

    expected = list(map(read, values))
    if None in expected:
        with pytest.raises(UnreadableCellError) as refused:
            cells(column, values)
        assert refused.value.row == expected.index(None)
    else:
        np.testing.assert_array_equal(np.array(cells(column, values)), np.array(expected, float))


@pytest.mark.parametrize("make", [float, int, bool])
def test_cells_that_have_a_type(make: Callable[[int], object]) -> None:
    """A Parquet file's; a code of a missing number is one there too."""
    profile, values = Profile(pa.array([make(1)]).type, frozenset({"7", "x"})), [make(i % 9) for i in range(90)]
    for start in (0, 30, 60):
        profile.add(pa.chunked_array([pa.array([*values[start : start + 30], None])]))
    sevens = 0 if make is bool else 10
    assert profile.rows == 93 and profile.missing[""] == 3 and profile.missing["7"] == sevens
    assert profile.numbers + profile.others == 90 - sevens
    expected = Counter(str(value).lower() if make is bool else str(int(value)) for value in values)  # type: ignore[call-overload]
    assert profile.levels.counts == expected
