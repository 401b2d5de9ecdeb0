"""Firth's penalised likelihood: its derivatives, its maximum by other optimisers, finite where classes are separated."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from datamodules import ArrayDataModule
from lightning_modules import LogisticRegression
from lightning_modules.linear.covariance import half_of_covariance
from lightning_modules.linear.profile_intervals import profile_intervals
from lightning_modules.objectives import GLMObjective, Point, Reduction
from lightning_modules.objectives.families import Bernoulli, Poisson
from lightning_modules.objectives.linear import FirthObjective
from lightning_modules.optimizers import Minimum, Newton, minimise
from tests.lightning_modules.processes import in_processes
from tests.training import make_trainer


def rows(separated: bool = False) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    y = (x[:, 0] > 0) if separated else rng.random(40) < 1 / (1 + np.exp(-x[:, 0]))
    return torch.tensor(x), torch.tensor(y.astype(int))


def fitted(objective: GLMObjective) -> Minimum:
    found = minimise(objective, objective.layout.zeros(torch.device("cpu")), Newton, 300)
    assert found.status == "converged", found.message
    return found


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_closed_forms_are_the_derivatives_of_the_value(intercept: bool, weighted: bool) -> None:
    x, y = rows()
    weights = torch.arange(40).remainder(3).double() + 0.5 if weighted else None
    offset = torch.linspace(-1, 1, 40, dtype=torch.float64) if weighted else None
    objective = FirthObjective(
        Bernoulli(), x * torch.tensor([1.0, 100.0]), y, chunk_rows=7, weights=weights, offset=offset, intercept=intercept
    )
    theta = torch.tensor([0.7, -0.004, 0.3], dtype=torch.float64)[: 2 + intercept]
    ours, default = objective.at(theta), Point(objective, theta)
    torch.testing.assert_close(ours.value, default.value, rtol=1e-12, atol=0)
    torch.testing.assert_close(ours.gradient, default.gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("separated", [True, False])
def test_the_maximum_is_that_of_another_optimiser(separated: bool) -> None:
    x, y = rows(separated)
    objective = FirthObjective(Bernoulli(), x, y)
    found = fitted(objective)
    columns = np.column_stack([x.numpy(), np.ones(len(y))])

    def penalised(theta: Any) -> float:
        p = 1 / (1 + np.exp(-columns @ theta))
        likelihood = np.log(np.where(y.numpy() == 1, p, 1 - p)).sum()
        return float(-likelihood - np.linalg.slogdet((columns.T * (p * (1 - p))) @ columns)[1] / 2)

    peer = minimize(penalised, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 5000})
    np.testing.assert_allclose(found.theta, peer.x, atol=1e-6)
    assert float(penalised(found.theta.numpy())) <= peer.fun + 1e-11
    if separated:
        assert minimise(GLMObjective(Bernoulli(), x, y), torch.zeros(3).double(), Newton, 60).status == "separated"


def test_it_is_that_of_firthmodels() -> None:
    firthmodels = pytest.importorskip("firthmodels", reason="firthmodels, the peer, is not installed")
    x, y = rows()
    found = fitted(FirthObjective(Bernoulli(), x, y))
    peer = firthmodels.FirthLogisticRegression(gtol=1e-10, xtol=1e-12, max_iter=1000).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(found.theta, [*peer.coef_.ravel(), peer.intercept_], rtol=1e-8)


# Of firthmodels 0.8.2 on rows(): FirthLogisticRegression(max_iter=1000, gtol=1e-13, xtol=1e-13).fit(x, y).bse_
AUGMENTED = [0.41072612216136567, 0.3912443442514468, 0.38819157423420236]


def test_errors_are_of_the_augmented_data_or_of_the_fisher_information() -> None:
    """The first are firthmodels', the second those of brglm2 and of Heinze and Schemper."""
    x, y = rows()
    objective = FirthObjective(Bernoulli(), x, y, chunk_rows=7)
    theta = fitted(objective).theta
    np.testing.assert_allclose(half_of_covariance(objective, theta).norm(dim=1).numpy(), AUGMENTED, rtol=1e-8)
    columns = np.column_stack([x.numpy(), np.ones(len(y))])
    p = 1 / (1 + np.exp(-columns @ theta.numpy()))
    fisher = np.linalg.inv((columns.T * (p * (1 - p))) @ columns)
    ours = half_of_covariance(objective, theta, "expected")
    np.testing.assert_allclose((ours @ ours.T).numpy(), fisher, rtol=1e-9)
    assert (np.sqrt(np.diag(fisher)) > AUGMENTED).all()


