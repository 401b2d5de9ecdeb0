"""The objective under l1 that methods step on: derivatives, equal ends, refusals, processes, and what goes to infinity."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from lightning_modules.lasso import L1Objective, minimise_l1
from lightning_modules.lasso.problem import PenalisedProblem
from lightning_modules.objectives import GLMObjective, PartialObjective, this_process
from lightning_modules.objectives.families import Bernoulli, Categorical
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton, SubsampledNewton, minimise
from tests.lightning_modules.lasso.designs_with_zeros import FAMILIES, WITHOUT_GAP, design, objective_of
from tests.lightning_modules.processes import in_processes

QUICK = ("gaussian", "bernoulli", "two targets")
each_kind = pytest.mark.parametrize("kind", FAMILIES)


def zeros(objective: GLMObjective) -> torch.Tensor:
    return objective.layout.zeros(torch.device("cpu"))


@each_kind
@pytest.mark.parametrize(("rows", "columns"), [(60, 12), pytest.param(60, 300, marks=pytest.mark.slow)])
def test_steps_end_where_the_path_does(kind, rows, columns):
    """With weights of the penalties, one of them 0, and l2 beside it."""
    x, y = design(kind, rows, columns)
    smooth, weights = objective_of(kind, x, y, 0.01), np.array([1.0, 0.3, 0.0] + [1.0] * (columns - 3))
    l1 = 0.1 * PenalisedProblem(smooth, weights).largest_l1
    found = minimise(L1Objective(smooth, l1, weights), zeros(smooth), Newton)
    path = minimise_l1(smooth, l1, penalty_weights=weights)
    assert found.status == path.status == "converged", (found.message, path.message)
    assert_allclose(found.value, path.value, rtol=1e-12)
    assert torch.equal(found.theta == 0, path.theta == 0) and bool((found.theta == 0).any())
    assert (found.verdict.gap is None) == (kind in WITHOUT_GAP)
    outputs = smooth.layout.num_outputs
    count = int((found.theta[: outputs * columns] == 0).sum())
    assert f"{count} of {outputs * columns} coefficients are 0" in found.message


@each_kind
def test_the_gradient_is_the_shortest_subgradient(kind):
    x, y = design(kind)
    smooth = objective_of(kind, x, y, 0.02)
    loss, theta = L1Objective(smooth, 0.03), 0.1 * torch.randn(len(zeros(smooth)), dtype=torch.float64)
    leaf = theta.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss.value(leaf), leaf)
    torch.testing.assert_close(loss.point(theta).gradient, expected)
    torch.testing.assert_close(loss.point(theta).value, loss.value(theta))
    theta[::2] = 0
    plain = smooth.with_l2(0.0).point(theta).gradient
    held = smooth.layout.weights_of(torch.ones_like(theta)) == 1
    inside = plain.sign() * (plain.abs() - 0.03).clamp_min(0)
    away = plain + held * (0.02 * theta + 0.03 * theta.sign())
    torch.testing.assert_close(loss.point(theta).gradient, torch.where((theta == 0) & held, inside, away))


def test_several_classes_are_scikit_learns():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 8))
    y = (x[:, :3] @ rng.normal(size=(3, 3)) + rng.gumbel(size=(150, 3))).argmax(1)
    smooth = GLMObjective(Categorical(3), torch.from_numpy(x), torch.from_numpy(y))
    theirs = LogisticRegression(C=1 / (150 * 0.02), l1_ratio=1.0, solver="saga", tol=1e-12, max_iter=100_000, random_state=0)
    theirs.fit(x, y)
    theta = torch.from_numpy(np.concatenate([theirs.coef_.ravel(), theirs.intercept_]))
    loss = L1Objective(smooth, 0.02)
    found, path = minimise(loss, zeros(smooth), Newton), minimise_l1(smooth, 0.02)
    assert found.status == path.status == "converged"
    assert found.verdict.gap is not None and found.verdict.gap < 1e-10
    assert_allclose([found.value, path.value], float(loss.value(theta)), atol=1e-9)
    assert int((found.theta == 0).sum()) == int((theirs.coef_ == 0).sum()) > 0


@each_kind
@pytest.mark.parametrize(("where", "spread"), [(2000.0, 3.0), (1.6e9, 1e3)])
def test_columns_far_from_zero(kind, where, spread):
    """A year, a time in seconds: the same minimum as of the column shifted to 0, which is what the penalty is for."""
    x, y = design(kind)
    weights = np.array([spread] + 11 * [1.0])
    near, far = x.copy(), x.copy()
    near[:, 0], far[:, 0] = spread * x[:, 0], where + spread * x[:, 0]
    near[:, 0] = far[:, 0] - where  # as it was rounded
    shifted, smooth = objective_of(kind, near, y), objective_of(kind, far, y)
    expected = minimise_l1(shifted, 0.03, penalty_weights=weights)
    path, found = (
        minimise_l1(smooth, 0.03, penalty_weights=weights),
        minimise(L1Objective(smooth, 0.03, weights), zeros(smooth)),
    )
    assert expected.status == path.status == found.status == "converged", (path.message, found.message)
    assert_allclose([path.value, found.value], expected.value, rtol=1e-11)
    assert path.active == expected.active and float(expected.theta[0]) != 0
    weights_alone = slice(0, 12 * smooth.layout.num_outputs)
    assert_allclose(path.theta[weights_alone], expected.theta[weights_alone], atol=1e-6)


def test_without_the_shift_that_would_stall(monkeypatch):
    """Negative control: what the last test is for."""
    monkeypatch.setattr("lightning_modules.lasso.problem.centred", lambda objective, known: (objective, None))
    x, y = design("gaussian")
    # At which of them rounding decides it, is up to the processor.
    columns = [(center, center + 1e3 * x[:, 0]) for center in (1.6e9, 3e9, 1e10, 3e10)]
    ended = {}
    for center, x[:, 0] in columns:
        ended[center] = minimise_l1(objective_of("gaussian", x, y), 0.03).status
    assert "stalled" in ended.values(), ended


@pytest.mark.parametrize("kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in FAMILIES])
def test_processes_are_one(kind):
    x, y = design(kind)
    x[:, 0] += 500
    shards = [slice(0, 25), slice(25, 25), slice(25, 60)]

    def fitted(part, reduction):
        rows = torch.from_numpy(x[part]), torch.from_numpy(y[part])
        loss = L1Objective(GLMObjective(FAMILIES[kind](), *rows, 0.01, reduction), 0.04)
        found = minimise(loss, zeros(loss), Newton)
        return found.theta, found.message, found.status

    alone = fitted(slice(None), this_process)
    each = in_processes(3, lambda rank, reduction: fitted(shards[rank], reduction))
    assert alone[2] == "converged" and all(torch.equal(one[0], each[0][0]) and one[1:] == each[0][1:] for one in each)
    assert_allclose(each[0][0], alone[0], atol=1e-8)


METHODS = {
    "GradientDescent cannot step": partial(GradientDescent, lr=0.1),
    "DiagonalNewton cannot step": DiagonalNewton,
    "SubsampledNewton cannot step": SubsampledNewton,
    "Newton(lr=0.5) with an l1 penalty": partial(Newton, lr=0.5),
    "Newton(damping=0.1) with an l1 penalty": partial(Newton, damping=0.1),
    "Newton(damping=0.1) with an l1": partial(Newton, damping=0.1, search="backtracking"),
    "Newton(solver='cg') with an l1 penalty": partial(Newton, solver="cg"),
    "Newton(curvature_rows=30) with an l1 penalty": partial(Newton, curvature_rows=30),
}


@pytest.mark.parametrize("message", METHODS)
def test_methods_that_cannot(message):
    smooth = objective_of("gaussian", *design("gaussian"))
    with pytest.raises(ValueError) as refused:
        minimise(L1Objective(smooth, 0.1), zeros(smooth), METHODS[message])
    assert message in str(refused.value) and "\n" not in str(refused.value)
    assert "use Newton" in str(refused.value) or "leave the setting out" in str(refused.value)


def test_by_the_expected_information_it_ends_at_the_same_place():
    smooth = objective_of("gamma", *design("gamma"))
    one, other = (
        minimise(L1Objective(smooth, 0.05), zeros(smooth), partial(Newton, curvature=kind)) for kind in ("hessian", "ggn")
    )
    assert one.status == other.status == "converged" and one.steps != other.steps
    assert_allclose(one.value, other.value, rtol=1e-12)


def test_what_is_not_penalised_goes_to_infinity_and_is_named():
    x, y = design("bernoulli")
    x[:, 5] = 2 * y - 1
    weights = np.ones(12)
    weights[5] = 0
    found = minimise(L1Objective(objective_of("bernoulli", x, y), 0.01, weights), torch.zeros(13, dtype=torch.float64))
    assert found.status == "separated" and "by what is not penalised the classes are separated" in found.message
    assert found.verdict.direction is not None and float(found.verdict.direction[5]) > 0.5
    ones = GLMObjective(Bernoulli(), torch.from_numpy(x), torch.ones(len(y)))
    assert minimise(L1Objective(ones, 0.01), torch.zeros(13, dtype=torch.float64)).status == "separated"


def test_in_single_precision():
    x, y = design("bernoulli")
    smooth = GLMObjective(Bernoulli(), torch.from_numpy(x).float(), torch.from_numpy(y))
    found = minimise(L1Objective(smooth, 0.03), torch.zeros(13), Newton)
    exact = minimise_l1(objective_of("bernoulli", x, y), 0.03)
    assert found.status == "converged" and found.theta.dtype == torch.float32
    assert_allclose(found.value, exact.value, rtol=1e-5)
    assert torch.equal(found.theta == 0, exact.theta == 0)


def test_an_end_before_the_optimum_is_told():
    smooth = objective_of("poisson", *design("poisson"))
    early = minimise(L1Objective(smooth, 0.01), zeros(smooth), Newton, max_steps=2)
    assert early.status == "budget" and "duality gap" in early.message
    best = minimise(L1Objective(smooth, 0.01), zeros(smooth))
    assert early.verdict.gap is not None and best.value >= early.value - early.verdict.gap


def test_frozen_coefficients_are_refused():
    smooth = objective_of("gaussian", *design("gaussian"))
    with pytest.raises(ValueError, match="leave none frozen"):
        PartialObjective(L1Objective(smooth, 0.1), zeros(smooth), torch.arange(5))
