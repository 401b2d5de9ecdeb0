"""scikit-learn's own checks of estimators, all of them.

What they ask of a default is asked of the options as well, but of two: without an intercept weights of classes cannot move a
prediction, which one of the checks asks for (scikit-learn's LogisticRegression does not pass it either), and counts are whole
numbers, which the targets of the checks are not.
"""

from typing import Any

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from lightning_modules.estimators import NewtonClassifier, NewtonRegressor

ESTIMATORS = [NewtonClassifier(), NewtonRegressor()]
OTHERS = [
    NewtonClassifier(l2=0.01, class_weight="balanced"),
    NewtonClassifier(link="probit"),
    NewtonClassifier(l2=0.01, link="cloglog"),
    NewtonRegressor(l2=0.01, fit_intercept=False),
    NewtonRegressor(family="poisson"),
    NewtonClassifier(l1=0.01),
    NewtonRegressor(l1=0.01),
    NewtonRegressor(l1="cv", folds=2),
    NewtonRegressor(l1=0.01, family="poisson"),
    NewtonRegressor(family="gamma"),
    NewtonRegressor(family="tweedie", power=1.3),
]

# Many of the checks fit classes that are separated, or fewer rows than columns; that is told.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__qualname__}"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


def failing(estimator: Any) -> dict[str, str]:
    """What scikit-learn excepts its own estimators with cross-validation from."""
    if getattr(estimator, "l1", 0) == "cv":
        why = "a row that is there twice may be in two folds"
        return {f"check_sample_weight_equivalence_on_{kind}_data": why for kind in ("dense", "sparse")}
    return {}


@parametrize_with_checks(ESTIMATORS)
def test_by_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(OTHERS, expected_failed_checks=failing)
def test_with_other_options(estimator: Any, check: Any) -> None:
    check(estimator)
