"""Networks' rows: cut in chunks and spread over processes, with the same sums."""

import pytest
import torch
from torch import Tensor

from lightning_modules.objectives import NetworkObjective, Reduction, passes
from lightning_modules.objectives.layered import hessian_diagonal, network_curvature, network_loss
from lightning_modules.objectives.layered.trace import Trace
from lightning_modules.objectives.rows_at_a_time import DEVICE_BYTES
from tests.lightning_modules.objectives.network_cases import (
    DEEP,
    LOSSES,
    POINT_QUERIES,
    PRODUCTS,
    assert_relatively_close,
    make_case,
    query_everything,
)
from tests.lightning_modules.objectives.queries import ask
from tests.lightning_modules.processes import in_processes

each_loss = pytest.mark.parametrize("loss", LOSSES)


# -- Chunks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["categorical", "squared"])
@pytest.mark.parametrize("rows", [63, 64, 65, 150])
@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
def test_chunks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch, rows: int, loss: str, residual: bool) -> None:
    case = make_case(DEEP, "tanh", "tanh", loss, residual=residual, rows=rows, l2=0.1)
    theta, v, span = case.vector(), case.vector(), case.vector(3)

    def answers(objective: NetworkObjective) -> list[Tensor]:
        points = [ask(objective.at(theta), name) for name in ("value", *POINT_QUERIES)]
        return [
            *points,
            *(ask(objective.at(theta), name, v) for name in PRODUCTS),
            objective.at(theta).curvature("ggn").form(span),
        ]

    objective = case.objective()
    assert objective.row_loss.chunk_rows >= rows
    whole = answers(objective)
    monkeypatch.setattr(network_loss, "CHUNK_BYTES", 1)
    monkeypatch.setattr(hessian_diagonal, "CACHE_NUMBERS", 1)
    for name in ("CACHE_NUMBERS", "JACOBIAN_NUMBERS"):
        monkeypatch.setattr(network_curvature, name, 3000)
    sizes = [len(each.targets) for each in case.objective().at(theta).passes]
    assert sum(sizes) == rows and max(sizes) <= 64
    for kept in (passes.KEPT_BYTES, 0):
        monkeypatch.setattr(passes, "KEPT_BYTES", kept)
        for chunked, expected in zip(answers(case.objective()), whole, strict=True):
            assert_relatively_close(chunked, expected, tolerance=1e-12)


def test_large_chunks_are_bounded_in_memory() -> None:
    """What a chunk of rows leaves behind, with a vector for every output, takes CHUNK_BYTES in single precision."""
    case = make_case((50, 400, 300, 10), loss="categorical")
    numbers = case.objective().row_loss.chunk_rows * (50 + 400 + 300 + 10) * (1 + 10)
    assert 0.9 * network_loss.CHUNK_BYTES <= 4 * numbers <= network_loss.CHUNK_BYTES


def test_a_diagonal_takes_as_many_rows_as_what_it_carries_leaves_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two factors in both; the Hessian's third layer bends, whose 30 rows arrive at the first layer beside them."""
    case = make_case((2, 30, 30, 30, 2), "tanh", rows=40)
    trace = Trace.of(case.network, case.vector(), case.features)
    monkeypatch.setattr(hessian_diagonal, "CACHE_NUMBERS", 10 * 32 * 30)
    assert hessian_diagonal.rows_carried(trace, 2, second_order=True) == 10
    assert hessian_diagonal.rows_carried(trace, 2, second_order=False) == 160
    elsewhere = Trace.of(case.network, case.vector().to("meta"), case.features.to("meta"))
    assert hessian_diagonal.rows_carried(elsewhere, 2, second_order=True) == DEVICE_BYTES // (32 * 30 * 4 * 8)
    parts: list[int] = []
    of_part = hessian_diagonal._squares
    monkeypatch.setattr(hessian_diagonal, "_squares", lambda *part: parts.append(len(part[0].outputs)) or of_part(*part))
    case.objective().at(case.vector()).curvature("hessian").diagonal()
    assert parts == [10, 10, 10, 10]


# -- Several processes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shards", [(slice(0, 3), slice(3, 11)), (slice(0, 11), slice(11, 11))], ids=["uneven", "one empty"])
@each_loss
def test_the_sums_of_uneven_shards_are_the_whole(loss: str, shards: tuple[slice, slice]) -> None:
    case = make_case((3, 4, 3, 2), "tanh", "tanh", loss, rows=11, l2=0.2)
    theta, v = case.vector(), case.vector()
    whole = case.objective()
    expected = [whole.value(theta), *query_everything(whole, theta, v), whole.output_loss(whole.outputs(theta))]

    def share(rank: int, reduction: Reduction) -> list[Tensor]:
        objective = case.objective(shards[rank], reduction=reduction)
        assert objective.num_rows == 11
        answers = [objective.value(theta), *query_everything(objective, theta, v)]
        return [*answers, objective.output_loss(objective.outputs(theta))]

    first, second = in_processes(2, share)
    for mine, theirs, value in zip(first, second, expected, strict=True):
        assert torch.equal(mine, theirs)
        assert_relatively_close(mine, value, tolerance=1e-13)


def test_a_mean_of_shares_is_not_the_whole() -> None:
    """Negative control: what the sums above are for."""
    case = make_case((3, 4, 2), rows=11)
    theta = case.vector()
    means = torch.stack([case.objective(rows).at(theta).gradient for rows in (slice(0, 3), slice(3, 11))])
    assert not torch.allclose(means.mean(0), case.objective().at(theta).gradient, rtol=1e-3)
