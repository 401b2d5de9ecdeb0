"""Columns as tables have them: in huge and tiny units, far from 0, twice, negated, constant and of zeros, more than rows."""

import math

import numpy as np
import pytest
import torch

from lightning_modules.lasso import L1Objective, duality, minimise_l1
from lightning_modules.optimizers import minimise
from tests.lightning_modules.lasso.designs_with_zeros import FAMILIES, design, objective_of


def table(kind: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = design(kind, rows=60, columns=90)
    x[:, 1], x[:, 3], x[:, 4], x[:, 6] = x[:, 0], 5.0, 0.0, -x[:, 7]
    x[:, 8] *= 1e8
    x[:, 9] *= 1e-8
    x[:, 10] += 1e9
    return x, y


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("kind", FAMILIES)
def test_the_optimum_is_proved(kind: str, intercept: bool) -> None:
    """In tiny units a penalty is next to nothing, and what rounding leaves of a gradient is more than it."""
    smooth = objective_of(kind, *table(kind), intercept=intercept)
    path = minimise_l1(smooth, 0.1)
    steps = minimise(L1Objective(smooth, 0.1), smooth.layout.zeros(torch.device("cpu")))
    assert path.status == steps.status == "converged", (path.message, steps.message)
    assert steps.value == pytest.approx(path.value, rel=1e-11)
    assert not steps.theta[[3, 4] if intercept else [4]].any()


def test_without_room_for_rounding_that_would_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(duality, "_with_rounding", lambda penalty, *_: penalty)
    smooth = objective_of("gaussian", *table("gaussian"))
    assert minimise(L1Objective(smooth, 0.1), smooth.layout.zeros(torch.device("cpu"))).status == "stalled"


def test_the_room_is_no_larger_than_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A point that is short of the optimum by a millionth has a gap that says so."""
    smooth = objective_of("gaussian", *design("gaussian"))
    loss = L1Objective(smooth, 0.1)
    best = minimise(loss, smooth.layout.zeros(torch.device("cpu")))
    near = best.theta + 1e-4 * (best.theta != 0)
    proof = loss.proof_at(near, 1e-10)
    assert not proof.holds and proof.gap is not None
    assert proof.gap >= float(loss.value(near)) - best.value > 1e-10


@pytest.mark.parametrize("kind", ["poisson", "gamma", "tweedie"])
@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_targets_in_any_unit(kind: str, unit: float) -> None:
    """The penalty in the unit of the loss, coefficients but the intercept are the same."""
    x, y = design(kind)
    power = {"poisson": 1.0, "gamma": 2.0, "tweedie": objective_of(kind, x, y).family.power}[kind]
    one, other = (minimise_l1(objective_of(kind, x, y * by), 0.02 * by ** (2 - power)) for by in (1.0, unit))
    assert one.status == other.status == "converged"
    torch.testing.assert_close(other.theta[:-1], one.theta[:-1], rtol=1e-5, atol=1e-8)
    assert float(other.theta[-1] - one.theta[-1]) == pytest.approx(math.log(unit), rel=1e-6)
