"""Of many rows a sample is fitted first: a start that costs no digit, however the rows are ordered."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from lightning_modules.lasso import minimise_l1
from lightning_modules.lasso.problem import PenalisedProblem
from tests.lightning_modules.lasso.designs_with_zeros import FAMILIES, design, objective_of


@pytest.mark.parametrize("kind", FAMILIES)
def test_it_is_no_more_than_a_start(kind, monkeypatch):
    x, y = design(kind, rows=9000, columns=6)
    objective, begun = objective_of(kind, x, y), []
    begin = PenalisedProblem._begin_on_a_sample
    monkeypatch.setattr(PenalisedProblem, "_begin_on_a_sample", lambda self, l1: begun.append(begin(self, l1)))
    found = minimise_l1(objective, 0.01)
    assert bool(begun) != objective.is_quadratic and found.status == "converged"
    monkeypatch.setattr(PenalisedProblem, "_begin_on_a_sample", lambda self, l1: None)
    assert_allclose(found.value, minimise_l1(objective, 0.01).value, rtol=1e-10)


def test_a_sample_that_is_like_no_other_rows():
    """Every second, third, … sixteenth row is of one class, and of a column that the others do not have."""
    x, y = design("bernoulli", rows=9000, columns=6)
    for every in (2, 3, 4, 5, 16):
        y[::every], x[::every, 5] = 0, 100.0
        found = minimise_l1(objective_of("bernoulli", x, y), 0.01)
        assert found.status == "converged" and torch.isfinite(found.theta).all()
        slopes = 1 / (1 + np.exp(-(x @ found.theta.numpy()[:-1] + float(found.theta[-1])))) - y
        assert (np.abs(x.T @ slopes / 9000) <= 0.01 + 1e-6).all()
