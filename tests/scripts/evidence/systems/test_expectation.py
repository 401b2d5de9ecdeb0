"""When a number is as expected."""

from math import inf, nan

import pytest
from evidence.systems.expectation import Expectation, at_least, at_most, between, near, rounded


@pytest.mark.parametrize(
    ("expectation", "met", "missed"),
    [
        (near(0.9, 0.01), [0.9, 0.895, 0.909], [0.88, 0.92]),
        (rounded("0.1152"), [0.1152, 0.11524, 0.11515, 0.11525], [0.1151, 0.1153, 0.11526]),
        (rounded("-0.3718"), [-0.37183], [0.3718, -0.3717]),
        (rounded("2"), [1.6, 2.4], [1.4, 2.6]),
        (between(1, 2), [1, 1.5, 2], [0.999, 2.001]),
        (at_least(0.9), [0.9, inf], [0.8, -inf]),
        (at_most(1e-12), [0, 1e-12, -1], [2e-12, inf]),
    ],
    ids=lambda value: value.text if isinstance(value, Expectation) else "",
)
def test_met(expectation: Expectation, met: list[float], missed: list[float]) -> None:
    assert all(expectation.met(number) for number in met)
    assert not any(expectation.met(number) for number in [*missed, nan])


def test_texts() -> None:
    expectations = (near(0.9, 0.01), rounded("0.1150"), between(1, 2), at_least(3), at_most(1e-12))
    assert [e.text for e in expectations] == ["0.9 ± 0.01", "0.1150", "1 … 2", "≥ 3", "≤ 1e-12"]
