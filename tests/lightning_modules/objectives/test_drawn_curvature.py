"""Random combinations of a curvature's factor: what they are on average, what they leave alone, that they are repeated."""

import pytest
import torch
from torch import nn

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import GraphObjective, NetworkObjective, Objective, Reduction, this_process
from lightning_modules.objectives.drawn_curvature import DrawnCurvature
from lightning_modules.objectives.families import Categorical, Gaussian, PointwiseLoss, PseudoHuber, SquaredError
from lightning_modules.objectives.reduction import ReductionOfBatch
from tests.lightning_modules.processes import in_processes

K, ROWS = 4, 12
LOSSES = [Categorical(K), Gaussian(K), SquaredError(K), PseudoHuber(K, delta=0.5)]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(ROWS, 3, dtype=torch.float64, generator=GENERATOR)
SHARES = (slice(0, 5), slice(5, 5), slice(5, ROWS))


def targets_of(loss: PointwiseLoss) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    if isinstance(loss, Categorical):
        return torch.randint(K, (ROWS,), generator=generator)
    return torch.randn(ROWS, K, dtype=torch.float64, generator=generator)


def made(kind: str, loss: PointwiseLoss, rows: slice = slice(None), reduction: Reduction = this_process) -> Objective:
    y = targets_of(loss)[rows]
    if kind == "dense":
        return NetworkObjective(DenseNetwork((3, 5, K), "tanh"), loss, X[rows], y, 0.1, reduction)
    module = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, K))
    return GraphObjective(module, loss, X[rows], y, 0.1, reduction)


def theta() -> torch.Tensor:
    return torch.randn(44, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


@each_loss
def test_the_covariance_of_a_random_slope_is_the_curvature(loss: PointwiseLoss) -> None:
    """Over all signs there are, not over some: exactly."""
    z, y = torch.randn(ROWS, K, dtype=torch.float64, generator=torch.Generator().manual_seed(3)), targets_of(loss)
    y = loss.check(y)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * K)[:, None, :].expand(-1, ROWS, -1)
    e = loss.random_slope(z, y, signs)
    factor = loss.curvature_factor(z, y)
    torch.testing.assert_close(e.mean(0), torch.zeros_like(z), rtol=0, atol=1e-12)
    expected = torch.einsum("cnj,cnk->njk", factor, factor)
    torch.testing.assert_close(torch.einsum("dnj,dnk->njk", e, e) / len(e), expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(PointwiseLoss.random_slope(loss, z, y, signs).square().mean(0), e.square().mean(0))


@each_loss
@pytest.mark.parametrize("kind", ["dense", "graph"])
def test_many_draws_are_the_curvature_and_all_else_is_as_it_was(kind: str, loss: PointwiseLoss) -> None:
    whole, m = made(kind, loss), 4000
    drawn = whole.drawn(m, seed=5)
    assert drawn is not None and drawn.num_factors == m
    point, exact = drawn.point(theta()), whole.point(theta())
    assert torch.equal(point.value, exact.value) and torch.equal(point.gradient, exact.gradient)
    ours, oracle = point.curvature("ggn"), exact.curvature("ggn")
    assert torch.equal(ours.form(theta()[None]), oracle.form(theta()[None]))
    z = (ours.diagonal() - oracle.diagonal()) / oracle.diagonal() / (2 / m) ** 0.5
    assert z.abs().max() < 5
    for found, expected in zip(ours.kronecker().blocks, oracle.kronecker().blocks, strict=True):
        assert torch.equal(found.inputs, expected.inputs)
        assert (found.outputs - expected.outputs).abs().max() < 0.1 * expected.outputs.abs().max()
    one = whole.drawn(1, seed=5)
    assert one is not None
    assert not torch.allclose(one.point(theta()).curvature("ggn").diagonal(), oracle.diagonal(), rtol=0.05), "negative control"


@pytest.mark.parametrize("kind", ["dense", "graph"])
def test_a_rows_draws_are_its_own_however_rows_are_divided(kind: str) -> None:
    loss = Gaussian(K)

    def diagonal(objective: Objective, seed: int = 3) -> torch.Tensor:
        drawn = objective.drawn(2, seed)
        assert drawn is not None
        return drawn.point(theta()).curvature("ggn").diagonal()

    expected = diagonal(made(kind, loss))
    assert torch.equal(diagonal(made(kind, loss)), expected)
    assert not torch.equal(diagonal(made(kind, loss), seed=4), expected)

    def work(rank: int, reduction: Reduction) -> torch.Tensor:
        return diagonal(made(kind, loss, SHARES[rank], reduction))

    for found in in_processes(3, work):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)

    def sampled(rank: int, reduction: Reduction) -> torch.Tensor:
        share = (slice(0, 7), slice(7, ROWS))[rank]
        sample = made(kind, loss, share, ReductionOfBatch(reduction, [7, ROWS - 7])).every_kth(3)
        assert sample is not None
        return diagonal(sample)

    few = made(kind, loss).every_kth(3)
    assert few is not None
    for found in in_processes(2, sampled):
        torch.testing.assert_close(found, diagonal(few), rtol=1e-12, atol=1e-14)
    chunked = DrawnCurvature(loss, 2, seed=3)
    z, y = torch.zeros(ROWS, K, dtype=torch.float64), loss.check(targets_of(loss))
    at_once = DrawnCurvature(loss, 2, seed=3).curvature_factor(z, y)
    parts = [chunked.curvature_factor(z[part], y[part]) for part in (slice(0, 0), slice(0, 7), slice(7, ROWS))]
    assert torch.equal(torch.cat(parts, 1), at_once)
