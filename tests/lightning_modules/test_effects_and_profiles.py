"""Average marginal effects are statsmodels', and profile intervals end where the likelihood says."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.optimize import minimize

from lightning_modules.linear.dispersion import dispersion
from lightning_modules.linear.marginal_effects import marginal_effects
from lightning_modules.linear.profile_intervals import profile_intervals
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import (
    Bernoulli,
    Categorical,
    Family,
    Gamma,
    Gaussian,
    Poisson,
    Probit,
)
from lightning_modules.optimizers import Newton, minimise

api = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")


def fitted(family: Family, x: Any, y: Any, **options: Any) -> tuple[GLMObjective, torch.Tensor]:
    targets = torch.tensor(y).long() if isinstance(family, Categorical) else torch.tensor(y)
    objective = GLMObjective(family, torch.tensor(x), targets, **options)
    found = minimise(objective, objective.layout.zeros(torch.device("cpu")), Newton, 200)
    assert found.status == "converged"
    return objective, found.theta


def data(name: str) -> tuple[Any, Any]:
    loaded = getattr(api.datasets, name).load_pandas()
    return np.asarray(loaded.exog, dtype=float), np.asarray(loaded.endog, dtype=float)


CASES = {
    "logit": (Bernoulli(), api.Logit, "spector"),
    "probit": (Probit(), api.Probit, "spector"),
    "poisson": (Poisson(), api.Poisson, "randhie"),
    "classes": (Categorical(7), api.MNLogit, "anes96"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_effects(case: tuple[Family, Any, str]) -> None:
    family, model, name = case
    x, y = data(name)
    x, y = x[:4000], y[:4000]
    found = marginal_effects(*fitted(family, x, y), [f"x{j}" for j in range(x.shape[1])])
    peer = model(y, np.column_stack([x, np.ones(len(x))])).fit(disp=0, method="newton", tol=1e-14, maxiter=100).get_margeff()
    ours = np.array([[each.effect, each.standard_error] for each in found])
    theirs = np.stack([peer.margeff.T.ravel(), peer.margeff_se.T.ravel()], 1)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


def test_effects_of_least_squares_are_its_coefficients() -> None:
    x, y = data("stackloss")
    objective, theta = fitted(Gaussian(1), x, y)
    found = marginal_effects(objective, theta, list("abc"))
    np.testing.assert_allclose([each.effect for each in found], theta[:3], rtol=1e-12)


def test_effects_count_weights() -> None:
    x, y = data("spector")
    weights = np.arange(len(y)) % 3 + 1.0
    rows = np.repeat(np.arange(len(y)), weights.astype(int))
    weighted = marginal_effects(*fitted(Bernoulli(), x, y, weights=torch.tensor(weights)), list("abc"))
    repeated = marginal_effects(*fitted(Bernoulli(), x[rows], y[rows]), list("abc"))
    for ours, theirs in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose([ours.effect, ours.standard_error], [theirs.effect, theirs.standard_error], rtol=1e-9)


@pytest.mark.parametrize(
    "family", [Bernoulli(), Poisson(), Gaussian(1), Gamma()], ids=["logit", "poisson", "least-squares", "gamma"]
)
@pytest.mark.parametrize("intercept", [True, False])
def test_profiles_end_where_the_likelihood_has_fallen_so_far(family: Family, intercept: bool) -> None:
    x, y = data("spector")
    x, y = (x - x.mean(0)) / x.std(0), y + 0.1 * x[:, 0] if isinstance(family, Gamma) else y
    objective, theta = fitted(family, x, y, intercept=intercept)
    ends, rows, size = profile_intervals(objective, theta), len(y), len(theta)
    factor, quantile = 1.0, stats.chi2(1).ppf(0.95)
    if isinstance(family, Gaussian):
        factor, quantile = 2 * rows * float(objective.at(theta).value) / (rows - size), stats.f(1, rows - size).ppf(0.95)
        z = np.sqrt(quantile) * np.asarray(api.OLS(y, np.column_stack([x, np.ones(rows)][: 1 + intercept])).fit().bse)
        np.testing.assert_allclose(ends, np.stack([theta.numpy() - z, theta.numpy() + z], 1), rtol=1e-6)
    if isinstance(family, Gamma):  # of which Wald's intervals are by the normal distribution
        factor = float(dispersion(objective, theta)[0])
    for j in (0, size - 1):
        for end in ends[j].tolist():

            def value(others: Any, j: int = j, end: float = end) -> float:
                return float(objective.value(torch.tensor(np.insert(others, j, end))))

            least = minimize(value, np.delete(theta.numpy(), j), method="BFGS", tol=1e-10).fun
            assert 2 * rows * (least - float(objective.value(theta))) / factor == pytest.approx(quantile, rel=1e-5)


def test_a_profile_is_no_parabola_where_classes_are_nearly_separated() -> None:
    """One row of twelve keeps the feature's coefficient finite: it may be far below, and not far above."""
    x = np.array([0.0] * 12 + [1.0] * 12)[:, None]
    y = np.array([0.0, 1.0] * 6 + [0.0] * 11 + [1.0])
    objective, theta = fitted(Bernoulli(), x, y)
    low, high = profile_intervals(objective, theta)[0].tolist()
    assert (float(theta[0]) - low) > 1.3 * (high - float(theta[0]))


@pytest.mark.parametrize("ask", [lambda o, t: marginal_effects(o, t, list("abc")), profile_intervals])
def test_a_penalty_refuses_with_a_reason(ask: Any) -> None:
    x, y = data("spector")
    with pytest.raises(ValueError, match=r"with a penalty, l2=0.1, .*: fit with l2=0 for"):
        ask(GLMObjective(Bernoulli(), torch.tensor(x), torch.tensor(y), 0.1), torch.zeros(4).double())
