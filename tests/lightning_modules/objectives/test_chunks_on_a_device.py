"""On a device the kernels of a loss and its derivatives do not grow with the rows, and memory is bounded all the same."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from lightning_modules.objectives import GLMObjective, NetworkObjective, Point, rows_at_a_time
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.objectives.linear import linear_dependence, row_chunks
from tests.lightning_modules.objectives.cases import random_targets
from tests.lightning_modules.objectives.network_cases import make_case
from tests.simulated_device import DEVICE, counting, on_device

MOST_KERNELS = 40
FAMILIES = (Bernoulli(), Categorical(10), Gaussian(1), Gaussian(3))
each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{type(family).__name__}{family.num_outputs}")
WIDTH = 20


def linear(family: Family, num_rows: int, chunk_rows: int | None = None) -> GLMObjective:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(num_rows, WIDTH, generator=generator).double()
    return GLMObjective(family, x, random_targets(family, num_rows, generator), 0.1, chunk_rows=chunk_rows)


def network(num_rows: int) -> NetworkObjective:
    return make_case((WIDTH, 5, 5, 3), rows=num_rows, l2=0.1).objective()


def moved(objective: Any, features: torch.device = DEVICE, chunk_rows: int | None = None) -> Any:
    """The same objective on the device; its features may stay on the host."""
    if isinstance(objective, GLMObjective):
        x, y = objective.features.to(features), objective.targets.to(DEVICE)
        return GLMObjective(objective.family, x, y, objective.l2, chunk_rows=chunk_rows)
    loss = objective.row_loss
    x, y = loss.features.to(features), loss.targets.to(DEVICE)
    return NetworkObjective(objective.network, loss.pointwise, x, y, loss.l2)


def start(objective: Any) -> Tensor:
    """θ (p,)."""
    if isinstance(objective, GLMObjective):
        size = objective.family.num_outputs * (objective.num_features + 1)
    else:
        size = sum(parameter.numel() for parameter in objective.network.parameters())
    return torch.linspace(-0.1, 0.1, size, dtype=torch.float64)


def value_and_gradient(point: Point) -> tuple[Tensor, ...]:
    return point.value, point.gradient


def everything(point: Point) -> tuple[Tensor, ...]:
    curvature = point.curvature("hessian")
    products = curvature.product(point.theta), point.curvature("ggn").form(torch.stack([point.theta, point.gradient]))
    # That of a network's Hessian takes many passes; its Gauss–Newton matrix goes over rows in a way of its own.
    matrix = point.curvature("hessian" if isinstance(point.objective, GLMObjective) else "ggn").matrix()
    return point.value, point.gradient, matrix, curvature.diagonal(), *products


def kernels(objective: Any, ask: Callable[[Point], object]) -> int:
    theta = start(objective).to(DEVICE)
    with counting() as counts:
        ask(objective.at(theta))
    return counts.kernels


@each_family
def test_kernels_of_a_linear_model_do_not_grow_with_the_rows(family: Family) -> None:
    used = [kernels(moved(linear(family, rows)), value_and_gradient) for rows in (10_000, 200_000, 1_000_000)]
    assert used[0] == used[1] == used[2] <= MOST_KERNELS


@each_family
def test_chunks_of_a_cache_would_launch_many_times_as_many(family: Family) -> None:
    """Negative control."""
    objective = linear(family, 200_000)
    assert kernels(moved(objective, chunk_rows=objective.rows.chunk_rows), value_and_gradient) > 3 * MOST_KERNELS


@pytest.mark.parametrize("ask", [value_and_gradient, lambda point: point.curvature("hessian").diagonal()])
def test_kernels_of_a_network_do_not_grow_with_the_rows(ask: Callable[[Point], object]) -> None:
    few, many = network(1000), network(160_000)
    assert len(few.row_loss.starts) == 1 < len(many.row_loss.starts)  # on the processor
    assert kernels(moved(few), ask) == kernels(moved(many), ask)


@pytest.mark.parametrize("make", [*(lambda n, f=family: linear(f, n) for family in FAMILIES), network])
def test_what_is_computed_stays_within_the_bound(make: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With a bound for less than all rows no tensor but the rows, kept predictors and p × p numbers is larger than that."""
    bound = 2**18
    expected = make(700)
    theta, largest = start(expected), 0
    answers = everything(expected.at(theta))
    monkeypatch.setattr(rows_at_a_time, "DEVICE_BYTES", bound)
    run = on_device.run

    def measured(func: Any, args: Any, kwargs: Any) -> Any:
        nonlocal largest
        result = run(func, args, kwargs)
        if not func.is_view:
            sizes = [leaf.nbytes for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
            largest = max([largest, *(size for size in sizes if size != len(theta) ** 2 * 8)])
        return result

    monkeypatch.setattr("lightning_modules.objectives.linear.predictors.DEVICE_KEPT_BYTES", 0)
    monkeypatch.setattr("lightning_modules.objectives.passes.KEPT_BYTES", 0)
    there = moved(expected)
    monkeypatch.setattr(on_device, "run", measured)
    found = everything(there.at(theta.to(DEVICE)))
    assert bound / 100 < largest <= bound
    for mine, theirs in zip(found, answers, strict=True):
        torch.testing.assert_close(mine.cpu(), theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("make", [*(lambda n, f=family: linear(f, n) for family in FAMILIES), network])
def test_features_of_the_host_are_moved_as_they_are_read(make: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = make(700)
    theta = start(expected)
    answers = everything(expected.at(theta))
    monkeypatch.setattr(rows_at_a_time, "DEVICE_BYTES", 2**18)
    there = moved(expected, features=torch.device("cpu"))
    with counting() as counts:
        point = there.at(theta.to(DEVICE, non_blocking=True))
        value_and_gradient(point)
    assert counts.moved_bytes == 700 * WIDTH * 8 + theta.nbytes and not counts.copies
    for mine, theirs in zip(everything(point), answers, strict=True):
        torch.testing.assert_close(mine.cpu(), theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("features", [DEVICE, torch.device("cpu")], ids=["there", "on the host"])
def test_what_is_proved_is_the_same_in_pieces(features: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = linear(Bernoulli(), 2000)
    theta = start(whole)
    monkeypatch.setattr(rows_at_a_time, "DEVICE_BYTES", 2**18)
    there = moved(whole, features)
    assert there.rows.piece_rows < 400
    here, point = whole.at(theta), there.at(theta.to(DEVICE))
    torch.testing.assert_close(there.rows.gram.cpu(), whole.rows.gram, rtol=1e-12, atol=1e-12)
    assert linear_dependence.dependent_columns(there.rows) == () == linear_dependence.dependent_columns(whole.rows)
    assert here.root is not None and point.root is not None
    torch.testing.assert_close(point.root.upper.cpu(), here.root.upper, rtol=1e-10, atol=1e-12)
    assert point.distance.norm == pytest.approx(here.distance.norm, rel=1e-3)
    assert there.attains_minimum(theta.to(DEVICE), point.decrement, None)


def test_on_a_processor_a_chunk_is_what_a_cache_holds() -> None:
    objective = linear(Gaussian(1), 20_000)
    assert objective.rows.chunk_rows == objective.rows.piece_rows == row_chunks.CACHE_BYTES // (8 * WIDTH)


def test_one_place_says_how_many_rows_a_chunk_has() -> None:
    cpu = torch.device("cpu")
    assert [rows_at_a_time.rows_at_a_time(cpu, rows, 10**12) for rows in (0, 7)] == [1, 7]
    assert rows_at_a_time.rows_at_a_time(DEVICE, 7, 10**12) == 1
    assert rows_at_a_time.rows_at_a_time(DEVICE, 7, 2**10) == 2**20
