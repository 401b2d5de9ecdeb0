"""Numbers in tables show digits in any unit."""

import math

import pytest
from command_line.four_digits import four_digits


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.94736, "0.9474"),
        (0.0, "0.0000"),
        (-12.5, "-12.5000"),
        (1.2312e-26, "1.231e-26"),
        (8.8890493725679e13, "8.889e+13"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_four_digits_in_any_unit(value: float, shown: str) -> None:
    assert four_digits(value) == shown
