"""Sandwiches of grouped trials: a share in a row of weight m is one group, as in statsmodels."""

import numpy as np
import pytest
import torch

from lightning_modules.linear.covariance import half_of_covariance
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Probit
from lightning_modules.optimizers import Newton, minimise

api = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC3", "cluster"])
@pytest.mark.parametrize("link", [Bernoulli, Probit])
def test_groups_have_one_residual(link: type, kind: str) -> None:
    random, rows = np.random.default_rng(0), 120
    if link is Probit and kind == "HC3":
        pytest.skip("its leverage is of the observed information, ours of the expected one")
    x, trials = random.normal(size=(rows, 2)), random.integers(1, 12, rows)
    successes = random.binomial(trials, 1 / (1 + np.exp(-x[:, 0] - random.normal(size=rows))))
    weights = torch.tensor(trials, dtype=torch.float64)
    objective = GLMObjective(link(), torch.tensor(x), torch.tensor(successes / trials), weights=weights)
    theta = minimise(objective, torch.zeros(3, dtype=torch.float64), Newton, 100).theta
    groups = np.arange(rows) % 20
    half = half_of_covariance(objective, theta, kind, torch.tensor(groups) if kind == "cluster" else None)
    ours = (half @ half.T).numpy()
    constant = np.column_stack([x, np.ones(rows)])
    family = api.families.Binomial() if link is Bernoulli else api.families.Binomial(api.families.links.Probit())
    model = api.GLM(np.column_stack([successes, trials - successes]), constant, family)
    fit = model.fit(tol=1e-13)
    scores = constant * model.score_factor(fit.params)[:, None]
    if kind == "HC3":
        scores /= 1 - fit.get_influence().hat_matrix_diag[:, None]
    if kind == "cluster":
        scores = np.stack([scores[groups == group].sum(0) for group in range(20)])
    bread = np.linalg.inv(-model.hessian(fit.params))
    factor = {"HC1": rows / (rows - 3), "cluster": 20 / 19 * (rows - 1) / (rows - 3)}.get(kind, 1.0)
    np.testing.assert_allclose(ours, factor * bread @ scores.T @ scores @ bread, rtol=1e-7)
