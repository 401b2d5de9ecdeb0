"""Estimators on codes and slots are those on the same columns written out."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from lightning_modules.estimators import NewtonClassifier, NewtonRegressor, design, stored

ROWS = 300
RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "town": pd.Categorical([f"t{code}" for code in RANDOM.integers(0, 9, ROWS)]),
        "x": RANDOM.normal(size=ROWS),
        "sex": RANDOM.choice(["f", "m"], ROWS),
        "color": RANDOM.choice([*"abcde", None], ROWS),
        "year": 2000 + RANDOM.normal(size=ROWS),
    }
)
SPARSE = sp.csr_matrix(sp.random(ROWS, 30, 0.06, random_state=0) + sp.eye(ROWS, 30))
SPARSE = sp.lil_matrix(SPARSE)
SPARSE[5] = RANDOM.normal(size=30)  # one row has all of them
SPARSE = sp.csr_matrix(SPARSE)
COUNTS, CLASSES = RANDOM.poisson(1.5, ROWS), RANDOM.integers(0, 3, ROWS)
WEIGHTS, OFFSET = RANDOM.integers(0, 3, ROWS), RANDOM.normal(size=ROWS)
FITS: dict[str, Any] = {
    "gaussian": lambda: (NewtonRegressor(), OFFSET, {}),
    "poisson": lambda: (NewtonRegressor(family="poisson", l2=0.1), COUNTS, {"sample_weight": WEIGHTS, "offset": OFFSET}),
    "negative binomial": lambda: (NewtonRegressor(family="negative_binomial"), COUNTS**2, {}),
    "no intercept": lambda: (NewtonClassifier(l2=0.1, fit_intercept=False), CLASSES > 0, {"sample_weight": WEIGHTS}),
    "HC3": lambda: (NewtonClassifier(covariance="HC3"), CLASSES > 0, {}),
    "softmax": lambda: (NewtonClassifier(l2=0.1, class_weight="balanced"), CLASSES, {}),
    "l1": lambda: (NewtonClassifier(l1=0.01), CLASSES > 0, {}),
}


def fitted(fit: str, x: Any) -> tuple[Any, ...]:
    estimator, y, given = FITS[fit]()
    estimator.fit(x, y, **given)
    offset = {"offset": given["offset"]} if "offset" in given else {}
    score = estimator.score(x, y, **offset)
    frame = estimator.summary().frame().select_dtypes("number")
    return estimator.coef_, estimator.intercept_, score, frame.to_numpy(), estimator.convergence_.status


@pytest.mark.parametrize("x", [FRAME, SPARSE, sp.coo_array(SPARSE)], ids=["frame", "csr", "coo"])
@pytest.mark.parametrize("fit", FITS)
def test_what_is_stored_changes_nothing(fit: str, x: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fitted(fit, x)
    for module in (stored, design):
        monkeypatch.setattr(module, "FEWEST_NUMBERS", 0)
    ours = fitted(fit, x)
    assert ours[-1] == expected[-1]
    for one, other in zip(ours[:-1], expected[:-1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-9)


def test_codes_are_held_and_not_indicators(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (stored, design):
        monkeypatch.setattr(module, "FEWEST_NUMBERS", 0)
    learnt = design.Design.learn(FRAME, None)
    assert learnt is not None
    rows, columns = learnt.stored(FRAME)
    assert columns is not None and rows.shape == (ROWS, 5) and columns.num_features == len(learnt.names) == 16
    np.testing.assert_array_equal(columns.expanded(stored.torch.from_numpy(rows)).numpy(), learnt.numbers(FRAME))
    x = stored.stored_sparse(SPARSE)
    assert x.columns is not None and x.columns.long_rows is not None and x.rows.shape[1] < 30
    np.testing.assert_array_equal(x.columns.expanded(stored.torch.from_numpy(x.rows)).numpy(), SPARSE.toarray())


def test_unseen_levels_count_as_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (stored, design):
        monkeypatch.setattr(module, "FEWEST_NUMBERS", 0)
    estimator = NewtonRegressor().fit(FRAME, OFFSET)
    other, reference = FRAME.head(2).copy(), FRAME.head(2).copy()
    other["town"], reference["town"] = ["nowhere", "nowhere"], FRAME["town"].mode()[0]
    with pytest.warns(UserWarning, match="levels that no training row had"):
        predicted = estimator.predict(other)
    np.testing.assert_array_equal(predicted, estimator.predict(reference))


def test_nan_in_sparse_rows() -> None:
    x = SPARSE.copy()
    x.data[0] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"), warnings.catch_warnings():
        NewtonRegressor().fit(x, OFFSET)
