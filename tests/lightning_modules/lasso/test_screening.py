"""Columns that are left out at first: whatever the rule says, the conditions of an optimum are looked at for all of them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import lasso_path

from lightning_modules.lasso import minimise_l1, penalty_path, problem
from lightning_modules.lasso.problem import PenalisedProblem
from tests.lightning_modules.lasso.designs_with_zeros import design, objective_of


def test_a_path_on_more_columns_than_rows_is_scikit_learns():
    x, y = design("gaussian", rows=50, columns=300)
    path = penalty_path(objective_of("gaussian", x, y), 20)
    assert {each.status for each in path} == {"converged"}
    penalties, coefficients, _ = lasso_path(
        x - x.mean(0), y - y.mean(), alphas=[each.l1 for each in path], tol=1e-12, max_iter=100_000
    )
    assert_allclose(penalties, [each.l1 for each in path])
    for each, theirs in zip(path, coefficients.T, strict=True):
        own = 0.5 * np.mean(((x - x.mean(0)) @ theirs - (y - y.mean())) ** 2) + each.l1 * np.abs(theirs).sum()
        assert_allclose(each.value, own, atol=1e-9)


@pytest.mark.parametrize("kind", ["gaussian", "bernoulli"])
def test_a_path_is_as_each_penalty_alone(kind):
    x, y = design(kind, rows=80, columns=300)
    objective = objective_of(kind, x, y)
    path = penalty_path(objective, 10, 0.05)
    assert len({each.l1 for each in path}) == 10 and path[0].active == ()
    for each in path[::3]:
        assert_allclose(each.value, minimise_l1(objective, each.l1).value, rtol=1e-9)


@pytest.mark.parametrize("kind", ["gaussian", "bernoulli"])
def test_a_rule_that_drops_what_counts_is_caught(kind, monkeypatch):
    """Negative control: a rule that keeps nothing, and one that keeps the wrong columns, cost time and no digit."""
    x, y = design(kind, rows=80, columns=300)
    objective = objective_of(kind, x, y)
    right = [each.value for each in penalty_path(objective, 10)]
    for wrong in (lambda self, l1, before: np.zeros(300, bool), lambda self, l1, before: np.arange(300) > 295):
        monkeypatch.setattr(PenalisedProblem, "_kept_by_strong_rule", wrong)
        path = penalty_path(objective, 10)
        assert {each.status for each in path} == {"converged"}
        assert_allclose([each.value for each in path], right, rtol=1e-9)


def test_without_the_look_at_all_columns_the_answer_would_be_wrong(monkeypatch):
    """What the last test relies on."""
    x, y = design("gaussian", rows=80, columns=300)
    monkeypatch.setattr(PenalisedProblem, "_kept_by_strong_rule", lambda self, l1, before: np.zeros(300, bool))
    monkeypatch.setattr(problem, "largest_of", lambda sizes, allowed, count: np.zeros(len(sizes), bool))
    path = penalty_path(objective_of("gaussian", x, y), 3)
    assert path[-1].status != "converged" and not path[-1].active


def test_equal_columns_and_more_columns_than_rows_without_l2():
    x, y = design("gaussian", rows=40, columns=60)
    twice = np.concatenate([x, x, np.zeros((40, 2)), np.ones((40, 1))], 1)
    for one, other in zip(
        penalty_path(objective_of("gaussian", x, y), 20), penalty_path(objective_of("gaussian", twice, y), 20), strict=True
    ):
        assert other.status == "converged"
        assert_allclose(one.value, other.value, rtol=1e-9)


def test_to_where_rows_are_nearly_interpolated():
    """As many coefficients as rows, nearly: columns that enter and leave again must not keep each other busy."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (100, 250)).astype(float)
    path = penalty_path(objective_of("gaussian", x, x[:, :5] @ np.ones(5) + rng.normal(size=100)), 60, 1e-3)
    assert {each.status for each in path} == {"converged"} and len(path[-1].active) > 90
    assert sum(each.steps for each in path) < 200
