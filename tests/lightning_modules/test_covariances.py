"""Sandwiches of rows and clusters: statsmodels', of the rows as given, one for all processes, refused where there are none."""

from typing import Any

import numpy as np
import pytest
import torch

from lightning_modules.linear.covariance import half_of_covariance
from lightning_modules.objectives import GLMObjective, Reduction
from lightning_modules.objectives.families import Bernoulli, Family, Gamma, Gaussian, Probit
from tests.lightning_modules.processes import in_processes
from tests.lightning_modules.test_fit_statistics import api, data, fitted, with_constant


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_sandwiches_of_least_squares(kind: str) -> None:
    x, y = data("stackloss")
    ours = half_of_covariance(*fitted(Gaussian(1), x, y), kind)
    peer = api.OLS(y, with_constant(x)).fit(cov_type=kind)
    np.testing.assert_allclose((ours @ ours.T).numpy(), peer.cov_params(), rtol=1e-9)


@pytest.mark.parametrize("kind", ["HC2", "HC3"])
@pytest.mark.parametrize("family", [Probit(), Gamma()], ids=["probit", "gamma"])
def test_leverage_is_by_the_expected_information(family: Family, kind: str) -> None:
    """As R's hatvalues are; scores and their bread are of the observed one."""
    x, y = data("scotland" if isinstance(family, Gamma) else "spector")
    x = (x - x.mean(0)) / x.std(0)
    objective, theta = fitted(family, x, y)
    links = api.families.links
    of_peer = api.families.Gamma(links.Log()) if isinstance(family, Gamma) else api.families.Binomial(links.Probit())
    columns = with_constant(x)
    model = api.GLM(y, columns, of_peer)
    peer = model.fit(tol=1e-14, maxiter=2000)
    left = 1 - peer.get_hat_matrix_diag(observed=False)
    scores = columns * (model.score_factor(peer.params, scale=1.0) / (left if kind == "HC3" else np.sqrt(left)))[:, None]
    bread = np.linalg.inv((columns.T * model.hessian_factor(peer.params, scale=1.0, observed=True)) @ columns)
    ours = half_of_covariance(objective, theta, kind)  # type: ignore[arg-type]
    np.testing.assert_allclose((ours @ ours.T).numpy(), bread @ scores.T @ scores @ bread, rtol=1e-6)


@pytest.mark.parametrize(("kind", "what"), [("HC4", "use one of observed"), ("cluster", "takes the cluster of each row")])
def test_covariances_that_are_none_are_refused(kind: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        half_of_covariance(*fitted(Bernoulli(), *data("spector")), kind)


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_a_row_with_an_indicator_of_its_own_has_no_leverage_to_divide_by(factor: float) -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=50), factor * (np.arange(50) == 0)])
    objective, theta = fitted(Gaussian(1), x, rng.normal(size=50))
    for kind in ("HC2", "HC3"):
        with pytest.raises(ValueError, match=r"a row has leverage 1, .* use HC0 or HC1"):
            half_of_covariance(objective, theta, kind)
    assert torch.isfinite(half_of_covariance(objective, theta, "HC1")).all()


def test_clusters_are_of_the_rows_as_given() -> None:
    rng = np.random.default_rng(0)
    x, y, weights, clusters = rng.normal(size=(60, 2)), rng.normal(size=60), rng.integers(0, 3, 60), np.arange(60) % 7
    kept = weights > 0
    ours = half_of_covariance(*fitted(Gaussian(1), x, y, weights.astype(float)), "cluster", torch.tensor(clusters))
    least = half_of_covariance(
        *fitted(Gaussian(1), x[kept], y[kept], weights[kept].astype(float)), "cluster", torch.tensor(clusters[kept])
    )
    torch.testing.assert_close(ours, least, rtol=1e-9, atol=1e-12)
    for wrong in (torch.tensor(clusters).double(), clusters, torch.tensor(clusters[:-1])):
        with pytest.raises(ValueError, match="takes the cluster of each row"):
            half_of_covariance(*fitted(Gaussian(1), x, y), "cluster", wrong)


@pytest.mark.parametrize("kind", ["HC1", "HC3", "cluster"])
def test_processes_see_one_table(kind: Any) -> None:
    x, y = data("stackloss")
    objective, theta = fitted(Gaussian(1), x, y)
    clusters = torch.arange(len(y)) % 5
    whole = half_of_covariance(objective, theta, kind, clusters)

    def work(rank: int, reduction: Reduction) -> torch.Tensor:
        own = slice(0, 6) if rank == 0 else slice(6, None)
        part = GLMObjective(Gaussian(1), torch.tensor(x)[own], torch.tensor(y)[own], reduction=reduction)
        return half_of_covariance(part, theta, kind, clusters[own])

    for half in in_processes(2, work):
        torch.testing.assert_close(half @ half.T, whole @ whole.T, rtol=1e-9, atol=1e-12)


def test_a_leverage_of_one_stops_every_process() -> None:
    """Of which one has the row: it must not leave the others waiting."""
    rng = np.random.default_rng(0)
    x, y = np.column_stack([rng.normal(size=50), np.arange(50) == 0]), rng.normal(size=50)
    _, theta = fitted(Gaussian(1), x, y)

    def work(rank: int, reduction: Reduction) -> str:
        own = slice(0, 20) if rank == 0 else slice(20, None)
        part = GLMObjective(Gaussian(1), torch.tensor(x)[own], torch.tensor(y)[own], reduction=reduction)
        with pytest.raises(ValueError, match="a row has leverage 1"):
            half_of_covariance(part, theta, "HC3")
        return "refused"

    assert in_processes(2, work) == ["refused", "refused"]
