"""How a measured number is shown, whatever its unit."""

from math import isfinite


def four_digits(value: float) -> str:
    """Four decimals where these say something, as of most scores and losses; else four digits: "0.9474", "1.231e-26"."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 or not isfinite(value) else f"{value:.4g}"
