"""Families, weights, offsets and what is told of coefficients: on a device the CPU's bits, or as many digits as sums have."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from lightning_modules.lasso import L1Objective
from lightning_modules.linear import coefficients, fit_statistics, marginal_effects, profile_intervals
from lightning_modules.linear.count_dispersion import minimise_with_dispersion
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Family, NegativeBinomial
from lightning_modules.objectives.linear import FirthObjective
from lightning_modules.optimizers import DiagonalNewton, Newton, minimise
from tests.lightning_modules.objectives.test_coded_columns import coded
from tests.lightning_modules.objectives.test_row_terms import FAMILIES, data
from tests.simulated_device import DEVICE, counting

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def problem(family: Family, place: Any, l2: float = 0.0) -> GLMObjective:
    d = data(family)
    x, y, weights, offset = (each.to(place) for each in (d.features, d.targets, d.weights + 1, d.offset))
    return GLMObjective(family, x, y, l2, weights=weights, offset=offset)


def at_zero(objective: GLMObjective) -> torch.Tensor:
    return objective.layout.zeros(objective.rows.device)


@each_family
@pytest.mark.parametrize("method", [Newton, DiagonalNewton])
def test_fits(family: Family, method: Any) -> None:
    here, there = (problem(family, place, 0.01) for place in ("cpu", DEVICE))
    ours, theirs = (minimise(objective, at_zero(objective), method, 60) for objective in (here, there))
    assert torch.equal(ours.theta, theirs.theta.cpu()) and (ours.status, ours.steps) == (theirs.status, theirs.steps)


TOLD: dict[str, Callable[[GLMObjective, torch.Tensor], Any]] = {
    "observed": lambda o, t: [c.standard_error for c in coefficients(o, t, list("abc"))],
    "expected": lambda o, t: [c.standard_error for c in coefficients(o, t, list("abc"), covariance="expected")],
    "HC1": lambda o, t: [c.standard_error for c in coefficients(o, t, list("abc"), covariance="HC1")],
    "statistics": lambda o, t: [value for value in vars(fit_statistics(o, t)).values() if value is not None],
    "effects": lambda o, t: [effect.standard_error for effect in marginal_effects(o, t, list("abc"))],
}


@each_family
def test_what_is_told_of_coefficients(family: Family) -> None:
    here, there = (problem(family, place) for place in ("cpu", DEVICE))
    theta = minimise(here, at_zero(here), Newton, 100).theta
    for name, tell in TOLD.items():
        ours, theirs = tell(here, theta), tell(there, theta.to(DEVICE))
        assert theirs == pytest.approx(ours, rel=1e-9), name


@pytest.mark.slow
def test_profiles_firth_and_dispersions() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 2, generator=generator, dtype=torch.float64)
    labels, counts = (x[:, 0] > 0).long(), torch.poisson(torch.exp(x[:, 0]) * torch.rand(60, generator=generator) * 2)
    firth = [FirthObjective(Bernoulli(), x.to(place), labels.to(place)) for place in ("cpu", DEVICE)]
    ours, theirs = (minimise(objective, at_zero(objective), Newton, 200) for objective in firth)
    assert ours.status == theirs.status == "converged" and torch.equal(ours.theta, theirs.theta.cpu())
    start = [GLMObjective(NegativeBinomial(1.0), x.to(place), counts.to(place)) for place in ("cpu", DEVICE)]
    (here, ours), (there, theirs) = (minimise_with_dispersion(objective, at_zero(objective)) for objective in start)
    assert torch.equal(ours.theta, theirs.theta.cpu())
    ends = profile_intervals(here, ours.theta)
    torch.testing.assert_close(profile_intervals(there, theirs.theta).cpu(), ends, rtol=1e-9, atol=0)


@pytest.mark.parametrize("layout", ["apart", "sparse"])
@pytest.mark.parametrize("method", [Newton, pytest.param(DiagonalNewton, marks=pytest.mark.slow), partial(Newton, solver="cg")])
def test_codes_and_slots(layout: str, method: Any) -> None:
    """Also where features have no room on the device."""
    columns, stored, _ = coded(layout)
    targets = (torch.rand(len(stored), generator=torch.Generator().manual_seed(0)) < 0.5).long()
    on_device = replace(columns, mean=columns.mean.to(DEVICE), deviation=columns.deviation.to(DEVICE))
    here = GLMObjective(Bernoulli(), stored, targets, 0.01, columns=columns)
    ours = minimise(here, at_zero(here), method, 60)
    for features in (stored.to(DEVICE), stored):
        there = GLMObjective(Bernoulli(), features, targets.to(DEVICE), 0.01, columns=on_device)
        theirs = minimise(there, at_zero(there), method, 60)
        assert torch.equal(ours.theta, theirs.theta.cpu()) and (ours.status, ours.steps) == (theirs.status, theirs.steps)


def test_no_step_waits_for_codes() -> None:
    columns, stored, _ = coded("apart")
    on_device = replace(columns, mean=columns.mean.to(DEVICE), deviation=columns.deviation.to(DEVICE))
    x, theta = stored.to(DEVICE), torch.zeros(1, columns.num_features, dtype=torch.float64, device=DEVICE)
    gram = theta.new_zeros(columns.num_features, columns.num_features)
    on_device.product(x, theta, theta[0, :1])  # places of features are moved once
    with counting() as waits:
        z = on_device.product(x, theta, theta[0, :1])
        on_device.add_transposed(theta.clone(), z, x)
        on_device.add_gram(gram, z[:, 0], x)
        on_device.expanded(x)
    assert not waits.waits and not waits.copies


@each_family
def test_under_l1(family: Family) -> None:
    """Columns near 0 and far from it, which are shifted where they are."""
    for far in (0.0, 1e5):
        found = []
        for place in ("cpu", DEVICE):
            d = data(family)
            x, y, weights, offset = (each.to(place) for each in (d.features + far, d.targets, d.weights + 1, d.offset))
            loss = L1Objective(GLMObjective(family, x, y, 0.01, weights=weights, offset=offset), 0.02, [1.0, 0.0, 1.0])
            found.append(minimise(loss, at_zero(loss), Newton, 60))
        ours, theirs = found
        assert ours.status == theirs.status == "converged", (far, ours.message, theirs.message)
        torch.testing.assert_close(theirs.theta.cpu(), ours.theta, rtol=1e-6, atol=1e-6 * (1 + far))
