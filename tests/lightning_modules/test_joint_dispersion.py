"""Errors of counts whose dispersion is estimated with the coefficients: statsmodels', and of all digits however small α is."""

from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from scipy import stats
from scipy.optimize import minimize

from lightning_modules.estimators import NewtonRegressor
from lightning_modules.linear.count_dispersion import minimise_with_dispersion
from lightning_modules.linear.covariance import half_of_covariance
from lightning_modules.linear.fit_statistics import fit_statistics
from lightning_modules.linear.joint_dispersion import CountSums
from lightning_modules.linear.profile_intervals import profile_intervals
from lightning_modules.objectives import GLMObjective, Reduction
from lightning_modules.objectives.families import NegativeBinomial
from tests.lightning_modules.processes import in_processes

api = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")
pytestmark = [pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ModelWarning")]


@cache
def data() -> tuple[Any, Any]:
    loaded = api.datasets.randhie.load_pandas()
    return np.asarray(loaded.exog, dtype=float)[:4000, :4], np.asarray(loaded.endog, dtype=float)[:4000]


def fitted(x: Any, y: Any, **options: Any) -> tuple[GLMObjective, torch.Tensor]:
    start = GLMObjective(NegativeBinomial(1.0), torch.tensor(x), torch.tensor(y), **options)
    objective, found = minimise_with_dispersion(start, torch.zeros(x.shape[1] + 1, dtype=torch.float64))
    assert found.status == "converged"
    return objective, found.theta


@pytest.mark.parametrize("kind", ["observed", "HC0", "cluster"])
def test_errors_are_those_of_both_together(kind: Any) -> None:
    x, y = data()
    objective, theta = fitted(x, y)
    clusters = np.arange(len(y)) % 37
    options = {"cov_kwds": {"groups": clusters}} if kind == "cluster" else {}
    peer = api.NegativeBinomial(y, np.column_stack([x, np.ones(len(x))])).fit(
        **{"disp": 0, "method": "newton", "tol": 1e-14, "maxiter": 200},
        **{"cov_type": "nonrobust" if kind == "observed" else kind, **options},
    )
    half = half_of_covariance(objective, theta, kind, torch.tensor(clusters))
    np.testing.assert_allclose((half @ half.T).numpy(), peer.cov_params()[:-1, :-1], rtol=1e-8, atol=1e-12)
    if kind == "observed":
        np.testing.assert_allclose(float(fit_statistics(objective, theta).alpha_error or 0), peer.bse[-1], rtol=1e-8)
        assert f"± {peer.bse[-1]:.2g}" in str(NewtonRegressor(family="negative_binomial").fit(x, y).summary())
    else:  # a given α is known
        given = GLMObjective(NegativeBinomial(objective.family.dispersion), torch.tensor(x), torch.tensor(y))  # type: ignore[attr-defined]
        assert fit_statistics(given, theta).alpha_error is None
        other = half_of_covariance(given, theta, kind, torch.tensor(clusters))
        assert float((other @ other.T / (half @ half.T) - 1).abs().max()) > 1e-4


@pytest.mark.parametrize(
    ("alpha", "most", "rtol"), [(1e-6, 40, 1e-11), (1e-3, 40, 1e-11), (0.3, 40, 1e-11), (40.0, 40, 1e-11), (0.3, 2**21, 1e-9)]
)
def test_derivatives_by_the_dispersion_have_their_digits(alpha: float, most: int, rtol: float) -> None:
    """Of counts that are added up, and by ψ where they are too many for that."""
    y, mean = torch.tensor([[0.0], [1.0], [3.0], [40.0]]).double(), torch.tensor([[1e-3], [0.7], [5.0], [30.0]]).double()
    sums = CountSums(alpha, most)
    with mpmath.workdps(60):

        def minus_log_likelihood(a: Any, count: float, mu: float) -> Any:
            r = 1 / a
            ways = mpmath.loggamma(count + r) - mpmath.loggamma(r)
            return -(ways + r * mpmath.log(r / (r + mu)) + count * mpmath.log(mu / (r + mu)))

        pairs = list(zip(y[:, 0].tolist(), mean.log().exp()[:, 0].tolist(), strict=True))
        for ours, order in ((sums.slope(mean.log(), y), 1), (sums.curvature(mean.log(), y), 2)):
            exact = [mpmath.diff(lambda a, c=c, m=m: minus_log_likelihood(a, c, m), mpmath.mpf(alpha), order) for c, m in pairs]
            np.testing.assert_allclose(ours[:, 0], [float(each) for each in exact], rtol=rtol, atol=1e-300)


def test_processes_and_weights_see_one_table() -> None:
    x, y = data()
    x, y = x[:300], y[:300]
    weights = np.arange(300) % 3 + 1
    objective, theta = fitted(x, y, weights=torch.tensor(weights))
    rows = np.repeat(np.arange(300), weights)
    repeated = GLMObjective(objective.family, torch.tensor(x[rows]), torch.tensor(y[rows]))
    for kind in ("observed", "HC0"):
        whole, other = half_of_covariance(objective, theta, kind), half_of_covariance(repeated, theta, kind)  # type: ignore[arg-type]
        torch.testing.assert_close(whole @ whole.T, other @ other.T, rtol=1e-9, atol=1e-14)

    def work(rank: int, reduction: Reduction) -> torch.Tensor:
        own = slice(0, 100) if rank == 0 else slice(100, None)
        options = {"weights": torch.tensor(weights)[own], "reduction": reduction}
        part = GLMObjective(objective.family, torch.tensor(x)[own], torch.tensor(y)[own], **options)
        return half_of_covariance(part, theta, "HC0")

    for half in in_processes(2, work):
        torch.testing.assert_close(half @ half.T, whole @ whole.T, rtol=1e-9, atol=1e-14)


def test_a_profile_takes_the_likeliest_dispersion_at_every_value() -> None:
    x, y = data()
    x, y = x[:500, :2], y[:500]
    objective, theta = fitted(x, y)
    low = float(profile_intervals(objective, theta)[0, 0])
    columns = np.column_stack([x, np.ones(len(x))])

    def likelihood(coefficients: Any, alpha: float) -> float:
        mean = np.exp(columns @ coefficients)
        return float(stats.nbinom.logpmf(y, 1 / alpha, 1 / (1 + alpha * mean)).sum())

    most = likelihood(theta.numpy(), objective.family.dispersion)  # type: ignore[attr-defined]
    others = minimize(
        lambda each: -likelihood(np.array([low, *each[:2]]), np.exp(each[2])), [*theta.tolist()[1:], 0.0], method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-9, "maxiter": 3000},
    )  # fmt: skip
    assert 2 * (most + others.fun) == pytest.approx(stats.chi2(1).ppf(0.95), rel=1e-5)


def test_counts_next_to_poissons_have_the_errors_of_the_coefficients_alone() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 2)), rng.binomial(8, 0.5, 300).astype(float)
    objective, theta = fitted(x, y)
    assert fit_statistics(objective, theta).alpha_error is None
    peer = api.Poisson(y, np.column_stack([x, np.ones(300)])).fit(disp=0, tol=1e-14)
    np.testing.assert_allclose(half_of_covariance(objective, theta).norm(dim=1).numpy(), peer.bse, rtol=1e-6)
