"""What a number has to be: a closed interval, and how one writes it."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Expectation:
    """low ≤ number ≤ high, which not-a-number never is.

    Attributes:
        text: the same for a table.
    """

    text: str
    low: float = -inf
    high: float = inf

    def met(self, number: float) -> bool:
        """Whether a number is what was expected."""
        return self.low <= number <= self.high


def near(value: float, tolerance: float) -> Expectation:
    """value ± tolerance."""
    return Expectation(f"{value:g} ± {tolerance:g}", value - tolerance, value + tolerance)


def rounded(text: str) -> Expectation:
    """Rounds to the digits of the text: "0.1152" is 0.1152 ± 0.00005."""
    half = 0.5 * 10.0 ** -len(text.partition(".")[2])
    value = float(text)
    # A half is not a binary number: what lies exactly on the border rounds either way.
    return Expectation(text, value - half * (1 + 1e-9), value + half * (1 + 1e-9))


def between(low: float, high: float) -> Expectation:
    """low … high."""
    return Expectation(f"{low:g} … {high:g}", low, high)


def at_least(low: float) -> Expectation:
    """≥ low."""
    return Expectation(f"≥ {low:g}", low=low)


def at_most(high: float) -> Expectation:
    """≤ high."""
    return Expectation(f"≤ {high:g}", high=high)
