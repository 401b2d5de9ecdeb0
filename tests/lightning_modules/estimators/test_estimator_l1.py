"""Estimators under an l1 penalty: scikit-learn's answers, what is told of them, a penalty chosen by cross-validation."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from lightning_modules.estimators import NewtonClassifier, NewtonRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 10)) + 0.5 * RNG.normal(size=(80, 1))
TARGETS = X[:, 0] - 0.5 * X[:, 1] + RNG.normal(size=80) / 2
CLASSES = np.where(TARGETS + RNG.logistic(size=80) > 0, "yes", "no")


def test_lasso_and_elastic_net():
    own = NewtonRegressor(l1=0.1).fit(X, TARGETS)
    assert_allclose(own.coef_, Lasso(0.1, tol=1e-12).fit(X, TARGETS).coef_, atol=1e-7)
    both = NewtonRegressor(l1=0.05, l2=0.05).fit(X, TARGETS)
    assert_allclose(both.coef_, ElasticNet(0.1, l1_ratio=0.5, tol=1e-12).fit(X, TARGETS).coef_, atol=1e-7)
    assert own.convergence_.status == "converged" and "duality gap" in own.convergence_.message
    assert (own.coef_ == 0).any() and own.l1_ == 0.1 and own.penalty_curve_ is None


def test_logistic_regression_without_intercept():
    own = NewtonClassifier(l1=0.05, fit_intercept=False).fit(X, CLASSES)
    theirs = LogisticRegression(C=1 / (80 * 0.05), l1_ratio=1, solver="liblinear", fit_intercept=False, tol=1e-12)
    assert_allclose(own.coef_, theirs.fit(X, CLASSES).coef_, atol=1e-5)


def test_no_standard_errors():
    fitted = NewtonRegressor(l1=0.1).fit(X, TARGETS)
    told = str(fitted.summary())
    assert "no standard errors: an l1 penalty" in told and "l2=0, l1=0.1" in told and "converged" in told
    assert fitted.summary().frame()["standard error"].isna().all()
    assert str(pickle.loads(pickle.dumps(fitted)).summary()) == told


@pytest.mark.parametrize("make", [NewtonRegressor, NewtonClassifier])
def test_chosen_by_cross_validation(make):
    y = TARGETS if make is NewtonRegressor else CLASSES
    least, simple = make(l1="cv", folds=4).fit(X, y), make(l1="cv-1se", folds=4).fit(X, y)
    curve = least.penalty_curve_
    assert least.l1_ == curve.penalties[curve.best] and simple.l1_ == curve.penalties[curve.one_standard_error]
    assert simple.l1_ > least.l1_ and (simple.coef_ != 0).sum() < (least.coef_ != 0).sum()
    assert_allclose(least.coef_, make(l1=least.l1_).fit(X, y).coef_, atol=1e-5)


def test_weights_of_columns():
    free = NewtonRegressor(l1=1e3, penalty_weights=[0, 0] + [1] * 8).fit(X, TARGETS)
    alone = NewtonRegressor().fit(X[:, :2], TARGETS)
    assert_allclose(free.coef_[:2], alone.coef_, atol=1e-9)
    assert not free.coef_[2:].any()
    only_l2 = NewtonRegressor(l2=1e9, penalty_weights=[0, 0] + [1] * 8).fit(X, TARGETS)
    assert_allclose(only_l2.coef_[:2], alone.coef_, atol=1e-6)


def test_several_classes_one_against_the_others():
    three = np.digitize(TARGETS, [-0.5, 0.5])
    fitted = OneVsRestClassifier(NewtonClassifier(l1=0.05)).fit(X, three)
    assert fitted.score(X, three) > 0.6


def test_several_classes_at_once():
    three = np.digitize(TARGETS, [-0.5, 0.5])
    fitted = NewtonClassifier(l1=0.05).fit(X, three)
    assert fitted.convergence_.status == "converged" and "duality gap" in fitted.convergence_.message
    theirs = LogisticRegression(C=1 / (0.05 * len(X)), l1_ratio=1.0, solver="saga", tol=1e-12, max_iter=100_000).fit(X, three)
    assert_allclose(fitted.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    assert (fitted.coef_ == 0).sum() == (theirs.coef_ == 0).sum() > 0


def test_an_early_end_warns():
    with pytest.warns(ConvergenceWarning, match="1 step ran out before the tolerance"):
        NewtonClassifier(l1=0.001, max_steps=1).fit(X, CLASSES)


def test_weights_by_column_and_by_name():
    town = RNG.choice(["Bonn", "Ulm", "Wien"], len(X))
    frame = pd.DataFrame({"town": town, "age": X[:, 0], "size": X[:, 1]})
    expected = NewtonRegressor(l1=0.1, penalty_weights=[2, 2, 0, 1]).fit(frame, TARGETS)
    names = expected.get_feature_names_out()
    for given in ([2, 0, 1], {"town": 2, "age": 0}, {names[0]: 2, names[1]: 2, "age": 0}):
        assert_allclose(NewtonRegressor(l1=0.1, penalty_weights=given).fit(frame, TARGETS).coef_, expected.coef_, rtol=1e-12)
    with pytest.raises(ValueError, match="there is no column 'year'; there are 'town_"):
        NewtonRegressor(l1=0.1, penalty_weights={"year": 1}).fit(frame, TARGETS)
    array = frame[["age", "size"]].to_numpy()
    by_name = NewtonRegressor(l1=0.1, penalty_weights={"x0": 0}).fit(array, TARGETS)
    assert_allclose(by_name.coef_, NewtonRegressor(l1=0.1, penalty_weights=[0, 1]).fit(array, TARGETS).coef_)
