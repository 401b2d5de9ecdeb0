"""What is known of a generalised linear model's rows: shared by penalties, never served for another point."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical
from tests.lightning_modules.objectives.correlated_features import correlated
from tests.lightning_modules.objectives.queries import ask
from tests.lightning_modules.optimizers.fitting import normal


def test_another_penalty_shares_the_gram_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, theta = correlated(Categorical(4)), normal(36)
    objective.rows.gram_eigen  # noqa: B018 – known before the copies are made
    gram, eigen = objective.rows.gram, objective.rows.gram_eigen
    weaker = objective.with_l2(0.5).with_l2(0.1)
    assert weaker.rows.gram is gram and weaker.rows.gram_eigen is eigen
    fresh = GLMObjective(objective.family, objective.features, objective.targets, 0.1)
    queries: list[Callable[[GLMObjective], Tensor]] = [
        lambda o: o.value(theta),
        lambda o: o.at(theta).gradient,
        lambda o: o.at(theta).curvature("hessian").matrix(),
        lambda o: o.invariant_directions(theta),
        lambda o: o.at(theta).curvature("hessian").preconditioner().solve(theta, 0.01),
    ]
    for query in queries:
        assert torch.equal(query(weaker), query(fresh))
    assert objective.l2 == 0.0, "the rows it came from keep their penalty"


def test_penalties_on_the_same_rows_do_not_disturb_each_other() -> None:
    """What is known at one θ is shared, and replaced by one without the others noticing."""
    objective = correlated(Bernoulli())
    here, there = normal(9), normal(9, seed=1)
    _ = objective.at(here).gradient
    other = objective.with_l2(0.3)
    _ = other.at(there).gradient
    for each, l2 in ((objective, 0.0), (other, 0.3)):
        fresh = GLMObjective(Bernoulli(), objective.features, objective.targets, l2)
        for theta in (here, there):
            assert torch.equal(each.at(theta).gradient, fresh.at(theta).gradient)


def test_linear_predictors_of_another_point_are_never_served() -> None:
    objective, theta = correlated(Bernoulli()), normal(9)
    _ = objective.at(theta).gradient
    theta.add_(0.5)
    fresh = GLMObjective(Bernoulli(), objective.features, objective.targets)
    for name in ("gradient", "hessian", "hessian_diagonal"):
        assert torch.equal(ask(objective.at(theta), name), ask(fresh.at(theta), name))
    assert objective.at(theta.float()).gradient.dtype == torch.float32
    assert objective.at(theta.float().double()).gradient.dtype == torch.float64