def test_a_weight_is_a_number_of_rows_in_its_errors() -> None:
    x, y = rows()
    weights = torch.arange(40) % 3 + 1
    repeated = torch.repeat_interleave(torch.arange(40), weights)
    weighted, other = FirthObjective(Bernoulli(), x, y, weights=weights), FirthObjective(Bernoulli(), x[repeated], y[repeated])
    theta = fitted(weighted).theta
    halves = [half_of_covariance(each, theta) for each in (weighted, other)]
    torch.testing.assert_close(*(half @ half.T for half in halves), rtol=1e-10, atol=1e-14)


def test_one_feature_of_two_values_has_its_estimate_in_closed_form() -> None:
    """A saturated model of two groups: Firth's estimate adds half a success and half a failure to each."""
    x = torch.tensor([0.0] * 10 + [1.0] * 10, dtype=torch.float64)[:, None]
    y = torch.tensor([1] * 3 + [0] * 7 + [1] * 10)
    theta = fitted(FirthObjective(Bernoulli(), x, y)).theta
    first, second = np.log(3.5 / 7.5), np.log(10.5 / 0.5)
    np.testing.assert_allclose(theta, [second - first, first], rtol=1e-9)


def test_profile_intervals_are_of_the_penalised_likelihood() -> None:
    x, y = rows(separated=True)
    objective = FirthObjective(Bernoulli(), x, y)
    theta = fitted(objective).theta
    ends = profile_intervals(objective, theta)
    assert (ends[:, 0] < theta).all() and (theta < ends[:, 1]).all() and torch.isfinite(ends).all()
    assert float(ends[0, 0]) > 0, "what separates the classes matters"


def test_a_weight_is_a_number_of_rows_and_processes_see_one_table() -> None:
    x, y = rows()
    weights = torch.arange(40).remainder(3).double()
    again = torch.arange(40).repeat_interleave(weights.long())
    weighted, repeated = FirthObjective(Bernoulli(), x, y, weights=weights), FirthObjective(Bernoulli(), x[again], y[again])
    theta = torch.tensor([0.5, -0.2, 0.1], dtype=torch.float64)
    torch.testing.assert_close(weighted.at(theta).gradient, repeated.at(theta).gradient, rtol=1e-11, atol=1e-15)
    torch.testing.assert_close(weighted.at(theta).value, repeated.at(theta).value, rtol=1e-12, atol=0)

    def work(rank: int, reduction: Reduction) -> tuple[Tensor, Tensor]:
        own = slice(0, 13) if rank == 0 else slice(13, None)
        point = FirthObjective(Bernoulli(), x[own], y[own], 0.0, reduction, weights=weights[own]).at(theta)
        return point.value, point.gradient

    for value, gradient in in_processes(2, work):
        torch.testing.assert_close(value, weighted.at(theta).value, rtol=1e-12, atol=0)
        torch.testing.assert_close(gradient, weighted.at(theta).gradient, rtol=1e-11, atol=1e-15)


def test_a_fit_by_the_trainer() -> None:
    x, y = rows(separated=True)
    data = ArrayDataModule(x.numpy(), y.numpy(), val_fraction=0, test_fraction=0, standardize=False)
    model = LogisticRegression(2, firth=True, optimizer=Newton).double()
    make_trainer(100).fit(model, data)
    assert model.convergence().status == "converged"
    theta = torch.cat([model.linear.weight.flatten(), model.linear.bias]).detach()
    expected = fitted(FirthObjective(Bernoulli(), *data.splits["train"])).theta
    torch.testing.assert_close(theta, expected, rtol=0, atol=1e-8)
    told = model.coefficients(["a", "b"])
    assert all(each.standard_error is not None for each in told) and model.fit_statistics() is None


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="takes the place of l2"):
        LogisticRegression(2, l2=0.1, firth=True, optimizer=Newton)
    with pytest.raises(ValueError, match="that of the logit link"):
        FirthObjective(Poisson(), *rows())  # type: ignore[arg-type]
    x, y = rows()
    data = ArrayDataModule(x.numpy(), y.numpy(), val_fraction=0, test_fraction=0, batch_size=10)
    with pytest.raises(ValueError, match="the penalty is of all rows at once"):
        make_trainer(2).fit(LogisticRegression(2, firth=True, optimizer=Newton), data)


def test_in_float32_it_ends_near_the_same_place() -> None:
    x, y = rows(separated=True)
    found = minimise(FirthObjective(Bernoulli(), x.float(), y), torch.zeros(3), Newton, 300)
    expected = fitted(FirthObjective(Bernoulli(), x.float().double(), y)).theta
    assert found.status == "converged", found.message
    torch.testing.assert_close(found.theta.double(), expected, rtol=1e-3, atol=1e-3)
