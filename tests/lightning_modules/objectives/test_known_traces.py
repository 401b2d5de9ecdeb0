"""What is known of a network's rows at the last θ: kept for the next query there, within bounds, never served elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives import passes as passes_module
from lightning_modules.objectives.layered import network_loss
from lightning_modules.objectives.layered.trace import Trace
from tests.lightning_modules.objectives.network_cases import DEEP, POINT_QUERIES, PRODUCTS, make_case, query_everything
from tests.lightning_modules.objectives.queries import ask

# -- One pass for all queries -------------------------------------------------------------------------------------


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for every chunk of rows that goes through the network."""
    calls: list[int] = []
    through = Trace.of

    def counted(network: DenseNetwork, theta: Tensor, rows: Tensor) -> Trace:
        calls.append(len(rows))
        return through(network, theta, rows)

    monkeypatch.setattr(Trace, "of", counted)
    return calls


def test_one_pass_serves_all_queries_at_one_point(passes: list[int]) -> None:
    case = make_case((3, 4, 2), rows=6)
    query_everything(case.objective(), case.vector(), case.vector())
    assert passes == [6]


def test_what_would_take_too_much_memory_is_not_kept(monkeypatch: pytest.MonkeyPatch, passes: list[int]) -> None:
    """Negative control of the count above."""
    monkeypatch.setattr(passes_module, "KEPT_BYTES", 0)
    case = make_case((3, 4, 2), rows=6)
    query_everything(case.objective(), case.vector(), case.vector())
    assert len(passes) == len(POINT_QUERIES) + len(PRODUCTS) + 1


def kept_bytes(objective: NetworkObjective) -> int:
    """Memory of the tensors that are held for the next query, each counted once."""
    storages = {}
    for each in objective.last.passes._kept or ():
        trace = each.trace
        second = [slopes for slopes in trace.second_slopes if slopes is not None]
        tensors = [*trace.inputs, *trace.before, *trace.after, trace.outputs, *trace.slopes, *second]
        storages |= {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_what_is_kept_stays_within_its_bound(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    case = make_case((3, 40, 40, 2), "tanh", rows=100)
    objective, theta = case.objective(), case.vector().to(dtype)
    bound = 5 * theta.element_size() * 100 * (3 + 40 + 40 + 2)
    monkeypatch.setattr(passes_module, "KEPT_BYTES", bound)
    objective.at(theta).curvature("hessian").product(theta)
    assert 0 < kept_bytes(objective) <= bound
    monkeypatch.setattr(passes_module, "KEPT_BYTES", bound - 1)
    fresh = case.objective()
    fresh.at(theta).curvature("hessian").product(theta)
    assert kept_bytes(fresh) == 0


# -- Another point ------------------------------------------------------------------------------------------------


def stale_changes() -> list[Any]:
    def in_place(theta: Tensor) -> Tensor:
        return theta.add_(0.1)

    def one_entry(theta: Tensor) -> Tensor:
        theta[-1] += 1e-14
        return theta

    return [
        pytest.param(in_place, id="in place"),
        pytest.param(one_entry, id="one entry, in its last digits"),
        pytest.param(lambda theta: theta + 1, id="another tensor"),
        pytest.param(lambda theta: theta.float(), id="other precision"),
        pytest.param(lambda theta: theta.float().double(), id="rounded"),
    ]


@pytest.mark.parametrize("change", stale_changes())
@pytest.mark.parametrize("first", ["gradient", "hessian_diagonal", "ggn_diagonal"])
def test_what_is_known_of_one_point_is_not_served_for_another(change: Callable[[Tensor], Tensor], first: str) -> None:
    case = make_case((3, 4, 2), loss="categorical", rows=6)
    theta, v, objective = case.vector(), case.vector(), case.objective()
    ask(objective.at(theta), first)
    moved = change(theta)
    found = query_everything(objective, moved, v.to(moved.dtype))
    expected = query_everything(case.objective(), moved.clone(), v.to(moved.dtype))
    for value, fresh in zip(found, expected, strict=True):
        assert value.dtype == moved.dtype
        assert torch.equal(value, fresh)


def test_what_is_known_at_a_point_outlives_changes_of_it() -> None:
    """The caller's θ may be written over in place; a gradient at an equal θ is then still that of the point asked for."""
    case = make_case(DEEP, "tanh", "tanh", "categorical", rows=20)
    objective, theta = case.objective(), case.vector()
    expected, point = objective.at(theta).gradient, theta.clone()
    theta.mul_(3)
    assert torch.equal(objective.at(point).gradient, expected)


def test_what_is_known_in_single_precision_is_not_served_in_double() -> None:
    """The same numbers in another type: equal to torch.equal's eye once converted."""
    case = make_case((3, 4, 2), rows=6)
    objective, theta = case.objective(), case.vector().float()
    _ = objective.at(theta).gradient
    assert torch.equal(objective.at(theta.double()).gradient, case.objective().at(theta.double()).gradient)


def test_a_pass_that_was_left_halfway_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_loss, "CHUNK_BYTES", 1)
    case = make_case((3, 4, 2), rows=150)
    objective, theta = case.objective(), case.vector()
    next(iter(objective.at(theta).passes))
    assert torch.equal(objective.at(theta).gradient, case.objective().at(theta).gradient)
