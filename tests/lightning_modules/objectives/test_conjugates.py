"""Gaps between losses and the lines below them, by which minima under an l1 penalty are certified."""

import pytest
import torch
from scipy.optimize import minimize
from torch.testing import assert_close

from lightning_modules.objectives.families import Family, Gamma, NegativeBinomial, Poisson, Tweedie
from lightning_modules.objectives.linear.per_row import PerRow
from tests.lightning_modules.objectives.cases import FAMILIES, random_targets

ROWS = 12
AMOUNTS: dict[str, Family] = {"poisson": Poisson(), "gamma": Gamma(), "negative binomial": NegativeBinomial(0.7)}


def targets(family: Family, rows: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    if family in AMOUNTS.values():
        return family.check(torch.randint(0 if family is not AMOUNTS["gamma"] else 1, 6, (rows,), generator=generator).double())
    return family.check(random_targets(family, rows, generator))


def has_gap(family: Family) -> bool:
    z = torch.zeros(3, family.num_outputs, dtype=torch.float64)
    return family.duality_gap(z, targets(family, 3), z) is not None


WITH_GAP = {name: family for name, family in {**FAMILIES, **AMOUNTS}.items() if has_gap(family)}
each_family = pytest.mark.parametrize("family", WITH_GAP.values(), ids=WITH_GAP.keys())


def sample(family: Family) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Predictors, targets, and slopes that the loss has somewhere else."""
    generator = torch.Generator().manual_seed(1)
    z, other = (torch.randn(ROWS, family.num_outputs, dtype=torch.float64, generator=generator) for _ in range(2))
    y = targets(family, ROWS)
    return z, y, family.gradient(other, y)


def test_there_are_some() -> None:
    assert {*AMOUNTS, "bernoulli", "categorical3"} <= {*WITH_GAP} and not has_gap(Tweedie(1.5))


@each_family
def test_nothing_at_the_gradient(family: Family) -> None:
    z, y, _ = sample(family)
    gap = family.duality_gap(z, y, family.gradient(z, y))
    assert gap is not None
    assert_close(gap, torch.zeros(ROWS, dtype=torch.float64), atol=1e-13, rtol=0)


@each_family
def test_conjugate_by_search(family: Family) -> None:
    z, y, slope = sample(family)
    found = family.duality_gap(z, y, slope)
    assert found is not None and bool((found >= 0).all())

    def below(point, row):
        at = torch.from_numpy(point)[None]
        return float(family.loss(at, y[row : row + 1]) - (slope[row] * at[0]).sum())

    for row in range(ROWS):
        conjugate = -minimize(below, z[row].numpy(), args=(row,), tol=1e-10).fun
        direct = float(family.loss(z, y)[row] - (slope[row] * z[row]).sum()) + conjugate
        assert abs(float(found[row]) - direct) < 1e-6


@each_family
def test_weights_and_offsets(family: Family) -> None:
    z, y, slope = sample(family)
    weights, offset = torch.rand(ROWS, 1).double() + 0.5, torch.randn(ROWS, family.num_outputs).double()
    terms = torch.cat([weights, offset, y.double().reshape(ROWS, -1)], 1)
    found = PerRow(family, True, True, y).duality_gap(z - offset, terms, weights * slope)
    expected = family.duality_gap(z, y, slope)
    assert found is not None and expected is not None
    assert_close(found, weights[:, 0] * expected)


@pytest.mark.parametrize("kind", ["bernoulli", *AMOUNTS])
def test_no_slope_of_the_loss(kind: str) -> None:
    family = WITH_GAP[kind]
    z, y, _ = sample(family)
    gap = family.duality_gap(z, y, torch.full_like(z, 2.0 if kind == "gamma" else -100.0))
    assert gap is not None and bool(torch.isinf(gap).all())
