"""Twice the digits of float64: exact sums and products, and sums of pairs that survive cancellation."""

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from lightning_modules.objectives.double_double import Pair, product, total, transposed_product, two_product, two_sum
from tests.lightning_modules.optimizers.fitting import normal


def exact(pair: Pair) -> list[Fraction]:
    return [Fraction(hi) + Fraction(lo) for hi, lo in zip(pair.hi.flatten().tolist(), pair.lo.flatten().tolist(), strict=True)]


def of_any_size(seed: int) -> Tensor:
    return normal(50, seed=seed) * 10 ** (8 * normal(50, seed=seed + 1))


@pytest.mark.parametrize("seed", range(5))
def test_sum_and_product_are_exact(seed: int):
    a, b = of_any_size(seed), of_any_size(seed + 10)
    pairs = list(zip(map(Fraction, a.tolist()), map(Fraction, b.tolist()), strict=True))
    assert exact(two_sum(a, b)) == [x + y for x, y in pairs]
    assert exact(two_product(a, b)) == [x * y for x, y in pairs]


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 64, 101])
def test_sums_that_cancel_keep_their_digits(rows: int):
    """The terms are 1e10 times what they leave; plain sums keep 6 digits of it."""
    terms = normal(rows, 3)
    terms = torch.cat([1e10 * terms, -1e10 * terms, normal(1, 3, seed=1)])[torch.randperm(2 * rows + 1)]
    found = exact(total(Pair(terms, torch.zeros_like(terms))))
    for value, column in zip(found, terms.T.tolist(), strict=True):
        assert abs(value - sum(map(Fraction, column))) <= 1e-15 * abs(value) * (1 + rows)


def test_products_of_matrices():
    x, w = normal(31, 6), 1e8 * normal(6, 2, seed=1)
    z = product(x, w)
    for i in range(31):
        for k in range(2):
            terms = [Fraction(float(x[i, j])) * Fraction(float(w[j, k])) for j in range(6)]
            off = Fraction(float(z.hi[i, k])) + Fraction(float(z.lo[i, k])) - sum(terms)
            assert abs(off) <= 1e-30 * sum(map(abs, terms))
    columns = transposed_product(x, z)
    for j in range(6):
        for k in range(2):
            e = [Fraction(float(z.hi[i, k])) + Fraction(float(z.lo[i, k])) for i in range(31)]
            terms = [Fraction(float(x[i, j])) * e[i] for i in range(31)]
            off = Fraction(float(columns.hi[j, k])) + Fraction(float(columns.lo[j, k])) - sum(terms)
            assert abs(off) <= 1e-29 * sum(map(abs, terms))
