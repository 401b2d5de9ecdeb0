"""What the estimators find is what others find, and weights, offsets and links mean what they say."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import GammaRegressor, LinearRegression, LogisticRegression, PoissonRegressor, Ridge, TweedieRegressor
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler
from statsmodels.discrete.discrete_model import NegativeBinomial as DiscreteNegativeBinomial
from statsmodels.discrete.discrete_model import Probit
from statsmodels.genmod.families import Binomial, NegativeBinomial, Poisson
from statsmodels.genmod.families.links import CLogLog, Logit
from statsmodels.genmod.families.links import Probit as ProbitLink
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools import add_constant

from lightning_modules.estimators import NewtonClassifier, NewtonRegressor
from tests.nist import digits, needs_nist, problem

Table = tuple[NDArray[np.float64], NDArray[Any]]


def counts(rows: int = 120) -> Table:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, 3))
    return x, generator.poisson(np.exp(0.5 * x[:, 0] - 0.3 * x[:, 1] + 0.2)).astype(float)


def classes(rows: int = 200, number: int = 2) -> Table:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(rows, 3))
    return x, (x @ [1.0, -0.5, 0.2] + generator.normal(size=rows) > 0).astype(int) + (generator.random(rows) > 0.7) * (
        number - 2
    )


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris, load_wine])
@pytest.mark.parametrize("is_scaled", [True, False])
def test_the_objective_is_that_of_scikit_learn(load: Any, is_scaled: bool) -> None:
    x, y = load(return_X_y=True)
    x = StandardScaler().fit_transform(x) if is_scaled else x
    l2 = 0.01
    ours = NewtonClassifier(l2=l2).fit(x, y)
    theirs = LogisticRegression(C=1 / (l2 * len(x)), solver="newton-cholesky", tol=1e-8, max_iter=1000).fit(x, y)

    def objective(fitted: Any) -> float:
        return float(log_loss(y, fitted.predict_proba(x)) + l2 / 2 * (fitted.coef_**2).sum())

    assert ours.convergence_.status == "converged"
    assert abs(objective(ours) - objective(theirs)) < 1e-8
    assert objective(ours) <= objective(theirs) + 1e-15
    assert ours.coef_.shape == theirs.coef_.shape and ours.intercept_.shape == theirs.intercept_.shape
    assert_array_equal(ours.predict(x), theirs.predict(x))


def test_labels_may_be_texts() -> None:
    x, y = classes()
    fitted = NewtonClassifier().fit(x, np.array(["no", "yes"])[y])
    assert_array_equal(fitted.classes_, ["no", "yes"])
    assert_array_equal(fitted.predict(x) == "yes", fitted.predict_proba(x)[:, 1] > 0.5)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("outputs", [1, 3])
def test_linear_regression(fit_intercept: bool, outputs: int) -> None:
    x, y = load_diabetes(return_X_y=True)
    y = y if outputs == 1 else np.stack([y, -y, x[:, 0] ** 2], 1)
    for ours, theirs in (
        (NewtonRegressor(fit_intercept=fit_intercept), LinearRegression(fit_intercept=fit_intercept)),
        (NewtonRegressor(0.1, fit_intercept=fit_intercept), Ridge(0.1 * len(x), fit_intercept=fit_intercept)),
    ):
        ours.fit(x, y)
        theirs.fit(x, y)
        assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7, atol=1e-9)
        assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-9, atol=1e-9)
        assert ours.score(x, y) == pytest.approx(theirs.score(x, y), abs=1e-12)
        assert np.shape(ours.intercept_) == np.shape(theirs.predict(x)[0])


PEERS = {
    "poisson": PoissonRegressor(alpha=0.1, solver="newton-cholesky", tol=1e-12),
    "gamma": GammaRegressor(alpha=0.1, solver="newton-cholesky", tol=1e-12),
    "tweedie": TweedieRegressor(power=1.5, alpha=0.1, solver="newton-cholesky", tol=1e-12),
}


@pytest.mark.parametrize("family", PEERS)
@pytest.mark.parametrize("is_weighted", [True, False])
def test_counts_and_amounts(family: Any, is_weighted: bool) -> None:
    x, y = counts()
    y, weights = y + (family == "gamma"), np.arange(len(y)) % 3 + 0.5 if is_weighted else None
    ours = NewtonRegressor(0.1, family=family).fit(x, y, weights)
    theirs = PEERS[family].fit(x, y, weights)
    assert_allclose([*ours.coef_, ours.intercept_], [*theirs.coef_, theirs.intercept_], rtol=1e-8)
    assert ours.score(x, y, weights) == pytest.approx(theirs.score(x, y, weights), abs=1e-9)


def test_an_exposure_is_an_offset() -> None:
    x, y = counts()
    exposure = np.log(np.arange(len(y)) % 4 + 1.0)
    for family, peer in (("poisson", Poisson()), ("negative_binomial", NegativeBinomial(alpha=0.7))):
        given = {"dispersion": 0.7} if family == "negative_binomial" else {}
        ours = NewtonRegressor(family=family, **given).fit(x, y, offset=exposure)
        theirs = GLM(y, add_constant(x, prepend=False), family=peer, offset=exposure).fit(tol=1e-13)
        assert_allclose([*ours.coef_, ours.intercept_], theirs.params, rtol=1e-8)
        assert_allclose(ours.predict(x, offset=exposure), theirs.fittedvalues, rtol=1e-8)
        assert_allclose(ours.score(x, y, offset=exposure), 1 - theirs.deviance / deviance_of_mean(peer, y), rtol=1e-9)


def deviance_of_mean(family: Any, y: NDArray[np.float64]) -> float:
    return float(family.deviance(y, np.full_like(y, y.mean())))


def test_links() -> None:
    x, y = classes()
    with_one = add_constant(x, prepend=False)
    probit = NewtonClassifier(link="probit").fit(x, y)
    assert_allclose([*probit.coef_[0], *probit.intercept_], Probit(y, with_one).fit(disp=0, tol=1e-12).params, rtol=1e-7)
    cloglog = NewtonClassifier(link="cloglog").fit(x, y)
    theirs = GLM(y, with_one, family=Binomial(CLogLog())).fit(tol=1e-13)
    assert_allclose([*cloglog.coef_[0], *cloglog.intercept_], theirs.params, rtol=1e-7)
    assert_allclose(cloglog.predict_proba(x)[:, 1], theirs.fittedvalues, rtol=1e-7)
    assert_array_equal(cloglog.decision_function(x) > 0, cloglog.predict_proba(x)[:, 1] > 0.5)


FITS = [
    (NewtonClassifier(), classes()),
    (NewtonClassifier(l2=0.1), classes(number=3)),
    (NewtonClassifier(fit_intercept=False, link="probit"), classes()),
    (NewtonRegressor(), counts()),
    (NewtonRegressor(family="poisson"), counts()),
    (NewtonRegressor(family="negative_binomial", fit_intercept=False), counts()),
]


@pytest.mark.parametrize("estimator, table", FITS, ids=lambda part: str(part) if not isinstance(part, tuple) else "")
def test_a_weight_repeats_a_row_and_none_leaves_it_out(estimator: Any, table: Table) -> None:
    x, y = table
    weights = np.random.default_rng(2).integers(0, 4, len(y))
    repeated, targets = np.repeat(x, weights, 0), np.repeat(y, weights)
    # What stands in a row that does not count is not even looked at.
    x = np.where(weights[:, None] == 0, np.nan, x)
    weighted = estimator.fit(x, y, sample_weight=weights)
    found = weighted.coef_.copy(), np.copy(weighted.intercept_)
    again = estimator.fit(repeated, targets)
    assert_allclose(found[0], again.coef_, rtol=1e-12, atol=1e-12)
    assert_allclose(found[1], again.intercept_, rtol=1e-12, atol=1e-12)


def test_class_weights_are_weights_of_rows() -> None:
    x, y = classes(number=3)
    by_class = {0: 2.0, 1: 0.5}
    ours = NewtonClassifier(class_weight=by_class).fit(x, y)
    by_row = NewtonClassifier().fit(x, y, sample_weight=[by_class.get(label, 1.0) for label in y])
    assert_array_equal(ours.coef_, by_row.coef_)
    balanced = NewtonClassifier(l2=0.1, class_weight="balanced").fit(x, y)
    theirs = LogisticRegression(C=1 / (0.1 * len(x)), class_weight="balanced", solver="newton-cholesky", tol=1e-10).fit(x, y)
    assert_allclose(balanced.coef_, theirs.coef_, rtol=1e-7, atol=1e-9)
    without = NewtonClassifier(class_weight={2: 0}).fit(x, y)
    assert_array_equal(without.classes_, [0, 1])


@needs_nist
@pytest.mark.parametrize("name", ["Norris", "Longley", "Wampler1", "Wampler5", "Filip", "NoInt1", "NoInt2"])
def test_certified_regressions(name: str) -> None:
    """Badly conditioned ones are left to the method that knows steps with more digits."""
    if name.startswith("NoInt"):
        x, y = (
            (np.arange(60.0, 71)[:, None], np.arange(130.0, 141))
            if name == "NoInt1"
            else (np.array([[4.0], [5], [6]]), [3, 4, 4])
        )
        (slope,) = NewtonRegressor(fit_intercept=False).fit(x, y).coef_
        assert slope == pytest.approx(2.07438016528926 if name == "NoInt1" else 0.727272727272727, rel=1e-14)
        return
    of = problem(name)
    fitted = NewtonRegressor().fit(of.features.numpy(), of.targets.numpy())
    assert digits([*fitted.coef_, fitted.intercept_], of.coefficients) > (7 if name == "Filip" else 11)


@pytest.mark.parametrize("covariance", ["observed", "HC0"])
def test_the_summary_is_that_of_statsmodels(covariance: Any) -> None:
    x, y = counts()
    ours = NewtonRegressor(family="poisson", covariance=covariance).fit(x, y).summary()
    theirs = GLM(y, add_constant(x, prepend=False), family=Poisson()).fit(
        tol=1e-13, cov_type="nonrobust" if covariance == "observed" else covariance
    )
    table = ours.frame()
    assert_allclose(table["standard error"], theirs.bse, rtol=1e-7)
    assert_allclose(table["p-value"], theirs.pvalues, rtol=1e-5)
    assert_allclose(table[["low", "high"]], theirs.conf_int(), rtol=1e-7)
    assert ours.statistics is not None and ours.statistics.aic == pytest.approx(theirs.aic)
    assert "p-value" in str(ours) and f"AIC {theirs.aic:.6g}" in str(ours)


def test_under_a_penalty_the_summary_says_why_it_has_no_errors() -> None:
    x, y = classes(number=3)
    told = NewtonClassifier(l2=0.1).fit(x, y).summary()
    assert "no standard errors: the penalty" in str(told) and told.statistics is None
    assert told.frame()["standard error"].isna().all() and len(told.frame()) == 2 * 4


def test_the_dispersion_of_counts_is_estimated_with_the_coefficients() -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(size=(400, 2))
    y = generator.poisson(np.exp(0.5 * x[:, 0] + 1) * generator.gamma(2, 0.5, 400))
    ours = NewtonRegressor(family="negative_binomial").fit(x, y)
    theirs = DiscreteNegativeBinomial(y, add_constant(x, prepend=False)).fit(disp=0, maxiter=200, gtol=1e-10)
    assert_allclose([*ours.coef_, ours.intercept_, ours.dispersion_], theirs.params, rtol=1e-5)
    assert ours.convergence_.status == "converged"
    given = NewtonRegressor(family="negative_binomial", dispersion=ours.dispersion_).fit(x, y)
    assert_allclose(given.coef_, ours.coef_, rtol=1e-7)
    assert ours.summary().statistics.log_likelihood == pytest.approx(theirs.llf, rel=1e-8)


def test_the_score_of_a_classifier_takes_an_offset() -> None:
    rng = np.random.default_rng(0)
    x, offset = rng.normal(size=(200, 2)), 3 * rng.normal(size=200)
    y = (rng.random(200) < 1 / (1 + np.exp(-x[:, 0] - offset))).astype(int)
    model = NewtonClassifier().fit(x, y, offset=offset)
    assert model.score(x, y, offset=offset) == np.mean(model.predict(x, offset) == y) > model.score(x, y, offset=0)


@pytest.mark.parametrize(("link", "peer_link"), [("logit", Logit()), ("probit", ProbitLink()), ("cloglog", CLogLog())])
def test_shares_of_trials(link: Any, peer_link: Any) -> None:
    """k of m trials as the share k/m with the weight m: coefficients, errors, likelihood and D² of grouped binomial counts."""
    rng = np.random.default_rng(1)
    x, trials = rng.normal(size=(200, 2)), rng.integers(1, 9, 200)
    successes = rng.binomial(trials, 1 / (1 + np.exp(0.3 - 0.7 * x[:, 0])))
    model = NewtonRegressor(family="binomial", link=link, covariance="expected")
    model.fit(x, successes / trials, sample_weight=trials)
    peer = GLM(np.column_stack([successes, trials - successes]), add_constant(x, prepend=False), Binomial(peer_link))
    peer = peer.fit(tol=1e-14, maxiter=200)
    assert_allclose([*model.coef_, model.intercept_], peer.params, rtol=1e-8)
    assert_allclose(model.summary().frame()["standard error"], peer.bse, rtol=1e-7)
    assert_allclose(model.predict(x), peer.predict(), rtol=1e-8)
    score = model.score(x, successes / trials, sample_weight=trials)
    assert_allclose(score, 1 - peer.deviance / peer.null_deviance, rtol=1e-10)
    statistics = model.summary().statistics
    assert statistics is not None and statistics.log_likelihood == pytest.approx(peer.llf, rel=1e-10)


def test_shares_of_all_or_nothing_are_classes() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    x = StandardScaler().fit_transform(x)[:, :5]
    shares, classes = NewtonRegressor(family="binomial").fit(x, y), NewtonClassifier().fit(x, y)
    assert_allclose(shares.coef_, classes.coef_[0], rtol=1e-9)
    assert_allclose(shares.predict(x), classes.predict_proba(x)[:, 1], rtol=1e-9)


@pytest.mark.parametrize("family", ["poisson", "gamma", "tweedie", "negative_binomial"])
@pytest.mark.parametrize("unit", [1e-12, 1e14])
def test_an_offset_and_a_unit_of_the_target_move_the_intercept_alone(family: Any, unit: float) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(100, 2))
    y = rng.poisson(np.exp(0.5 + 0.3 * x[:, 0])) + 1.0
    given = {"dispersion": 0.7} if family == "negative_binomial" else {}
    plain = NewtonRegressor(family=family, **given).fit(x, y)
    for offset in (800.0, -800.0):
        moved = NewtonRegressor(family=family, **given).fit(x, y, offset=np.full(100, offset))
        assert_allclose(moved.coef_, plain.coef_, rtol=1e-9)
        assert_allclose(moved.intercept_ + offset, plain.intercept_, rtol=1e-9)
    if family not in ("negative_binomial", "poisson") or unit > 1:
        scaled = NewtonRegressor(family=family, **given).fit(x, y * unit)
        assert scaled.convergence_.status == "converged"
        if family != "negative_binomial":
            assert_allclose(scaled.coef_, plain.coef_, rtol=1e-8)


def test_huge_counts_with_zeros_have_their_dispersion() -> None:
    """The likelihood has its maximum where statsmodels' has it, as far as numbers of this size let that be computed."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(100, 2))
    y = rng.poisson(np.exp(0.5 + 0.3 * x[:, 0])) * 1e14
    model = NewtonRegressor(family="negative_binomial").fit(x, y)
    assert model.convergence_.status == "converged"
    columns = add_constant(x, prepend=False)

    def likelihood(alpha: float) -> float:
        mean = np.exp(columns @ [*model.coef_, model.intercept_])
        r, n = 1 / alpha, np.where(y == 0, 1.0, y)
        # log Γ(y + r) − log Γ(y + 1) ≈ (r − 1) log y of counts as large as these
        ways = np.where(y == 0, math.lgamma(r), (r - 1) * np.log(n)) - math.lgamma(r)
        return float((ways + r * np.log(r / (r + mean)) - y * np.log1p(r / mean)).sum())

    best = likelihood(model.dispersion_)
    assert best > likelihood(1.01 * model.dispersion_) and best > likelihood(0.99 * model.dispersion_)


@pytest.mark.parametrize("family", ["poisson", "gamma", "tweedie", "negative_binomial"])
def test_a_single_row_is_met(family: Any) -> None:
    given = {"dispersion": 0.7} if family == "negative_binomial" else {}
    with pytest.warns(ConvergenceWarning, match="1 row to tell them apart by"):
        model = NewtonRegressor(family=family, **given).fit([[0.3, -0.2]], [2.0])
    assert_allclose(model.predict([[0.3, -0.2]]), 2.0, rtol=1e-9)
