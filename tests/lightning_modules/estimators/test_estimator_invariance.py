"""What must not change an answer: the order of rows, their number of copies, the units of columns, the order of columns."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lightning_modules.estimators import NewtonClassifier, NewtonRegressor

ESTIMATORS = [
    NewtonClassifier(),
    NewtonClassifier(link="cloglog"),
    NewtonRegressor(),
    NewtonRegressor(family="poisson"),
    NewtonRegressor(family="negative_binomial", dispersion=0.5),
]
ROWS, COLUMNS = 60, 3


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1), exponents=st.lists(st.integers(-30, 30), min_size=COLUMNS, max_size=COLUMNS))
def test_rows_and_columns_in_another_form(estimator: Any, seed: int, exponents: list[int]) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(ROWS, COLUMNS))
    y = generator.integers(0, 2, ROWS)  # as likely as not whatever the columns, so that nothing separates them
    expected = estimator.fit(x, y)
    coefficients, errors = expected.coef_.ravel().copy(), expected.summary().frame()["standard error"].to_numpy()[:-1]

    rows = generator.permutation(ROWS)
    assert_allclose(estimator.fit(x[rows], y[rows]).coef_.ravel(), coefficients, rtol=1e-8, atol=1e-10)

    weights = generator.integers(1, 4, ROWS)
    repeated = estimator.fit(np.repeat(x, weights, 0), np.repeat(y, weights)).coef_.ravel().copy()
    assert_allclose(estimator.fit(x, y, sample_weight=weights).coef_.ravel(), repeated, rtol=1e-8, atol=1e-10)
    # A row in two parts, of half the weight each.
    halves = estimator.fit(np.tile(x, (2, 1)), np.tile(y, 2), sample_weight=np.tile(weights / 2, 2)).coef_.ravel()
    assert_allclose(halves, repeated, rtol=1e-8, atol=1e-10)

    units, columns = np.ldexp(1.0, exponents), generator.permutation(COLUMNS)
    scaled = estimator.fit((x * units)[:, columns], y)
    assert_allclose(scaled.coef_.ravel() * units[columns], coefficients[columns], rtol=1e-7, atol=1e-9)
    found = scaled.summary().frame()["standard error"].to_numpy()[:-1]
    assert_allclose(found * units[columns], errors[columns], rtol=1e-6)
