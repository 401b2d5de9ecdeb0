"""Minimisers under an l1 penalty: conditions of an optimum by a formula of its own, other people's solvers, symmetries."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import ElasticNet, LogisticRegression

from lightning_modules.lasso import SparseMinimum, minimise_l1, penalty_path
from lightning_modules.lasso.problem import PenalisedProblem
from lightning_modules.objectives import GLMObjective
from lightning_modules.optimizers import minimise
from tests.lightning_modules.lasso.designs_with_zeros import FAMILIES, WITHOUT_GAP, design, objective_of
from tests.lightning_modules.processes import in_processes

each_kind = pytest.mark.parametrize("kind", FAMILIES)
SIGMOID = {"gaussian": lambda z: z, "bernoulli": lambda z: 1 / (1 + np.exp(-z)), "poisson": np.exp}


def value_at(objective: GLMObjective, theta: torch.Tensor, l1: float) -> float:
    """The mean loss with both penalties of weight 1, by `GLMObjective.value`."""
    return float(objective.value(theta)) + l1 * float(objective.layout.weights_of(theta).abs().sum())


@pytest.mark.parametrize("kind", SIGMOID)
def test_conditions_by_numpy(kind):
    x, y = design(kind)
    l1, l2 = 0.05, 0.02
    found = minimise_l1(objective_of(kind, x, y, l2), l1)
    w, b = found.theta.numpy()[:-1], float(found.theta[-1])
    slopes = SIGMOID[kind](x @ w + b) - y
    g = x.T @ slopes / len(y) + l2 * w
    assert found.status == "converged" and 0 < len(found.active) < 12
    assert abs(slopes.mean()) < 1e-10
    assert_allclose(g[w != 0], -l1 * np.sign(w[w != 0]), atol=1e-10)
    assert (np.abs(g[w == 0]) <= l1 + 1e-10).all()


@each_kind
@pytest.mark.parametrize("l2", [0.0, 0.05])
def test_gap_bounds_what_can_be_gained(kind, l2):
    """And no point nearby, or that another method finds, is lower than it allows."""
    x, y = design(kind)
    objective = objective_of(kind, x, y, l2)
    problem = PenalisedProblem(objective)
    for share in (0.7, 0.2, 0.03):
        l1 = share * problem.largest_l1
        found = problem.minimise(l1)
        assert found.status == "converged", found.message
        assert (found.gap is None) == (kind in WITHOUT_GAP)
        assert found.kkt < 1e-8 * objective.unit
        assert_allclose(found.value, value_at(objective, found.theta, l1), rtol=1e-13)
        rng = np.random.default_rng(1)
        for size in (1e-1, 1e-3, 1e-5):
            other = found.theta + size * torch.from_numpy(rng.normal(size=len(found.theta)))
            assert value_at(objective, other, l1) >= found.value - 1e-14 * abs(found.value)


@each_kind
def test_an_early_end_is_told_and_its_gap_holds(kind):
    x, y = design(kind)
    objective = objective_of(kind, x, y)
    l1 = 0.1 * PenalisedProblem(objective).largest_l1
    best, early = minimise_l1(objective, l1), minimise_l1(objective, l1, max_steps=1)
    assert (early.status, early.steps) == ("converged" if objective.is_quadratic else "budget", 1)
    if early.gap is not None:
        assert best.value >= early.value - early.gap - 1e-14


@each_kind
def test_largest_penalty_is_exact(kind):
    x, y = design(kind)
    problem = PenalisedProblem(objective_of(kind, x, y))
    at, below = problem.minimise(problem.largest_l1), problem.minimise(problem.largest_l1 * (1 - 1e-6))
    assert at.active == () and len(below.active) == 1
    assert not problem.minimise(3 * problem.largest_l1).active


@each_kind
def test_without_l1_it_is_newtons_minimiser(kind):
    x, y = design(kind)
    objective = objective_of(kind, x, y, 0.03)
    newton = minimise(objective, objective.layout.zeros(torch.device("cpu")))
    found = minimise_l1(objective, 0.0)
    assert found.status == "converged"
    assert_allclose(found.theta.numpy(), newton.theta.numpy(), atol=1e-7)


@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_elastic_net_of_scikit_learn(ratio):
    x, y = design("gaussian")
    theirs = ElasticNet(0.1, l1_ratio=ratio, tol=1e-14, max_iter=100_000).fit(x, y)
    objective = objective_of("gaussian", x, y, 0.1 * (1 - ratio))
    theta = torch.tensor([*theirs.coef_, theirs.intercept_])
    found = minimise_l1(objective, 0.1 * ratio)
    assert_allclose(found.value, value_at(objective, theta, 0.1 * ratio), atol=1e-10)
    assert_allclose(found.theta.numpy(), theta.numpy(), atol=1e-6)


@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_logistic_regression_of_scikit_learn(ratio):
    x, y = design("bernoulli")
    strength = 0.03
    theirs = LogisticRegression(
        C=1 / (len(y) * strength), l1_ratio=ratio, solver="saga", tol=1e-12, max_iter=100_000, random_state=0
    ).fit(x, y)
    objective = objective_of("bernoulli", x, y, strength * (1 - ratio))
    theta = torch.from_numpy(np.concatenate([theirs.coef_.ravel(), theirs.intercept_]))
    found = minimise_l1(objective, strength * ratio)
    assert found.status == "converged"
    assert_allclose(found.value, value_at(objective, theta, strength * ratio), atol=1e-8)


def test_other_peoples_generalised_linear_models():
    glum = pytest.importorskip("glum")
    for kind in ("poisson", "gamma"):
        x, y = design(kind)
        theirs = glum.GeneralizedLinearRegressor(
            family=kind, alpha=0.05, l1_ratio=0.5, gradient_tol=1e-10, link="log", max_iter=1000
        )
        theirs.fit(x, y)
        objective = objective_of(kind, x, y, 0.025)
        theta = torch.tensor([*theirs.coef_, theirs.intercept_])
        found = minimise_l1(objective, 0.025)
        assert abs(found.value - value_at(objective, theta, 0.025)) < 1e-8


# -- symmetries --------------------------------------------------------------------------------------------------------


def solved(kind: str, x: np.ndarray, y: np.ndarray, penalty_weights=None, **terms) -> SparseMinimum:
    found = minimise_l1(objective_of(kind, x, y, 0.01, **terms), 0.05, penalty_weights=penalty_weights, tolerance=1e-13)
    assert found.status == "converged", found.message
    return found


@each_kind
def test_rows_and_columns_in_another_order(kind):
    x, y = design(kind)
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(len(x)), rng.permutation(x.shape[1])
    one, other = solved(kind, x, y), solved(kind, x[rows][:, columns], y[rows])
    assert_allclose(one.value, other.value, rtol=1e-13)
    outputs = FAMILIES[kind]().num_outputs
    moved = one.theta[: outputs * 12].view(outputs, 12)[:, torch.from_numpy(columns)].flatten()
    assert_allclose(other.theta[: outputs * 12].numpy(), moved.numpy(), atol=1e-6)


@each_kind
def test_a_column_in_another_unit_with_its_penalty_weight(kind):
    """l1 v |w| stays as it is; l2 v w² would not, so there is none."""
    x, y = design(kind)
    factors = np.array([1e3, 1.0, 1e-3] * 4)
    one = minimise_l1(objective_of(kind, x, y), 0.05, tolerance=1e-12)
    other = minimise_l1(objective_of(kind, x * factors, y), 0.05, penalty_weights=factors, tolerance=1e-12)
    assert (one.status, other.status) == ("converged", "converged") and one.active == other.active
    outputs = FAMILIES[kind]().num_outputs
    back = other.theta.numpy()[: 12 * outputs] * np.tile(factors, outputs)
    assert_allclose(back, one.theta.numpy()[: 12 * outputs], atol=1e-5)


@each_kind
def test_weights_are_repeated_rows(kind):
    x, y = design(kind)
    counts = np.random.default_rng(2).integers(0, 3, len(x))
    one = solved(kind, x, y, weights=counts.astype(float))
    other = solved(kind, np.repeat(x, counts, 0), np.repeat(y, counts, 0))
    assert_allclose(one.theta.numpy(), other.theta.numpy(), atol=1e-6)
    assert_allclose(one.value, other.value, rtol=1e-12)


@each_kind
def test_what_is_not_penalised(kind):
    x, y = design(kind)
    weights = np.array([0.0, 2.0] + [1.0] * 9 + [0.0])
    objective = objective_of(kind, x, y)
    problem = PenalisedProblem(objective, weights)
    found = problem.minimise(problem.largest_l1)
    assert found.status == "converged" and found.active == (0, 11)
    kept = objective_of(kind, x[:, [0, 11]], y)
    assert_allclose(found.value, float(minimise(kept, kept.layout.zeros(torch.device("cpu"))).value), rtol=1e-12)
    assert problem.minimise(0.3 * problem.largest_l1).status == "converged"


@each_kind
@pytest.mark.parametrize("intercept", [True, False])
def test_offsets_and_no_intercept(kind, intercept):
    x, y = design(kind)
    outputs = FAMILIES[kind]().num_outputs
    offset = np.random.default_rng(4).normal(size=(len(x), outputs)) / 3
    for found in penalty_path(objective_of(kind, x, y, offset=offset, intercept=intercept), 8):
        assert found.status == "converged", found.message


@each_kind
def test_three_processes_are_one(kind):
    x, y = design(kind)
    shards = [slice(0, 25), slice(25, 25), slice(25, 60)]

    def work(rank, reduction):
        part = shards[rank]
        objective = GLMObjective(FAMILIES[kind](), torch.from_numpy(x[part]), torch.from_numpy(y[part]), reduction=reduction)
        return minimise_l1(objective, 0.04, penalty_weights=[1.0] * 11 + [0.0])

    alone = minimise_l1(objective_of(kind, x, y), 0.04, penalty_weights=[1.0] * 11 + [0.0])
    each = in_processes(3, work)
    assert all(torch.equal(one.theta, each[0].theta) and one.message == each[0].message for one in each)
    assert_allclose(each[0].theta.numpy(), alone.theta.numpy(), atol=1e-6)
    assert abs(each[0].value - alone.value) < 1e-12
