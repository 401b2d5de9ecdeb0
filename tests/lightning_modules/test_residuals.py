"""Residuals and leverages are statsmodels', on its own data sets, and add up as they must."""

from typing import Any

import numpy as np
import pytest
import torch

from lightning_modules.linear.residuals import residuals
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import (
    Bernoulli,
    Categorical,
    Family,
    Gamma,
    Gaussian,
    NegativeBinomial,
    Poisson,
    Probit,
)
from lightning_modules.optimizers import Newton, minimise

api = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")
families, links = api.families, api.families.links
CASES: dict[str, tuple[Family, str, Any]] = {
    "logit": (Bernoulli(), "spector", families.Binomial()),
    "probit": (Probit(), "spector", families.Binomial(links.Probit())),
    "gamma": (Gamma(), "scotland", families.Gamma(links.Log())),
    "poisson": (Poisson(), "cpunish", families.Poisson()),
    "negative-binomial": (NegativeBinomial(0.8), "cpunish", families.NegativeBinomial(alpha=0.8)),
    "least-squares": (Gaussian(1), "stackloss", families.Gaussian()),
}


def fitted(family: Family, x: Any, y: Any, **options: Any) -> tuple[GLMObjective, torch.Tensor]:
    objective = GLMObjective(family, torch.tensor(x), torch.tensor(y), chunk_rows=7, **options)
    found = minimise(objective, objective.layout.zeros(torch.device("cpu")), Newton, 300)
    assert found.status == "converged"
    return objective, found.theta


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_residuals(case: tuple[Family, str, Any]) -> None:
    family, name, of_statsmodels = case
    loaded = getattr(api.datasets, name).load_pandas()
    x, y = np.asarray(loaded.exog, dtype=float), np.asarray(loaded.endog, dtype=float)
    x = x[:, x.std(0) > 0]
    found = residuals(*fitted(family, x, y))
    peer = api.GLM(y, np.column_stack([x, np.ones(len(x))]), of_statsmodels).fit(tol=1e-14, maxiter=2000)
    np.testing.assert_allclose(found.response, peer.resid_response, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.pearson, peer.resid_pearson, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.deviance, peer.resid_deviance, rtol=1e-5, atol=1e-7)
    leverage = peer.get_hat_matrix_diag(observed=False)
    np.testing.assert_allclose(found.leverage, leverage, rtol=1e-5)
    assert float(found.leverage.sum()) == pytest.approx(x.shape[1] + 1)


def test_a_weight_changes_no_residual_and_leverages_add_up_to_the_coefficients() -> None:
    rng = np.random.default_rng(0)
    x, y, weights = rng.normal(size=(40, 2)), rng.poisson(2.0, 40).astype(float), rng.integers(1, 4, 40)
    rows = np.repeat(np.arange(40), weights)
    weighted = residuals(*fitted(Poisson(), x, y, weights=torch.tensor(weights)))
    repeated = residuals(*fitted(Poisson(), x[rows], y[rows]))
    for name, ours in vars(weighted).items():
        np.testing.assert_allclose(ours[rows], getattr(repeated, name), rtol=1e-8, atol=1e-12)
    assert float((weighted.leverage * torch.tensor(weights)).sum()) == pytest.approx(3.0)


def test_several_outputs_are_refused() -> None:
    objective = GLMObjective(Categorical(3), torch.randn(9, 2).double(), torch.arange(9) % 3)
    with pytest.raises(ValueError, match="models with one output, and this one has 3"):
        residuals(objective, torch.zeros(9).double())
