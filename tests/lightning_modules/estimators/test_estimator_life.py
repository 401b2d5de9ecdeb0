"""Estimators among scikit-learn's tools, in files, and after their arrays have been changed."""

import pickle
import sys
from copy import deepcopy
from subprocess import run
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lightning_modules.estimators import NewtonClassifier, NewtonRegressor
from lightning_modules.estimators.fit_facts import MOST_KEPT
from lightning_modules.optimizers import diagnose
from lightning_modules.optimizers.optimality import default_tolerance
from tests.conftest import ROOT


def test_scores_of_folds_and_a_search() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    ours = cross_val_score(make_pipeline(StandardScaler(), NewtonClassifier(l2=1 / 455)), x, y, cv=5)
    theirs = cross_val_score(make_pipeline(StandardScaler(), LogisticRegression(C=1)), x, y, cv=5)
    assert_allclose(ours, theirs, atol=0.01)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), NewtonClassifier()), {"newtonclassifier__l2": [1e-4, 1e-2, 1.0]}, cv=3
    )
    assert search.fit(x, y).best_params_ == {"newtonclassifier__l2": 1e-2}
    assert search.best_estimator_[-1].convergence_.status == "converged"


@pytest.mark.slow
def test_a_search_by_several_processes() -> None:
    x, y = load_diabetes(return_X_y=True)
    search = GridSearchCV(NewtonRegressor(), {"l2": [1e-3, 1e-1]}, n_jobs=2).fit(x, y)
    assert search.best_params_ == {"l2": 1e-3}


def test_a_frame_through_a_pipeline() -> None:
    frame = pd.DataFrame({"age": [23, 45, 31, 60, 52, 38], "town": ["Ulm", "Bonn", "Ulm", "Kiel", "Ulm", "Bonn"]})
    target = [1.0, 3.5, 2.0, 6.0, 4.5, 3.0]
    encoded = make_column_transformer((OneHotEncoder(drop=["Ulm"], sparse_output=False), ["town"]), remainder=StandardScaler())
    scaled = make_pipeline(encoded.set_output(transform="pandas"), NewtonRegressor()).fit(frame, target)
    assert_allclose(scaled.predict(frame), NewtonRegressor().fit(frame, target).predict(frame), rtol=1e-10)
    importance = permutation_importance(NewtonRegressor().fit(frame, target), frame, target, random_state=0)
    assert importance.importances_mean[0] > 0


def test_weights_are_routed() -> None:
    x, y = load_diabetes(return_X_y=True)
    weights = np.arange(len(y)) % 3
    with config_context(enable_metadata_routing=True):
        estimator = NewtonRegressor().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_val_score(estimator, x, y, params={"sample_weight": weights})
    assert not np.array_equal(scores, cross_val_score(NewtonRegressor(), x, y))


ESTIMATORS = [NewtonClassifier(l2=0.01), NewtonRegressor(), NewtonRegressor(l2=0.1), NewtonRegressor(family="poisson")]


def fitted(estimator: Any) -> tuple[Any, np.ndarray]:
    x, y = (load_breast_cancer if isinstance(estimator, NewtonClassifier) else load_diabetes)(return_X_y=True)
    return clone(estimator).fit(x, y), x


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_a_file_holds_the_facts_and_not_the_rows(estimator: Any) -> None:
    model, x = fitted(estimator)
    written = pickle.dumps(model)
    assert len(written) < x.nbytes
    for again in (pickle.loads(written), deepcopy(model)):
        assert_array_equal(again.predict(x), model.predict(x))
        assert str(again.summary()) == str(model.summary())
        assert again.convergence_ == model.convergence_


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_what_becomes_of_the_arrays_afterwards_does_not_matter(estimator: Any) -> None:
    x, y = (load_breast_cancer if isinstance(estimator, NewtonClassifier) else load_diabetes)(return_X_y=True)
    expected = fitted(estimator)[0]
    weights = np.ones(len(y))
    model = clone(estimator).fit(x, y, sample_weight=weights)
    x *= 2
    y[:] = 1
    weights[:] = 3
    assert model.convergence_.status == expected.convergence_.status == "converged"
    found, right = ([each.estimate for each in told.summary().coefficients] for told in (model, expected))
    assert_allclose(found, right, rtol=1e-9)


def test_the_verdict_that_is_found_later_is_that_of_the_point() -> None:
    """A penalised fit is known to have converged before it is known how near it is."""
    x, y = load_breast_cancer(return_X_y=True)
    model = NewtonClassifier(l2=0.01).fit(x, y)
    assert "verdict" not in vars(model._facts), "what this is about"
    objective, theta = model._facts._where
    assert model.convergence_ == diagnose(objective, theta, default_tolerance(torch.float64))
    assert model.convergence_.status == "converged" and model.convergence_.distance < 1e-6
    assert model.convergence_ is model.convergence_


def test_a_large_table_is_let_go_of() -> None:
    x = np.random.default_rng(0).normal(size=(MOST_KEPT // 2 + 1, 2))
    model = NewtonRegressor(l2=0.1).fit(x, x[:, 0])
    assert model._facts._where is None and model.convergence_.status == "converged"
    few = NewtonRegressor(l2=0.1).fit(x[:-1], x[:-1, 0])
    assert few._facts._where is not None
    assert_allclose(model.coef_, few.coef_, rtol=1e-2)


def test_tensors_and_readonly_memory() -> None:
    x, y = load_diabetes(return_X_y=True)
    expected = NewtonRegressor().fit(x, y)
    assert_array_equal(NewtonRegressor().fit(torch.from_numpy(x), torch.from_numpy(y)).coef_, expected.coef_)
    large = np.tile(x, (10, 1))
    targets = np.tile(y, 10)
    large.flags.writeable = targets.flags.writeable = False
    assert_allclose(NewtonRegressor().fit(large, targets).coef_, expected.coef_, rtol=1e-9)


def test_no_trainer_is_imported() -> None:
    """Fit, verdict and table of coefficients included."""
    code = """
import sys
from lightning_modules.estimators import NewtonRegressor
NewtonRegressor().fit([[0.0], [1], [2], [4]], [1.0, 2, 2, 5]).summary()
print(sorted({"pytorch_lightning", "torchmetrics", "pandas", "torchvision"} & set(sys.modules)))
"""
    found = run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "pytorch_lightning" not in found.stdout and "torchmetrics" not in found.stdout and "torchvision" not in found.stdout
