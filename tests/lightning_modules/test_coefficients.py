"""Standard errors, intervals and p-values are statsmodels', on its own data sets."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules import LogisticRegression
from lightning_modules.linear.coefficients import Coefficient, coefficients
from lightning_modules.linear.dispersion import ConstantTargetError
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian, Poisson
from lightning_modules.optimizers import Newton, SingularCurvatureError, minimise

statsmodels = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")


def fitted(family: Family, x: Tensor, y: Tensor) -> tuple[GLMObjective, Tensor]:
    objective = GLMObjective(family, x, y)
    parameter = Parameter(torch.zeros(family.num_outputs * (x.shape[1] + 1), dtype=torch.float64))
    optimizer = Newton([parameter])

    def closure() -> Tensor:
        point = objective.at(parameter)
        parameter.grad = point.gradient.clone()
        return point.value

    while optimizer.status is None:
        optimizer.step(closure, objective=objective)
    return objective, parameter.detach()


def as_array(found: list[Coefficient]) -> Any:
    return np.array([[c.estimate, c.standard_error, c.low, c.high, c.p_value] for c in found])


def expected(result: Any) -> Any:
    """Its coefficients equation by equation, the constant last."""
    intervals = np.asarray(result.conf_int()).reshape(-1, 2)
    columns = [np.asarray(each).T.ravel() for each in (result.params, result.bse)]
    return np.column_stack([*columns, intervals, np.asarray(result.pvalues).T.ravel()])


def standardized(data: Any) -> Any:
    x = np.asarray(data.exog, dtype=float)
    x = x[:, x.std(0) > 0]
    return (x - x.mean(0)) / x.std(0)


def with_constant(x: Any) -> Any:
    return np.column_stack([x, np.ones(len(x))])


def test_least_squares() -> None:
    data = statsmodels.datasets.longley.load_pandas()
    x, y = standardized(data), np.asarray(data.endog, dtype=float)
    found = coefficients(*fitted(Gaussian(1), torch.tensor(x), torch.tensor(y)), list("abcdef"))
    result = statsmodels.OLS(y, with_constant(x)).fit()
    np.testing.assert_allclose(as_array(found), expected(result), rtol=1e-7)
    assert [c.name for c in found] == [*"abcdef", "intercept"]


def test_features_may_be_called_as_what_is_beside_them() -> None:
    data = statsmodels.datasets.longley.load_pandas()
    x, y = standardized(data)[:, :2], np.asarray(data.endog, dtype=float)
    found = coefficients(*fitted(Gaussian(1), torch.tensor(x), torch.tensor(y)), ["intercept", "b"])
    assert [c.name for c in found] == ["intercept", "b", "intercept (2)"], "all different, so that a table by name has each"
    targets = torch.tensor(np.column_stack([y, y[::-1]]))
    found = coefficients(*fitted(Gaussian(2), torch.tensor(x), targets), ["b: c", "c"], ["a", "a: b"])
    assert len({c.name for c in found}) == len(found) == 6


def test_logistic_regression() -> None:
    data = statsmodels.datasets.spector.load_pandas()
    x, y = standardized(data), np.asarray(data.endog, dtype=int)
    found = coefficients(*fitted(Bernoulli(), torch.tensor(x), torch.tensor(y)), list("abc"))
    result = statsmodels.Logit(y, with_constant(x)).fit(disp=False, tol=1e-14, method="newton")
    np.testing.assert_allclose(as_array(found), expected(result), rtol=1e-7)


def test_softmax_regression_against_the_first_class() -> None:
    data = statsmodels.datasets.anes96.load_pandas()
    x, y = standardized(data), np.asarray(data.endog, dtype=int)
    objective, theta = fitted(Categorical(7), torch.tensor(x), torch.tensor(y))
    found = coefficients(objective, theta, [f"x{j}" for j in range(x.shape[1])], [f"party {k}" for k in range(7)])
    result = statsmodels.MNLogit(y, with_constant(x)).fit(disp=False, tol=1e-14, method="newton")
    np.testing.assert_allclose(as_array(found), expected(result), rtol=1e-6)
    assert found[0].name == "party 1 − party 0: x0" and found[-1].name == "party 6 − party 0: intercept"


def test_several_targets_have_noise_of_their_own() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 3, dtype=torch.float64, generator=generator)
    y = x[:, :2] + torch.randn(50, 2, dtype=torch.float64, generator=generator) * torch.tensor([0.1, 5.0])
    both = coefficients(*fitted(Gaussian(2), x, y), list("abc"), ["u", "v"])
    for k, name in enumerate("uv"):
        alone = coefficients(*fitted(Gaussian(1), x, y[:, k]), list("abc"))
        np.testing.assert_allclose(as_array(both[4 * k : 4 * k + 4]), as_array(alone), rtol=1e-10)
        assert both[4 * k].name == f"{name}: a"


def test_what_has_no_standard_errors_is_refused() -> None:
    x, y = torch.randn(10, 2, dtype=torch.float64), torch.arange(10) % 2
    theta = torch.zeros(3, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"level=1.5: .* in \(0, 1\)"):
        coefficients(GLMObjective(Bernoulli(), x, y), theta, list("ab"), level=1.5)
    with pytest.raises(ValueError, match="3 rows for 3 coefficients leave nothing"):
        coefficients(GLMObjective(Gaussian(1), x[:3], x[:3, 0]), theta, list("ab"))
    with pytest.raises(SingularCurvatureError, match=r"not determined by the data: .* depends? linearly on the others"):
        coefficients(GLMObjective(Bernoulli(), x[:, [0, 0]], y), theta, list("ab"))


@pytest.mark.parametrize("family", [Gaussian(1), Bernoulli(), Categorical(3)], ids=["gaussian", "bernoulli", "categorical"])
def test_a_sum_of_columns_has_no_standard_errors_standardized_or_not(family: Family) -> None:
    """Shares of good and very good health beside their sum: rounding lifts the smallest eigenvalue as often as not."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        parts = torch.randint(0, 100, (60, 2), generator=generator).double()
        x = torch.cat([parts, parts.sum(1, keepdim=True)], 1)
        y = torch.arange(60) % max(2, family.num_outputs)
        for features in (x, (x - x.mean(0)) / x.std(0)):
            targets = parts[:, 0] if isinstance(family, Gaussian) else y
            with pytest.raises(SingularCurvatureError, match="not determined by the data"):
                coefficients(*fitted(family, features, targets), list("abc"))


