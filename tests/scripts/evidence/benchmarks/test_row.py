"""What may be claimed of measurements: a ratio that is known, a winner beside a rival, and no time below 0."""

import math
import random

import pytest
import torch
from evidence.benchmarks.agreement import Agreement, difference
from evidence.benchmarks.ratio_interval import is_narrow, is_settled, median_interval
from evidence.benchmarks.row import BenchmarkRow
from evidence.benchmarks.row_cells import HEADINGS, better_cell, number, row_cells

STEADY = (1.0, 1.01, 0.99, 1.02, 0.98)


def row(ours: tuple[float, ...], theirs: tuple[float, ...] = (2.0,) * 5, **others: object) -> BenchmarkRow:
    return BenchmarkRow("a case", "s", "them", ours, theirs, **others)  # type: ignore[arg-type]


def test_the_interval_is_of_order_statistics() -> None:
    assert median_interval((3, 1, 2, 5, 4)) == (1, 5) and median_interval((1, 2, 3, 4)) is None
    # Known from tables of the sign test at 95 %: 20 values, the 6th from each end.
    assert median_interval(range(1, 21)) == (6, 15)


def test_the_interval_holds_the_median_as_often_as_it_says() -> None:
    draws = random.Random(0)
    hits = [
        low <= 0 <= high
        for low, high in (median_interval([draws.gauss(0, 1) ** 3 for _ in range(9)]) or (1.0, 0.0) for _ in range(4000))
    ]
    assert pytest.approx(sum(hits) / len(hits), abs=0.01) == 1 - 2 * (1 + 9) / 2**9


@pytest.mark.parametrize(
    ("ratios", "narrow", "settled"),
    [
        ((1.0, 1.02, 0.97, 1.04, 0.99), True, True),
        ((0.8, 0.75, 0.85, 0.9, 0.7), True, True),
        ((0.1, 0.07, 0.12, 0.18, 0.09), False, True),
        ((2.0, 1.3, 2.9, 2.2, 1.8), False, True),
        ((1.1, 0.7, 1.5, 1.0, 1.2), False, False),
        ((1.2, 1.01, 1.9, 1.1, 1.3), False, False),
        ((0.5, 0.5, 0.5, 0.5), False, False),
        ((math.inf,) * 5, True, True),
        ((math.inf, 2.0, 2.0, 2.0, 2.0), False, False),
        ((0.0, 1.0, 1.0, 1.0, 1.0), False, False),
    ],
)
def test_when_a_ratio_is_known(ratios: tuple[float, ...], narrow: bool, settled: bool) -> None:
    assert (is_narrow(ratios), is_settled(ratios)) == (narrow, settled)
    assert is_settled(tuple(1 / r if r else math.inf for r in ratios)) == settled or 0.0 in ratios or math.inf in ratios


def test_a_time_below_nothing_is_refused() -> None:
    for wrong in (-1860.0, math.nan):
        with pytest.raises(ArithmeticError, match="a case, beside them: a measurement is below 0"):
            row((1.0, wrong, 1.0, 1.0, 1.0))
    with pytest.raises(ArithmeticError, match="below 0"):
        row(STEADY, our_cpu=(-0.1,) * 5)


def test_who_wins() -> None:
    assert row(STEADY).better == "ours" and row(STEADY, more_is_better=True).better == "theirs"
    assert row(STEADY, (1.0,) * 5).better == "even"
    assert row((1.0, 9.0, 2.0, 3.0, 0.5)).better is None


@pytest.mark.parametrize("role", ["floor", "ourselves"])
def test_nobody_wins_beside_a_floor_or_ourselves(role: str) -> None:
    """Negative control: the same numbers beside a rival are a win."""
    assert row(STEADY, role=role).better is None and row(STEADY, role="rival").better == "ours"
    assert better_cell(row(STEADY, role=role)) == "–"


def test_what_is_too_noisy_shows_no_ratio_and_no_winner() -> None:
    noisy = row((1.0, 9.0, 2.0, 3.0, 0.5))
    assert row_cells(noisy)[4] == better_cell(noisy) == "too noisy"
    assert row_cells(noisy)[1] == "2 s (0.5 … 9)"


def test_the_cells() -> None:
    shown = row(
        STEADY,
        role="floor",
        agreement=Agreement("gradient", 3.2e-9),
        our_cpu=tuple(2 * value for value in STEADY),
        their_cpu=(2.0,) * 5,
    )
    expected = (
        "a case",
        "1 s (0.98 … 1.02)",
        "2 s (2 … 2)",
        "them (a floor)",
        "0.5 (0.49 … 0.51)",
        "2 and 2 s: 1",
        "gradient 3e-09",
    )
    assert row_cells(shown) == expected and len(HEADINGS) == len(expected)
    few = row_cells(row((1.0,), (2.0,)))
    assert few[4:] == ("0.5, of 1 pair", "–", "–") and better_cell(row((1.0,), (2.0,))) == "–"


def test_a_row_is_read_as_it_was_written_and_an_old_one_as_well() -> None:
    written = row(STEADY, role="ourselves", agreement=Agreement("difference", 1e-7), our_cpu=STEADY, their_cpu=STEADY)
    assert BenchmarkRow.of_plain(written.plain()) == written
    old = {"case": "a", "unit": "s", "peer": "b", "ours": [1.0], "theirs": [2.0], "more_is_better": False}
    read = BenchmarkRow.of_plain({**old, "ratio": 9.0, "better": "theirs"})
    assert (read.ratio, read.role, read.agreement, read.our_cpu) == (0.5, "rival", None, None)
    assert read.plain()["agreement"] is None and read.plain()["interval"] is None


def test_a_difference_is_relative_to_the_largest_entry() -> None:
    assert difference(torch.tensor([4.0, 1.0]), torch.tensor([4.0, 1.2])).value == pytest.approx(0.05)
    assert math.isnan(difference(torch.tensor([math.nan]), torch.ones(1)).value)


@pytest.mark.parametrize(("value", "text"), [(41234.5, "41,234"), (100.4, "100"), (20.94, "20.9"), (0.0083812, "0.00838")])
def test_numbers_keep_three_digits(value: float, text: str) -> None:
    assert number(value) == text
