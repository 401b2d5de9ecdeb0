"""Rows drawn in proportion to how much their losses bend: on average, how they scatter, and on several processes."""

import pytest
import torch
from torch import nn

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import GLMObjective, GraphObjective, NetworkObjective, Objective, Reduction, this_process
from lightning_modules.objectives.drawn_curvature import DrawnCurvature
from lightning_modules.objectives.families import (
    AbsoluteError,
    Bernoulli,
    Categorical,
    Gaussian,
    PointwiseLoss,
    PseudoHuber,
    SquaredError,
)
from lightning_modules.objectives.objective import Point
from lightning_modules.objectives.partial_objective import PartialObjective
from lightning_modules.objectives.proportional_rows import LONGEST, EvenCurvature, drawn_rows, lengths
from lightning_modules.objectives.reduction import ReductionOfBatch
from tests.lightning_modules.processes import in_processes

K, ROWS = 4, 40
LOSSES = [Categorical(K), PseudoHuber(K, delta=0.5)]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
kinds = pytest.mark.parametrize("kind", ["dense", "graph"])
X = torch.randn(ROWS, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
THETA = 2 * torch.randn(44, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def targets_of(loss: PointwiseLoss) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    if isinstance(loss, Categorical):
        return torch.randint(K, (ROWS,), generator=generator)
    return 3 * torch.randn(ROWS, K, dtype=torch.float64, generator=generator)


def made(kind: str, loss: PointwiseLoss, rows: slice = slice(None), reduction: Reduction = this_process) -> Objective:
    y = targets_of(loss)[rows]
    if kind == "dense":
        return NetworkObjective(DenseNetwork((3, 5, K), "tanh"), loss, X[rows], y, 0.1, reduction)
    module = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, K))
    return GraphObjective(module, loss, X[rows], y, 0.1, reduction)


def drawn(objective: Objective, k: int, seed: int) -> Point:
    found = objective.in_proportion(objective.point(THETA), k, seed)
    assert found is not None
    return found


@pytest.mark.parametrize("k", [1, 7, 40, 100])
def test_every_row_is_drawn_as_often_as_its_share_says(k: int) -> None:
    """At every start as often as the whole number below or above its share, and over many starts on average as its share."""
    traces = torch.rand(ROWS, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) ** 4
    shares = lengths(traces, traces.max())
    expected = k * shares / shares.sum()
    counts = torch.stack([drawn_rows(shares, k, seed).bincount(minlength=ROWS) for seed in range(2000)]).double()
    assert (counts.sum(1) == k).all() and counts.shape == (2000, ROWS)
    assert ((counts - expected).abs() < 1 + 1e-5).all()
    assert ((counts.mean(0) - expected).abs() < 5 * (0.25 / 2000) ** 0.5).all()
    torch.testing.assert_close(shares.double() / shares.sum(), traces / traces.sum(), rtol=1e-2, atol=ROWS / LONGEST)


def test_sums_of_many_rows_and_draws_fit_their_type() -> None:
    rows = 2**20
    places = drawn_rows(torch.full((rows,), LONGEST), rows, seed=0)
    assert torch.equal(places, torch.arange(rows))


@kinds
@each_loss
def test_it_is_the_matrix_on_average_and_scatters_less_than_rows_that_are_drawn_alike(kind: str, loss: PointwiseLoss) -> None:
    objective, k, times = made(kind, loss), 8, 1500
    exact = objective.point(THETA).curvature("ggn")
    found = torch.stack([drawn(objective, k, seed).curvature("ggn").diagonal() for seed in range(times)])
    error = (found.mean(0) - exact.diagonal()) / (found.std(0) / times**0.5)
    assert error.abs().max() < 6
    alike = []
    for seed in range(200):
        rows = torch.randperm(ROWS, generator=torch.Generator().manual_seed(seed))[:k]
        some = made(kind, loss, rows)  # type: ignore[arg-type]
        alike.append(some.point(THETA).curvature("ggn").diagonal())
    assert found.std(0).mean() < 0.7 * torch.stack(alike).std(0).mean()
    direction = torch.ones_like(THETA)[None]
    forms = torch.stack([drawn(objective, k, seed).curvature("ggn").form(direction)[0, 0] for seed in range(times)])
    assert abs(forms.mean() - exact.form(direction)[0, 0]) < 6 * forms.std() / times**0.5


