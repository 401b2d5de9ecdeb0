"""The median, found in pieces, is NumPy's to the last bit."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

import datamodules.columns.median
from datamodules.columns.median import median

FINITE = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True)
# No sum of two overflows in NumPy.
HALF = st.floats(-8e307, 8e307, allow_subnormal=True)
SOME = st.sampled_from([0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 2.5, 1e300])
VALUES = arrays(np.float64, st.integers(1, 60), elements=HALF | SOME)


def by_pieces(values: NDArray[np.float64], size: int, few: int, weights: NDArray[np.float64] | None = None) -> float:
    def pieces() -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64] | None]]:
        yield values[:0], None if weights is None else weights[:0]
        for start in range(0, len(values), size):
            rows = slice(start, start + size)
            yield values[rows], None if weights is None else weights[rows]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datamodules.columns.median, "FEW", few)
        return median(pieces)


def bits(value: float) -> int:
    return int(np.array(value).view(np.uint64))


@given(VALUES, st.integers(1, 70), st.sampled_from([0, 1, 7, 2**20]))
def test_numpy_has_the_same_median(values: NDArray[np.float64], size: int, few: int) -> None:
    """But for the sign of a zero, which depends on NumPy's way of sorting: it is + here."""
    assert bits(by_pieces(values, size, few)) == bits(float(np.median(values)) + 0.0)


@given(arrays(np.float64, st.integers(1, 9), elements=FINITE), st.sampled_from([0, 2**20]))
def test_the_middle_two_may_be_huge(values: NDArray[np.float64], few: int) -> None:
    found, ordered = by_pieces(values, 4, few), np.sort(values)
    assert ordered[(len(values) - 1) // 2] <= found <= ordered[len(values) // 2]


@pytest.mark.parametrize("few", [0, 100, 2**20])
@pytest.mark.parametrize("count", [10_000, 10_001])
def test_many_numbers_of_several_kinds(count: int, few: int) -> None:
    generator = np.random.default_rng(0)
    for values in (
        generator.normal(size=count),
        generator.integers(0, 9, count) - 4.0,
        np.exp(90 * generator.normal(size=count)),
    ):
        assert bits(by_pieces(values, 777, few)) == bits(float(np.median(values)))


@given(VALUES, st.data(), st.integers(1, 70), st.sampled_from([0, 1, 7, 2**20]))
def test_a_number_of_weight_two_is_two_numbers(values: NDArray[np.float64], data: st.DataObject, size: int, few: int) -> None:
    weights = data.draw(arrays(np.int64, len(values), elements=st.integers(1, 5)))
    repeated = float(np.median(np.repeat(values, weights))) + 0.0
    assert bits(by_pieces(values, size, few, weights.astype(float))) == bits(repeated)
    assert bits(by_pieces(values, size, few, 0.25 * weights)) == bits(repeated), "in whatever unit the weights are"


def test_negative_control() -> None:
    """A neighbour is told apart."""
    values = np.array([1.0, np.nextafter(2, 3), 3.0])
    assert bits(by_pieces(values, 2, 0)) != bits(2.0)
