"""Points of numbers stand below each other, in lists and in tables."""

import pytest
from command_line.aligned_numbers import add_rows, aligned, is_of_numbers
from rich.console import Console
from rich.table import Table


@pytest.mark.parametrize(
    ("cells", "lines"),
    [
        (["0.9737", "12", "-1.5e-07"], [" 0.9737 ", "12      ", "-1.5e-07"]),
        (["1.5 ± 0.25", "-20.25 ± 1"], ["  1.5  ± 0.25", "-20.25 ± 1   "]),
        (["3.5 of 4", "10"], [" 3.5 of 4", "10       "]),
        (["< 1e-300", "0.25"], ["< 1e-300", "  0.25  "]),
        (["1,234.5", "2.25"], ["1,234.5 ", "    2.25"]),
        (["10.25", "–", "no"], ["10.25", "    –", "   no"]),
        (["9", "converged"], ["9        ", "converged"]),
        ([], []),
    ],
    ids=str,
)
def test_points_stand_below_each_other(cells: list[str], lines: list[str]) -> None:
    assert aligned(cells) == lines


def test_a_column_of_numbers_has_nothing_else() -> None:
    assert is_of_numbers(["1.5", "–"]) and not is_of_numbers(["1.5", "no"]) and not is_of_numbers(["–"])


def test_a_table_has_names_at_the_left_and_numbers_at_the_right() -> None:
    table = Table("name", "long heading", "words")
    add_rows(table, [("[b]", "0.5", "x"), ("c", "-12.25", "yy"), ("d", "–", "1.5")])
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    assert [line.split("│")[1:-1] for line in capture.get().splitlines() if line.startswith("│")] == [
        [" [b]  ", "         0.5  ", " x     "],
        [" c    ", "       -12.25 ", " yy    "],
        [" d    ", "            – ", " 1.5   "],
    ]
