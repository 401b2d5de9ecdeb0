"""Directions in which a generalised linear model does not change: softmax's common shifts, and no others."""

import pytest
import torch
from torch.testing import assert_close

from lightning_modules.objectives.families import Categorical
from tests.lightning_modules.objectives.cases import CASES, Case
from tests.lightning_modules.optimizers.fitting import normal

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


@each_case
def test_nothing_changes_along_invariant_directions(case: Case):
    objective, theta = case.objective(), case.theta()
    directions = objective.invariant_directions(theta)
    redundant = isinstance(case.family, Categorical) * (1 if case.l2 else 5)
    assert directions.shape == (len(theta), redundant)
    assert_close(directions.T @ directions, torch.eye(redundant, dtype=torch.float64))
    hessian = objective.at(theta).curvature("hessian").matrix()
    assert_close(hessian @ directions, torch.zeros_like(directions), rtol=0, atol=1e-14)
    assert_close(directions.T @ objective.at(theta).gradient, theta.new_zeros(redundant), rtol=0, atol=1e-14)
    moved = theta + directions @ (10 * normal(redundant))
    assert_close(objective.value(moved), objective.value(theta), rtol=1e-12, atol=0)


@each_case
def test_invariant_directions_are_all_there_are(case: Case):
    """On rows in general position the Hessian has no other null direction."""
    objective, theta = case.objective(), case.theta()
    null = (torch.linalg.eigvalsh(objective.at(theta).curvature("hessian").matrix()) < 1e-12).sum()
    assert null == objective.invariant_directions(theta).shape[1]
