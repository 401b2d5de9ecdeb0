"""Coefficients of scaled features in units of their own: statsmodels' and scikit-learn's on the columns as they are."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression as ScikitLogistic
from sklearn.linear_model import Ridge

from lightning_modules.linear.coefficients import Coefficient, coefficients
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.optimizers import Newton, minimise
from tests.lightning_modules.test_coefficients import as_array, expected, with_constant

statsmodels = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")


def told(family: Family, x: Any, y: Any, l2: float = 0.0, names: tuple[str, ...] = ()) -> list[Coefficient]:
    """Of a fit to scaled columns x (n, d)."""
    mean, deviation = x.mean(0), x.std(0)
    objective = GLMObjective(family, torch.tensor((x - mean) / deviation), torch.tensor(y), l2)
    start = torch.zeros(family.num_outputs * (x.shape[1] + 1), dtype=torch.float64)
    minimum = minimise(objective, start, Newton)
    assert minimum.status == "converged", minimum.message
    columns = [f"x{j}" for j in range(x.shape[1])]
    return coefficients(objective, minimum.theta, columns, names, scaling=(mean, torch.tensor(deviation)))


def own(found: list[Coefficient]) -> list[Coefficient]:
    return [row.own_units for row in found if row.own_units is not None]


def columns_of(data: Any) -> Any:
    x = np.asarray(data.exog, dtype=float)
    return x[:, x.std(0) > 0]


def test_least_squares() -> None:
    x, _, y = rows()
    result = statsmodels.OLS(y, with_constant(x)).fit()
    found = told(Gaussian(1), x, y)
    np.testing.assert_allclose(as_array(own(found)), expected(result), rtol=1e-8)
    assert [row.name for row in own(found)] == [row.name for row in found] == ["x0", "x1", "x2", "intercept"]


def test_least_squares_far_from_zero() -> None:
    """Longley's columns, of condition 5e9: statsmodels itself has fewer digits here."""
    data = statsmodels.datasets.longley.load_pandas()
    x, y = columns_of(data), np.asarray(data.endog, dtype=float)
    result = statsmodels.OLS(y, with_constant(x)).fit()
    np.testing.assert_allclose(as_array(own(told(Gaussian(1), x, y))), expected(result), rtol=1e-7)


def test_logistic_regression() -> None:
    data = statsmodels.datasets.spector.load_pandas()
    x, y = columns_of(data), np.asarray(data.endog, dtype=int)
    result = statsmodels.Logit(y, with_constant(x)).fit(disp=False, tol=1e-14, method="newton")
    np.testing.assert_allclose(as_array(own(told(Bernoulli(), x, y))), expected(result), rtol=1e-8)


def test_softmax_regression() -> None:
    data = statsmodels.datasets.anes96.load_pandas()
    x, y = columns_of(data), np.asarray(data.endog, dtype=int)
    result = statsmodels.MNLogit(y, with_constant(x)).fit(disp=False, tol=1e-14, method="newton")
    names = tuple(f"party {k}" for k in range(7))
    found = own(told(Categorical(7), x, y, names=names))
    np.testing.assert_allclose(as_array(found), expected(result), rtol=1e-7)
    assert found[-1].name == "party 6 − party 0: intercept"


