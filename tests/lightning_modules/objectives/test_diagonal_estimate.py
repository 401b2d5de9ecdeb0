"""Estimated diagonals: unbiased, with a standard error that is what they scatter, and nothing random where nothing is."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from lightning_modules.objectives import (
    DiagonalEstimate,
    ModuleObjective,
    Objective,
    SplitLoss,
    ggn_diagonal_estimate,
    hessian_diagonal_estimate,
)
from tests.lightning_modules.objectives.network_cases import make_case
from tests.lightning_modules.objectives.queries import ask

PROBES = 2000
Estimator = Callable[[Objective, Tensor, int, torch.Generator | None], DiagonalEstimate]
each_curvature = pytest.mark.parametrize(
    ("estimator", "exact"),
    [(hessian_diagonal_estimate, "hessian_diagonal"), (ggn_diagonal_estimate, "ggn_diagonal")],
    ids=["hessian", "ggn"],
)


def scores(estimator: Estimator, exact: str, probes: int = PROBES) -> Tensor:
    """(estimate − exact) / standard error of every parameter (p,), about standard normal if the estimate is unbiased."""
    case = make_case((3, 4, 3, 2), loss="categorical", rows=9, l2=0.1)
    objective, theta = case.objective(), case.vector()
    found = estimator(objective, theta, probes, torch.Generator().manual_seed(0))
    assert found.probes == probes
    return (found.estimate - ask(objective.at(theta), exact)) / found.standard_error


@each_curvature
def test_estimates_scatter_about_the_exact_diagonal_by_their_standard_error(estimator: Estimator, exact: str) -> None:
    z = scores(estimator, exact)
    assert z.abs().max() < 4.5
    assert 0.5 < z.square().mean() < 2  # too small as well as too large would be a wrong standard error


@each_curvature
def test_probes_of_another_variance_are_found_out(estimator: Estimator, exact: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: E[z zᵀ] = 1.44 I gives 1.44 diag A."""
    monkeypatch.setattr(
        "lightning_modules.objectives.rademacher._probe",
        lambda theta, generator: 1.2 * torch.randn(theta.shape, generator=generator, dtype=theta.dtype),
    )
    assert scores(estimator, exact).abs().max() > 6


def test_four_times_the_probes_halve_the_standard_error() -> None:
    case = make_case((3, 4, 2), rows=9)
    objective, theta = case.objective(), case.vector()
    few, many = (
        hessian_diagonal_estimate(objective, theta, m, torch.Generator().manual_seed(m)).standard_error for m in (500, 2000)
    )
    torch.testing.assert_close((many / few).median(), torch.tensor(0.5, dtype=torch.float64), rtol=0.1, atol=0)


def test_a_diagonal_matrix_is_estimated_without_error() -> None:
    """Rademacher's advantage over Gaussian probes: z² = 1, so only what is off the diagonal scatters."""

    class Cubes(Objective):
        def value(self, theta: Tensor) -> Tensor:
            return (theta**3).sum()

    theta = torch.linspace(-1, 1, 6, dtype=torch.float64)
    found = hessian_diagonal_estimate(Cubes(), theta, 3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.estimate, 6 * theta, rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(found.standard_error, torch.zeros_like(theta), rtol=0, atol=1e-15)


def test_equal_generators_give_equal_estimates_and_others_do_not() -> None:
    case = make_case((3, 4, 2), rows=9)
    objective, theta = case.objective(), case.vector()
    first, again, other = (
        hessian_diagonal_estimate(objective, theta, 3, torch.Generator().manual_seed(seed)).estimate for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


@each_curvature
def test_any_module_has_estimates(estimator: Estimator, exact: str) -> None:
    """Layers that no closed form knows: a convolution, a norm of each row."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv1d(1, 2, 3), nn.GELU(), nn.Flatten(), nn.LayerNorm(8), nn.Linear(8, 3)).double()
    batch = torch.randn(7, 1, 6, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    loss = SplitLoss(lambda m, b: m(b[0]), lambda f, b: cross_entropy(f, b[1], reduction="sum"))
    objective = ModuleObjective(module, loss, batch, 7)
    theta = parameters_to_vector(module.parameters()).detach()
    found = estimator(objective, theta, 200, torch.Generator().manual_seed(1))
    z = (found.estimate - ask(objective.at(theta), exact)) / found.standard_error
    assert z.abs().max() < 5 and 0.4 < z.square().mean() < 2.5


def test_a_single_probe_has_no_standard_error() -> None:
    case = make_case((3, 2), rows=9)
    with pytest.raises(ValueError, match="probes=1: a standard error takes at least 2"):
        hessian_diagonal_estimate(case.objective(), case.vector(), 1)
