"""An l1 penalty chosen by held-out rows: the curve recomputed, both choices, the same for the same seed, the figure."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.metrics import mean_poisson_deviance, mean_squared_error

from callbacks.penalty_figure import draw_penalties
from lightning_modules.lasso import cross_validated, minimise_l1
from lightning_modules.lasso.cross_validation import division, own_division
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Gaussian
from tests.lightning_modules.lasso.designs_with_zeros import FAMILIES, design, objective_of


@pytest.mark.parametrize("kind", ["gaussian", "poisson"])
def test_the_curve_by_hand(kind):
    x, y = design(kind)
    objective = objective_of(kind, x, y)
    found = cross_validated(objective, 3, num=5, seed=1)
    fold_of = division(objective.targets, 3, 1)
    metric, mean_of = (mean_squared_error, lambda z: z) if kind == "gaussian" else (mean_poisson_deviance, np.exp)
    by_hand, sizes = np.empty((3, 5)), np.bincount(fold_of)
    for fold in range(3):
        held = fold_of == fold
        for place, l1 in enumerate(found.penalties):
            theta = minimise_l1(objective_of(kind, x[~held], y[~held]), l1).theta.numpy()
            by_hand[fold, place] = metric(y[held], mean_of(x[held] @ theta[:-1] + theta[-1]))
    mean = sizes @ by_hand / 60
    error = np.sqrt(sizes @ (by_hand - mean) ** 2 / 60 / 2)
    assert_allclose(found.mean, mean, rtol=1e-4)
    assert_allclose(found.standard_error, error, rtol=1e-3)
    assert found.best == mean.argmin()
    assert found.one_standard_error == next(i for i in range(5) if mean[i] <= mean[found.best] + error[found.best])
    assert found.one_standard_error <= found.best and found.counts[0] == 0


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_family_and_the_same_seed(kind):
    x, y = design(kind)
    weights = np.random.default_rng(0).integers(0, 3, len(x)).astype(float)
    one, other = (cross_validated(objective_of(kind, x, y, weights=weights), 3, num=6, smallest=0.05) for _ in range(2))
    assert (one.mean == other.mean).all() and (one.mean > 0).all()
    assert {each.status for each in one.path} == {"converged"}


def test_folds_have_targets_of_each_size():
    y = torch.from_numpy(np.repeat([0, 1], [90, 10]))
    folds = division(y, 5, 0)
    assert np.bincount(folds).tolist() == [20] * 5 and np.bincount(folds[90:]).tolist() == [2] * 5


def test_the_figure_tells_both_choices():
    found = cross_validated(objective_of("gaussian", *design("gaussian")), 3, num=12)
    figure = draw_penalties(found)
    axes = figure.axes[0]
    told = [text.get_text() for text in axes.get_legend().get_texts()]
    assert f"least: l1 = {found.penalties[found.best]:.3g}, {found.counts[found.best]} features" in told
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("l1, relative to the mean loss", "deviance of held-out rows")
    figure.canvas.draw()


@pytest.mark.parametrize("folds", [1, 61, 2.5, "3"])
def test_folds_that_are_none(folds):
    with pytest.raises(ValueError, match=r"folds=.*: give a whole number from 2 to the number of rows, n_samples = 60"):
        cross_validated(objective_of("gaussian", *design("gaussian")), folds)


def test_rows_of_a_group_are_in_one_fold():
    x, y = design("gaussian")
    groups = torch.arange(60) % 12
    weights = torch.ones(60, dtype=torch.float64)
    weights[::7] = 0
    objective = GLMObjective(Gaussian(1), torch.tensor(x), torch.tensor(y), weights=weights)
    kept = groups[weights > 0]
    fold_of = torch.tensor(own_division(objective, 4, 0, kept))
    assert all(len(fold_of[kept == group].unique()) == 1 for group in range(12)) and len(fold_of.unique()) == 4
    found = cross_validated(objective, 4, num=5, groups=groups)
    assert found.mean[0] != cross_validated(objective, 4, num=5).mean[0]
    with pytest.raises(ValueError, match="folds=13 of 12 groups"):
        cross_validated(objective, 13, num=5, groups=groups)
