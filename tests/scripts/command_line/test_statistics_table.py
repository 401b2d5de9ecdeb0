"""What is told of a whole model: what there is, without what says nothing."""

from command_line.statistics_table import NAMES, statistics_table
from rich.console import Console

VALUES = dict.fromkeys(NAMES, 12.5) | {"ratio": 30.0, "ratio_freedom": 2, "ratio_p_value": 3e-7}


def shown(**changes: float | None) -> str:
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(statistics_table(VALUES | changes))
    return capture.get()


def test_every_number_has_its_line_within_eighty_columns() -> None:
    text = shown()
    assert max(map(len, text.splitlines())) <= 80
    assert all(title in text for title in NAMES.values()) and "χ², 2 d.f." in text and "30, p = 3e-07" in text


def test_what_is_not_known_or_says_nothing_is_left_out() -> None:
    text = shown(mcfadden=None, dispersion=1.0, ratio_p_value=None)
    assert "McFadden" not in text and "dispersion" not in text.replace("dispersion α", "") and "ratio" not in text
