"""What the estimators refuse, and what they warn of: one line with cause and remedy."""

import re
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from lightning_modules.estimators import NewtonClassifier, NewtonRegressor

X = np.random.default_rng(0).normal(size=(20, 2))
CLASSES = np.arange(20) % 2
TARGETS = X @ [1.0, 2.0] + np.arange(20) / 7
COUNTS = np.arange(20) % 3

fit_classes, fit_numbers = partial(NewtonClassifier().fit, X), partial(NewtonRegressor().fit, X)

REFUSED: dict[str, Any] = {
    "NewtonClassifier(l2=-1): give a number ≥ 0": lambda: NewtonClassifier(l2=-1).fit(X, CLASSES),
    "NewtonRegressor(l2=nan): give a number ≥ 0": lambda: NewtonRegressor(l2=np.nan).fit(X, TARGETS),
    "NewtonRegressor(l2='1'): give a number ≥ 0": lambda: NewtonRegressor(l2="1").fit(X, TARGETS),
    "NewtonRegressor(tolerance=-1e-09): give": lambda: NewtonRegressor(tolerance=-1e-9).fit(X, TARGETS),
    "NewtonRegressor(l1=-1): give a number ≥ 0": lambda: NewtonRegressor(l1=-1).fit(X, TARGETS),
    "NewtonRegressor(l1=nan): give a number ≥ 0": lambda: NewtonRegressor(l1=np.nan).fit(X, TARGETS),
    "NewtonRegressor(l1='best'): give a number ≥ 0, or choose one of 'cv'": lambda: NewtonRegressor(l1="best").fit(X, TARGETS),
    "NewtonRegressor(folds=1): give a whole number ≥ 2": lambda: NewtonRegressor(folds=1).fit(X, TARGETS),
    "folds=21: give a whole number from 2 to the number of rows, n_samples = 20": lambda: NewtonRegressor(
        l1="cv", folds=21
    ).fit(X, TARGETS),
    "penalty_weights of shape (1,) for 2 features": lambda: NewtonRegressor(l1=0.1, penalty_weights=[1]).fit(X, TARGETS),
    "does not estimate the dispersion under l1": lambda: NewtonRegressor(l1=0.1, family="negative_binomial").fit(X, COUNTS),
    "NewtonRegressor(max_steps=0): give a whole number ≥ 1": lambda: NewtonRegressor(max_steps=0).fit(X, TARGETS),
    "NewtonRegressor(max_steps=1.5): give": lambda: NewtonRegressor(max_steps=1.5).fit(X, TARGETS),
    "NewtonRegressor(fit_intercept='no'): give True": lambda: NewtonRegressor(fit_intercept="no").fit(X, TARGETS),
    "NewtonClassifier(link='log'): choose one of": lambda: NewtonClassifier(link="log").fit(X, CLASSES),
    "(link='probit'), and here are 3 classes: use link='logit'": lambda: NewtonClassifier(link="probit").fit(X, COUNTS),
    "NewtonRegressor(family='normal'): choose one of": lambda: NewtonRegressor(family="normal").fit(X, TARGETS),
    "power=3: the loss with a logarithmic link": lambda: NewtonRegressor(family="tweedie", power=3).fit(X, COUNTS),
    "dispersion=0: ": lambda: NewtonRegressor(family="negative_binomial", dispersion=0).fit(X, COUNTS),
    "class_weight='even': give None, 'balanced'": lambda: NewtonClassifier(class_weight="even").fit(X, CLASSES),
    "class_weight has the labels [7]": lambda: NewtonClassifier(class_weight={7: 1.0}).fit(X, CLASSES),
    "class_weight={0: -1.0}: give finite": lambda: NewtonClassifier(class_weight={0: -1.0}).fit(X, CLASSES),
    "all rows of a weight above 0 are of one class: 0": lambda: fit_classes(CLASSES, sample_weight=1 - CLASSES),
    "are of one class: 'a'": lambda: fit_classes(["a"] * 20),
    "Unknown label type: continuous": lambda: fit_classes(TARGETS),
    "weight": lambda: fit_classes(CLASSES, sample_weight=np.zeros(20)),
    "Negative values in data passed to `sample_weight`": lambda: fit_numbers(TARGETS, sample_weight=-np.ones(20)),
    "sample_weight contains NaN": lambda: fit_numbers(TARGETS, sample_weight=[np.nan] * 20),
    "sample_weight.shape == (3,)": lambda: fit_numbers(TARGETS, sample_weight=[1.0, 2.0, 3.0]),
    "inconsistent numbers of samples": lambda: fit_numbers(TARGETS[:5]),
    "inconsistent numbers of samples: ": lambda: fit_numbers(TARGETS[:5], sample_weight=CLASSES),
    "Input X contains NaN": lambda: NewtonRegressor().fit(np.where(X > 2, np.nan, np.nan), TARGETS),
    "Input y contains infinity": lambda: fit_numbers(np.full(20, np.inf)),
    "Input offset contains NaN": lambda: fit_numbers(TARGETS, offset=[np.nan] * 20),
    "inconsistent numbers of samples: [20, 3]": lambda: fit_numbers(TARGETS, offset=[1.0, 2.0, 3.0]),
    "an offset of shape (20,) for 20 rows: give 3 numbers": lambda: fit_classes(COUNTS, offset=np.zeros(20)),
    "Found array with 0 sample(s)": lambda: NewtonRegressor().fit(X[:0], TARGETS[:0]),
    "Found array with 0 feature(s)": lambda: NewtonRegressor().fit(X[:, :0], TARGETS),
    "20 of 20 targets are unfit for a mean eᶻ > 0 (the smallest is -3)": lambda: NewtonRegressor(family="poisson").fit(
        X, -1.0 - COUNTS
    ),
    "targets are": lambda: NewtonRegressor(family="gamma").fit(X, COUNTS),
    "targets are no whole numbers": lambda: NewtonRegressor(family="negative_binomial").fit(X, COUNTS + 0.5),
    "X has 1 features, but NewtonRegressor is expecting 2": lambda: fit_numbers(TARGETS).predict(X[:, :1]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_bad_input(message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        REFUSED[message]()
    assert "NaN" in message or "\n" not in str(refused.value)


def test_sparse_rows_are_refused() -> None:
    with pytest.raises(TypeError, match="Sparse data was passed"):
        NewtonClassifier().fit(csr_matrix(X), CLASSES)


OVERFLOWING: dict[str, Any] = {
    "features": lambda: NewtonRegressor().fit(X * 1e200, TARGETS * 1e200),
    "an offset": lambda: NewtonRegressor(family="poisson").fit(X, COUNTS, offset=np.full(20, 800.0)),
}


@pytest.mark.parametrize("what", OVERFLOWING)
def test_numbers_with_which_nothing_can_be_computed(what: str) -> None:
    with pytest.raises(ValueError, match=r"NewtonRegressor: .* at the start") as refused:
        OVERFLOWING[what]()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("estimator", [NewtonClassifier(), NewtonRegressor()])
def test_nothing_is_told_before_the_fit(estimator: Any) -> None:
    for ask in (estimator.summary, estimator.get_feature_names_out, lambda: estimator.predict(X)):
        with pytest.raises(NotFittedError):
            ask()
    assert not hasattr(estimator, "convergence_")


def test_separated_classes_are_told_with_their_features() -> None:
    """And a fit there still tells the training rows apart; with the penalty that the message names it converges."""
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    with pytest.warns(ConvergenceWarning, match="NewtonClassifier: the classes are separated.*to infinity go '") as told:
        fitted = NewtonClassifier().fit(x, y)
    assert fitted.convergence_.status == "separated"
    assert fitted.score(x, y) == 1
    assert "give l2 > 0, 0.0018 for example" in str(told[0].message) and "\n" not in str(told[0].message)
    assert told[0].filename == __file__
    assert NewtonClassifier(l2=0.0018).fit(x, y).convergence_.status == "converged"


def test_dependent_columns_are_named() -> None:
    x, y = make_regression(50, 3, random_state=0)
    x = np.column_stack([x, x[:, 0] + x[:, 1]])
    with pytest.warns(ConvergenceWarning, match="depend linearly.*dependent: 'x3'; coefficients are not unique: leave"):
        fitted = NewtonRegressor().fit(x, y)
    assert fitted.convergence_.status == "rank_deficient"
    assert fitted.score(x, y) == pytest.approx(1)


def test_too_few_steps_are_told() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="give more max_steps"):
        fitted = NewtonClassifier(l2=0.01, max_steps=2).fit(x, y)
    assert fitted.n_iter_ == 2 and fitted.convergence_.status == "budget"


def test_counts_that_are_all_zero_are_told() -> None:
    """A penalty does not hold an intercept."""
    with pytest.warns(ConvergenceWarning, match="the mean of all targets has no finite predictor: there is nothing to fit"):
        NewtonRegressor(l2=0.1, family="poisson").fit(X, np.zeros(20))


def test_groups_of_zeros_are_told_with_their_features() -> None:
    group = np.arange(20) % 2
    with pytest.warns(ConvergenceWarning, match=r"to infinity go 'x0' \(\+\), the intercept \(−\); means of some rows go to 0"):
        NewtonRegressor(family="poisson").fit(group[:, None], group * COUNTS)


def test_targets_without_noise_converge() -> None:
    """Though their variance is no unit to measure a loss in."""
    for l2 in (0.0, 0.1):
        fitted = NewtonRegressor(l2).fit(X, np.full(20, 3.0))
        assert fitted.convergence_.status == "converged" and fitted.n_iter_ == 1
        np.testing.assert_allclose(fitted.predict(X), 3)
