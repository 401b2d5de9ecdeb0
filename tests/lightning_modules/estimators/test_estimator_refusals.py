"""What the estimators refuse, and what they warn of: one line with cause and remedy."""

import re
from functools import partial
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from lightning_modules.estimators import NewtonClassifier, NewtonRegressor

X = np.random.default_rng(0).normal(size=(20, 2))
CLASSES = np.arange(20) % 2
TARGETS = X @ [1.0, 2.0] + np.arange(20) / 7
COUNTS = np.arange(20) % 3

fit_classes, fit_numbers = partial(NewtonClassifier().fit, X), partial(NewtonRegressor().fit, X)

REFUSED: dict[str, Any] = {
    "link is of family='binomial'; leave it out": lambda: NewtonRegressor(link="probit").fit(X, TARGETS),
    "power is of family='tweedie'": lambda: NewtonRegressor(family="poisson", power=1.3).fit(X, COUNTS),
    "dispersion is of family='negative_binomial'": lambda: NewtonRegressor(family="poisson", dispersion=1).fit(X, COUNTS),
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


OVERFLOWING: dict[str, Any] = {
    r"targets are as large as \S+\+200; give them in a larger unit": lambda: NewtonRegressor().fit(X, TARGETS * 1e200),
    r"features are as large as \S+\+307; give them in a larger unit, or scale": lambda: NewtonRegressor().fit(
        X * 1e307, TARGETS * 100
    ),
    r"offsets run from -3 to 800, and are added": lambda: NewtonRegressor(family="poisson", fit_intercept=False).fit(
        X, COUNTS, offset=np.append(np.full(19, -3.0), 800.0)
    ),
}


@pytest.mark.parametrize("what", OVERFLOWING)
def test_numbers_with_which_nothing_can_be_computed(what: str) -> None:
    """The cause is what overflows, and not a start, which nobody chose."""
    with pytest.raises(ValueError, match=r"NewtonRegressor: the loss of the first predictions is not finite: ") as refused:
        OVERFLOWING[what]()
    assert re.search(what, str(refused.value)), str(refused.value)
    assert "\n" not in str(refused.value) and "start" not in str(refused.value)


@pytest.mark.parametrize("estimator", [NewtonClassifier(), NewtonRegressor(family="poisson")])
def test_after_a_fit_with_an_offset_nothing_is_predicted_without_one(estimator: Any) -> None:
    estimator.fit(X, CLASSES if isinstance(estimator, NewtonClassifier) else COUNTS, offset=X[:, 0])
    for ask in (lambda: estimator.predict(X), lambda: estimator.score(X, COUNTS)):
        with pytest.raises(ValueError, match=r"was fitted with an offset, so that what it predicts needs one too: .* offset=0"):
            ask()
    np.testing.assert_array_equal(estimator.predict(X, offset=0), estimator.predict(X, offset=np.zeros(20)))
    estimator.fit(X, CLASSES if isinstance(estimator, NewtonClassifier) else COUNTS).predict(X)


def test_shares_are_sent_to_who_takes_them() -> None:
    shares = np.linspace(0, 1, 20)
    with pytest.raises(ValueError, match=r"Unknown label type: .* Shares from 0 to 1 are for NewtonRegressor\(family='bin"):
        NewtonClassifier().fit(X, shares)
    with pytest.raises(ValueError, match=r"Unknown label type: ") as refused:
        NewtonClassifier().fit(X, 7 * shares)
    assert "Shares" not in str(refused.value)
    with pytest.raises(ValueError, match=r"they run from 0 to 7"):
        NewtonRegressor(family="binomial").fit(X, 7 * shares)
    with pytest.raises(ValueError, match=r"NewtonRegressor\(link='log'\): choose one of"):
        NewtonRegressor(family="binomial", link="log").fit(X, shares)


@pytest.mark.parametrize("family", ["poisson", "negative_binomial"])
@pytest.mark.parametrize("max_steps", [1, 2, 3])
def test_a_limit_of_steps_is_kept_and_told(family: Any, max_steps: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    y = rng.negative_binomial(2, 2 / (2 + np.exp(x[:, 0])))
    with pytest.warns(ConvergenceWarning, match="give more max_steps") as told:
        fitted = NewtonRegressor(family=family, max_steps=max_steps).fit(x, y)
    assert fitted.n_iter_ == max_steps and fitted.convergence_.status == "budget"
    said = "the only step is done" if max_steps == 1 else f"all {max_steps} steps done"
    assert said in str(told[0].message) or "the likeliest α for them is" in str(told[0].message)
    assert str(told[0].message).count("give more max_steps") == 1
    assert NewtonRegressor(family=family).fit(x, y).convergence_.status == "converged"


def test_what_rounding_allows_is_told_as_that() -> None:
    fitted = NewtonRegressor(family="poisson", tolerance=1e-30).fit(X, COUNTS)
    assert "at the optimum as near as rounding allows" in fitted.convergence_.message


def test_counts_next_to_poissons_are_told() -> None:
    rng = np.random.default_rng(0)
    fitted = NewtonRegressor(family="negative_binomial").fit(rng.normal(size=(200, 2)), rng.binomial(10, 0.5, 200))
    assert "the counts vary no more than Poisson's" in fitted.convergence_.message


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
    with pytest.warns(ConvergenceWarning, match="depends linearly.*dependent: 'x3'; coefficients are not unique: leave"):
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