@kinds
def test_all_processes_draw_the_rows_of_one(kind: str) -> None:
    loss, k = Categorical(K), 9
    expected = drawn(made(kind, loss), k, seed=4).curvature("ggn").diagonal()
    shares = (slice(0, 15), slice(15, 15), slice(15, ROWS))

    def work(rank: int, reduction: Reduction) -> torch.Tensor:
        return drawn(made(kind, loss, shares[rank], reduction), k, seed=4).curvature("ggn").diagonal()

    for found in in_processes(3, work):
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-13)

    def of_batch(rank: int, reduction: Reduction) -> torch.Tensor:
        share = (slice(0, 11), slice(11, ROWS))[rank]
        known = ReductionOfBatch(reduction, [11, ROWS - 11])
        objective = made(kind, loss, share, known)
        point = objective.point(THETA)
        some = objective.in_proportion(point, k, seed=4)
        assert some is not None
        return torch.cat([some.curvature("ggn").diagonal(), point.value[None]])

    for found in in_processes(2, of_batch):
        torch.testing.assert_close(found[:-1], expected, rtol=1e-11, atol=1e-13)
    assert not torch.allclose(drawn(made(kind, loss), k, seed=5).curvature("ggn").diagonal(), expected, rtol=1e-3)


@each_loss
def test_factor_product_and_trace_are_of_one_curvature(loss: PointwiseLoss) -> None:
    z = 3 * torch.randn(ROWS, K, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    y = loss.check(targets_of(loss))
    traces = loss.curvature_trace(z, y)
    even = EvenCurvature(loss, traces.max(), lengths(traces, traces.max()).double().mean())
    factor = even.curvature_factor(z, y)
    v = torch.randn(ROWS, K, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    product = torch.einsum("cnj,cnk,nk->nj", factor, factor, v)
    torch.testing.assert_close(even.curvature_product(z, y, v), product, rtol=1e-9, atol=1e-12)
    is_long = traces > 1e-3 * traces.max()
    torch.testing.assert_close(even.curvature_trace(z, y)[is_long], traces.mean().expand(ROWS)[is_long], rtol=2e-3, atol=0)
    for name in ("loss", "gradient"):
        assert torch.equal(getattr(even, name)(z, y), getattr(loss, name)(z, y))


def test_rows_that_bend_alike_are_not_drawn() -> None:
    for loss in (Gaussian(K), SquaredError(K), AbsoluteError(K)):
        z, y = torch.randn(ROWS, K, dtype=torch.float64), loss.check(torch.randn(ROWS, K, dtype=torch.float64))
        assert loss.bends_evenly and loss.curvature_trace(z, y).std() == 0
        same = made("dense", loss)
        assert DrawnCurvature(loss, 2, seed=0).bends_evenly
        assert same.in_proportion(same.point(THETA), 8, seed=0) is None
    assert not Bernoulli().bends_evenly
    linear = GLMObjective(Categorical(K), X, targets_of(Categorical(K)), 0.1)
    assert linear.in_proportion(linear.point(torch.zeros(16, dtype=torch.float64)), 8, seed=0) is None


@pytest.mark.parametrize("outputs", [0.0, 1e4, torch.nan, torch.inf], ids=str)
def test_losses_that_do_not_bend_or_are_not_finite_leave_rows_to_draw(outputs: float) -> None:
    """Of outputs that far apart every probability is 0 or 1."""
    module = nn.Sequential(nn.Linear(3, K))
    theta = torch.zeros(16, dtype=torch.float64)
    theta[-K:] = torch.tensor([outputs, 0, 0, 0])
    objective = GraphObjective(module, Categorical(K), X, targets_of(Categorical(K)))
    point = objective.in_proportion(objective.point(theta), 8, seed=0)
    assert point is not None and point.objective.num_rows == 8
    diagonal = point.curvature("ggn").diagonal()
    assert diagonal.isfinite().all() == (outputs in (0.0, 1e4))
    if outputs == 1e4:
        assert (diagonal == 0).all()


def test_of_some_parameters_their_part() -> None:
    whole, places = made("dense", Categorical(K)), torch.tensor([1, 5, 30, 43])
    partial = PartialObjective(whole, THETA, places)
    found = partial.in_proportion(partial.point(THETA[places]), 8, seed=3)
    assert found is not None
    expected = drawn(whole, 8, seed=3).curvature("ggn").diagonal()[places]
    torch.testing.assert_close(found.curvature("ggn").diagonal(), expected)
    linear = GLMObjective(Categorical(K), X, targets_of(Categorical(K)), 0.1)
    rest = PartialObjective(linear, torch.zeros(16, dtype=torch.float64), places[:2])
    assert rest.in_proportion(rest.point(torch.zeros(2, dtype=torch.float64)), 8, seed=0) is None