@pytest.mark.parametrize("constant", [0.0, 0.1, 3.0, 1e9])
def test_constant_targets_have_no_noise_to_tell_standard_errors_by(constant: float) -> None:
    x = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    objective, theta = fitted(Gaussian(1), x, torch.full((50, 1), constant, dtype=torch.float64))
    with pytest.raises(ConstantTargetError, match="same in every row"):
        coefficients(objective, theta, ["a", "b", "c"])


def test_a_model_without_its_rows_says_where_errors_are_to_be_had() -> None:
    model = LogisticRegression(2, optimizer=Newton)
    for ask in (lambda: model.coefficients(["a", "b"]), model.fit_statistics, lambda: model.marginal_effects(["a", "b"])):
        with pytest.raises(
            RuntimeError, match=r"come from the training rows, which a checkpoint does not hold; its estimates are"
        ):
            ask()


@pytest.mark.parametrize("intercept", [True, False])
def test_profiles_in_own_units_are_those_of_features_as_they_were(intercept: bool) -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(80, 2)) * [3.0, 0.01] + ([50.0, -2.0] if intercept else 0.0)
    y = torch.tensor(rng.poisson(np.exp(0.2 * raw[:, 0] / 3 - 3 * intercept)).astype(float))
    mean, deviation = raw.mean(0) * intercept, raw.std(0)

    def told(x: Any, **options: Any) -> list[Coefficient]:
        objective = GLMObjective(Poisson(), torch.tensor(x), y, intercept=intercept)
        found = minimise(objective, objective.layout.zeros(torch.device("cpu")), Newton, 300)
        assert found.status == "converged"
        return coefficients(objective, found.theta, ["a", "b"], intervals="profile", **options)

    for scaled, plain in zip(told((raw - mean) / deviation, scaling=(mean, deviation)), told(raw), strict=True):
        assert scaled.own_units is not None and plain.own_units is None
        for name in ("estimate", "standard_error", "low", "high", "p_value"):
            assert getattr(scaled.own_units, name) == pytest.approx(getattr(plain, name), rel=1e-6), name


def test_a_profile_beside_a_sandwich_is_refused() -> None:
    objective = GLMObjective(Poisson(), torch.ones(5, 1).double(), torch.ones(5).double(), intercept=False)
    with pytest.raises(ValueError, match="a profile is of the likelihood"):
        coefficients(objective, torch.zeros(1).double(), ["a"], covariance="HC0", intervals="profile")
    with pytest.raises(ValueError, match="use one of wald, profile"):
        coefficients(objective, torch.zeros(1).double(), ["a"], intervals="bayes")  # type: ignore[arg-type]