def rows(unit: float = 1.0) -> tuple[Any, Any, Any]:
    """Features (n, 3) in units far apart, the second multiplied by `unit`; two real targets (n, 2), and the first of them."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(80, 3)) * [1e-3, 2.0, 1e4] + [5.0, -3.0, 1e4]
    y = x @ [[800.0, 0.0], [-1.0, 0.5], [1e-4, 2e-4]] + generator.normal(size=(80, 2)) * [3.0, 5.0]
    return x * [1, unit, 1], y, y[:, 0]


def test_several_targets() -> None:
    x, y, _ = rows()
    found = own(told(Gaussian(2), x, y, names=("u", "v")))
    for k, name in enumerate("uv"):
        result = statsmodels.OLS(y[:, k], with_constant(x)).fit()
        np.testing.assert_allclose(as_array(found[4 * k : 4 * k + 4]), expected(result), rtol=1e-8)
        assert found[4 * k].name == f"{name}: x0"


def test_a_units_factor_is_in_its_own_coefficient_and_nowhere_else() -> None:
    (x, _, y), (other, _, _) = rows(), rows(1e6)
    ours, theirs = told(Gaussian(1), x, y), told(Gaussian(1), other, y)
    np.testing.assert_allclose(as_array(theirs), as_array(ours), rtol=1e-8)
    factor = np.ones((4, 5))
    factor[1, :4] = 1e-6
    np.testing.assert_allclose(as_array(own(theirs)), factor * as_array(own(ours)), rtol=1e-8)
    assert [row.p_value for row in own(ours)[:3]] == pytest.approx([row.p_value for row in ours[:3]], rel=1e-12)
    assert own(ours)[3].p_value != pytest.approx(ours[3].p_value, rel=0.1), "0 of the columns is another place than their means"


def unscaled(weight: Any, bias: Any, x: Any) -> Any:
    """Scikit-learn's solution on scaled columns, in the units of the columns: weights and intercept by output."""
    weight = np.atleast_2d(weight) / x.std(0)
    return np.column_stack([weight, np.atleast_1d(bias) - weight @ x.mean(0)])


PENALISED = {"gaussian": Gaussian(1), "two targets": Gaussian(2), "bernoulli": Bernoulli(), "categorical": Categorical(3)}


@pytest.mark.parametrize("name", PENALISED)
def test_under_a_penalty_there_are_estimates_and_nothing_else(name: str) -> None:
    family, l2 = PENALISED[name], 0.05
    x, both, first = rows()
    scaled = (x - x.mean(0)) / x.std(0)
    if isinstance(family, Gaussian):
        y = both if family.num_outputs == 2 else first
        peer = Ridge(alpha=len(x) * l2).fit(scaled, y)
    else:
        y = np.digitize(first, np.quantile(first, [0.3, 0.6] if family.num_outputs == 3 else [0.5]))
        peer = ScikitLogistic(C=1 / (len(x) * l2), tol=1e-12, solver="newton-cholesky", max_iter=1000).fit(scaled, y)
    theirs = unscaled(peer.coef_, peer.intercept_, x)
    if name == "categorical":
        theirs = theirs[1:] - theirs[:1]
    found = told(family, x, y, l2)
    assert [row.estimate for row in own(found)] == pytest.approx(theirs.ravel().tolist(), rel=1e-7)
    for row in (*found, *own(found)):
        assert (row.standard_error, row.low, row.high, row.p_value) == (None,) * 4


def test_what_was_not_scaled_is_told_once() -> None:
    x, _, y = rows()
    objective = GLMObjective(Gaussian(1), torch.tensor(x), torch.tensor(y))
    theta = minimise(objective, torch.zeros(4, dtype=torch.float64), Newton).theta
    for scaling in (None, (np.zeros(3), np.ones(3))):
        found = coefficients(objective, theta, list("abc"), scaling=scaling)
        assert [row.own_units for row in found] == [None] * 4
    result = statsmodels.OLS(y, with_constant(x)).fit()
    np.testing.assert_allclose(as_array(found), expected(result), rtol=1e-7)


@pytest.mark.parametrize(
    ("scaling", "words"),
    [
        ((np.zeros(2), np.ones(3)), r"the mean of shape \(2,\) must be 3 finite numbers"),
        ((np.zeros(3), np.array([1.0, np.nan, 1.0])), "the deviation .* must be 3 finite numbers"),
        ((np.zeros(3), np.array([1.0, 0.0, 1.0])), "give 1 where a feature is not scaled"),
    ],
)
def test_a_scaling_of_something_else_is_refused(scaling: Any, words: str) -> None:
    objective = GLMObjective(Gaussian(1), torch.tensor(rows()[0]), torch.tensor(rows()[2]))
    with pytest.raises(ValueError, match=words):
        coefficients(objective, torch.zeros(4, dtype=torch.float64), list("abc"), scaling=scaling)
