"""Likelihoods, criteria, tests and every covariance are statsmodels', on its own data sets."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lightning_modules.linear.coefficients import coefficients
from lightning_modules.linear.count_dispersion import minimise_with_dispersion
from lightning_modules.linear.covariance import half_of_covariance
from lightning_modules.linear.fit_statistics import fit_statistics
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
    Tweedie,
)
from lightning_modules.optimizers import Newton, minimise

api = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")
families, links = api.families, api.families.links
pytestmark = [pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ModelWarning")]


def data(name: str) -> tuple[Any, Any]:
    """Features and target of one of its data sets."""
    loaded = getattr(api.datasets, name).load_pandas()
    return np.asarray(loaded.exog, dtype=float), np.asarray(loaded.endog, dtype=float)


def with_constant(x: Any) -> Any:
    return np.column_stack([x, np.ones(len(x))])


def fitted(family: Family, x: Any, y: Any, weights: Any = None) -> tuple[GLMObjective, torch.Tensor]:
    targets = torch.tensor(y).long() if isinstance(family, Categorical) else torch.tensor(y)
    objective = GLMObjective(family, torch.tensor(x), targets, weights=None if weights is None else torch.tensor(weights))
    found = minimise(objective, torch.zeros(family.num_outputs * (x.shape[1] + 1), dtype=torch.float64), Newton, 200)
    assert found.status == "converged"
    return objective, found.theta


def glm(family: Any, **options: Any) -> Callable[[Any, Any], Any]:
    return lambda y, x: api.GLM(y, x, family, **options).fit(tol=1e-14, maxiter=2000)


CASES: dict[str, tuple[Family, str, Callable[[Any, Any], Any]]] = {
    "logit": (Bernoulli(), "spector", glm(families.Binomial())),
    "probit": (Probit(), "spector", glm(families.Binomial(links.Probit()))),
    "gamma": (Gamma(), "scotland", glm(families.Gamma(links.Log()))),
    "poisson": (Poisson(), "randhie", glm(families.Poisson())),
    "negative-binomial": (NegativeBinomial(0.8), "randhie", glm(families.NegativeBinomial(alpha=0.8))),
    "least-squares": (Gaussian(1), "longley", glm(families.Gaussian())),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_generalised_linear_models(case: tuple[Family, str, Callable[[Any, Any], Any]]) -> None:
    family, name, fit = case
    x, y = data(name)
    objective, theta = fitted(family, x, y)
    found, peer = fit_statistics(objective, theta), fit(y, with_constant(x))
    ours = [found.deviance, found.null_deviance, found.pearson, found.dispersion]
    np.testing.assert_allclose(ours, [peer.deviance, peer.null_deviance, peer.pearson_chi2, peer.scale], rtol=1e-8)
    if not isinstance(family, Gaussian):  # its own likelihood of least squares takes another dispersion than OLS
        np.testing.assert_allclose([found.log_likelihood, found.aic, found.bic], [peer.llf, peer.aic, peer.bic_llf], rtol=1e-8)
        np.testing.assert_allclose([found.cox_snell], [peer.pseudo_rsquared()], rtol=1e-8)
    errors = [
        c.standard_error for c in coefficients(objective, theta, list(map(str, range(x.shape[1]))), covariance="expected")
    ]
    np.testing.assert_allclose(np.array(errors, dtype=float), peer.bse, rtol=1e-8)


DISCRETE = {
    "logit": (Bernoulli(), api.Logit, "spector"),
    "probit": (Probit(), api.Probit, "spector"),
    "logit, fair": (Bernoulli(), api.Logit, "fair"),
    "probit, fair": (Probit(), api.Probit, "fair"),
    "poisson": (Poisson(), api.Poisson, "randhie"),
}


@pytest.mark.parametrize("case", DISCRETE.values(), ids=DISCRETE.keys())
@pytest.mark.parametrize("kind", ["nonrobust", "HC0", "cluster"])  # its HC1 of discrete models is HC0
def test_discrete_models(case: tuple[Family, Any, str], kind: str) -> None:
    """Their covariance is of the observed information."""
    family, model, name = case
    x, y = data(name)
    y = (y > 0).astype(float) if name == "fair" else y  # any affairs at all
    objective, theta = fitted(family, x, y)
    clusters = np.arange(len(y)) % 11
    options = {"cov_kwds": {"groups": clusters}} if kind == "cluster" else {}
    peer = model(y, with_constant(x)).fit(disp=0, method="newton", tol=1e-14, maxiter=100, cov_type=kind, **options)
    ours = half_of_covariance(
        objective, theta, "observed" if kind == "nonrobust" else kind, torch.tensor(clusters) if kind == "cluster" else None
    )
    np.testing.assert_allclose((ours @ ours.T).numpy(), peer.cov_params(), rtol=1e-8, atol=1e-12)
    found = fit_statistics(objective, theta)
    expected = [peer.llf, peer.llnull, peer.aic, peer.bic, peer.prsquared, peer.llr]
    statistics = [
        *(found.log_likelihood, found.null_log_likelihood, found.aic, found.bic),
        *(found.mcfadden, found.ratio),
    ]
    np.testing.assert_allclose(np.array(statistics, dtype=float), expected, rtol=1e-8)
    assert found.ratio_freedom == peer.df_model
    np.testing.assert_allclose(float(found.ratio_p_value or 0), peer.llr_pvalue, rtol=1e-6)


def test_classes() -> None:
    x, y = data("anes96")
    objective, theta = fitted(Categorical(7), x, y)
    found = fit_statistics(objective, theta)
    peer = api.MNLogit(y, with_constant(x)).fit(disp=0, method="newton", tol=1e-14)
    ours = [found.log_likelihood, found.aic, found.bic]
    np.testing.assert_allclose(np.array(ours, dtype=float), [peer.llf, peer.aic, peer.bic], rtol=1e-10)
    # Its constant model is found to fewer digits.
    np.testing.assert_allclose(float(found.ratio or 0), peer.llr, rtol=1e-7)
    assert found.ratio_freedom == 30 and found.num_coefficients == 36


def test_grouped_trials_are_shares_with_weights() -> None:
    loaded = api.datasets.star98.load_pandas()
    x, counts = np.asarray(loaded.exog, dtype=float), np.asarray(loaded.endog, dtype=float)
    trials = counts.sum(1)
    objective, theta = fitted(Bernoulli(), x, counts[:, 0] / trials, trials)
    found = fit_statistics(objective, theta)
    peer = api.GLM(counts, with_constant(x), families.Binomial()).fit(tol=1e-14)
    ours = [found.deviance, found.null_deviance, found.log_likelihood, found.aic, found.pearson]
    expected = [peer.deviance, peer.null_deviance, peer.llf, peer.aic, peer.pearson_chi2]
    np.testing.assert_allclose(np.array(ours, dtype=float), expected, rtol=1e-8)
    half = half_of_covariance(objective, theta)
    np.testing.assert_allclose(half.norm(dim=1).numpy(), peer.bse, rtol=1e-7)
    assert found.rows == trials.sum()


@pytest.mark.parametrize("kind", ["observed", "expected", "HC0", "HC1", "HC2", "HC3", "cluster"])
@pytest.mark.parametrize("family", [Gaussian(1), Bernoulli(), Probit(), Tweedie(1.5)], ids=lambda family: type(family).__name__)
def test_a_weight_is_a_number_of_rows(family: Family, kind: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = (rng.random(60) < 0.5).astype(float) if not isinstance(family, Gaussian) else rng.normal(size=60)
    weights, clusters = rng.integers(1, 4, 60), np.arange(60) % 9
    rows = np.repeat(np.arange(60), weights)
    weighted, repeated = fitted(family, x, y, weights.astype(float)), fitted(family, x[rows], y[rows])
    halves = [
        half_of_covariance(*weighted, kind, torch.tensor(clusters)),
        half_of_covariance(*repeated, kind, torch.tensor(clusters[rows])),
    ]
    np.testing.assert_allclose(*((half @ half.T).numpy() for half in halves), rtol=1e-8)
    ours, theirs = (fit_statistics(*each) for each in (weighted, repeated))
    for name, value in vars(ours).items():
        other = getattr(theirs, name)
        assert (value is None) == (other is None), name
        if value is not None:
            np.testing.assert_allclose(value, other, rtol=1e-8, err_msg=name)


def test_a_penalty_refuses_with_a_reason() -> None:
    x, y = data("spector")
    with pytest.raises(ValueError, match=r"with a penalty, l2=0.1, likelihoods, AIC and tests mean nothing"):
        fit_statistics(GLMObjective(Bernoulli(), torch.tensor(x), torch.tensor(y), 0.1), torch.zeros(4).double())


def test_negative_binomial_counts_with_their_dispersion() -> None:
    x, y = data("randhie")
    x, y = x[:3000], y[:3000]
    start = GLMObjective(NegativeBinomial(1.0), torch.tensor(x), torch.tensor(y))
    objective, found = minimise_with_dispersion(start, torch.zeros(10, dtype=torch.float64))
    assert found.status == "converged" and isinstance(objective.family, NegativeBinomial)
    peer = api.NegativeBinomial(y, with_constant(x)).fit(disp=0, method="newton", tol=1e-14, maxiter=200)
    np.testing.assert_allclose([*found.theta.tolist(), objective.family.dispersion], peer.params, rtol=1e-8)
    ours = fit_statistics(objective, found.theta)
    statistics = [ours.log_likelihood, ours.aic, ours.bic, ours.null_log_likelihood, ours.ratio]
    expected = [peer.llf, peer.aic, peer.bic, peer.llnull, peer.llr]
    np.testing.assert_allclose(np.array(statistics, dtype=float), expected, rtol=1e-6)
    np.testing.assert_allclose(half_of_covariance(objective, found.theta).norm(dim=1).numpy(), peer.bse[:-1], rtol=1e-8)


def test_counts_that_vary_no_more_than_poissons_have_no_dispersion() -> None:
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(500, 2)))
    y = torch.tensor(rng.binomial(8, 0.5, 500).astype(float))
    objective, found = minimise_with_dispersion(GLMObjective(NegativeBinomial(1.0), x, y), torch.zeros(3).double())
    assert isinstance(objective.family, NegativeBinomial) and objective.family.dispersion == pytest.approx(1e-8)
    poisson = minimise(GLMObjective(Poisson(), x, y), torch.zeros(3).double(), Newton, 100)
    np.testing.assert_allclose(found.theta, poisson.theta, atol=1e-6)


def test_without_an_intercept_nothing_is_left_to_compare_with() -> None:
    """As R has it: the null model predicts 0, and explains none of the sum of squares."""
    x, y = data("stackloss")
    objective = GLMObjective(Gaussian(1), torch.tensor(x), torch.tensor(y), intercept=False)
    found = minimise(objective, torch.zeros(3, dtype=torch.float64), Newton, 50)
    ours, peer = fit_statistics(objective, found.theta), api.OLS(y, x).fit()
    np.testing.assert_allclose([ours.deviance, ours.null_deviance], [peer.ssr, peer.uncentered_tss], rtol=1e-10)
    np.testing.assert_allclose(float(ours.deviance_explained or 0), peer.rsquared, rtol=1e-10)
    assert ours.ratio_freedom == 3 and ours.num_coefficients == 3


def test_names_of_another_number_are_refused() -> None:
    x, y = data("spector")
    with pytest.raises(ValueError, match="2 feature names for 3 features"):
        coefficients(*fitted(Bernoulli(), x, y), list("ab"))


def test_pseudo_r_squares_of_densities_would_depend_on_the_unit() -> None:
    x, y = data("scotland")
    found = [fit_statistics(*fitted(Gamma(), x, unit * y)) for unit in (1.0, 1024.0)]
    assert found[0].mcfadden is None
    np.testing.assert_allclose(float(found[0].deviance_explained or 0), float(found[1].deviance_explained or 0), rtol=1e-8)
