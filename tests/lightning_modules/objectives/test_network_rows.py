"""Networks' rows: cut in chunks, kept for the next query at the same point, spread over processes, and refused."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.networks import DenseNetwork, make_activation
from lightning_modules.objectives import (
    NetworkObjective,
    Objective,
    Reduction,
    hessian_diagonal,
    network_objective,
    network_rows,
)
from lightning_modules.objectives.families import AbsoluteError, Bernoulli, Categorical, PseudoHuber, SquaredError
from lightning_modules.objectives.network_trace import Trace
from tests.lightning_modules.objectives.network_cases import (
    DEEP,
    LOSSES,
    POINT_QUERIES,
    PRODUCTS,
    assert_relatively_close,
    make_case,
    query_everything,
)
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
        points = [getattr(objective, name)(theta) for name in ("value", *POINT_QUERIES)]
        return [*points, *(getattr(objective, name)(theta, v) for name in PRODUCTS), objective.ggn_form(theta, span)]

    objective = case.objective()
    assert objective.chunk_rows >= rows
    whole = answers(objective)
    monkeypatch.setattr(network_rows, "CHUNK_BYTES", 1)
    monkeypatch.setattr(hessian_diagonal, "CACHE_NUMBERS", 1)
    for name in ("CACHE_NUMBERS", "JACOBIAN_NUMBERS"):
        monkeypatch.setattr(network_objective, name, 3000)
    sizes = [len(y) for y, _ in case.objective().traces(theta)]
    assert sum(sizes) == rows and max(sizes) <= 64
    for kept in (network_rows.KEPT_BYTES, 0):
        monkeypatch.setattr(network_rows, "KEPT_BYTES", kept)
        for chunked, expected in zip(answers(case.objective()), whole, strict=True):
            assert_relatively_close(chunked, expected, tolerance=1e-12)


def test_what_is_known_at_a_point_outlives_changes_of_it() -> None:
    """The caller's θ may be written over in place; a gradient at an equal θ is then still that of the point asked for."""
    case = make_case(DEEP, "tanh", "tanh", "categorical", rows=20)
    objective, theta = case.objective(), case.vector()
    expected, point = objective.gradient(theta), theta.clone()
    theta.mul_(3)
    assert torch.equal(objective.gradient(point), expected)


def test_large_chunks_are_bounded_in_memory() -> None:
    """What a chunk of rows leaves behind, with a vector for every output, takes CHUNK_BYTES in single precision."""
    case = make_case((50, 400, 300, 10), loss="categorical")
    numbers = case.objective().chunk_rows * (50 + 400 + 300 + 10) * (1 + 10)
    assert 0.9 * network_rows.CHUNK_BYTES <= 4 * numbers <= network_rows.CHUNK_BYTES


def test_a_diagonal_takes_as_many_rows_as_what_it_carries_leaves_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two factors in both; the Hessian's third layer bends, whose 30 rows arrive at the first layer beside them."""
    case = make_case((2, 30, 30, 30, 2), "tanh", rows=40)
    trace = Trace.of(case.network, case.vector(), case.features)
    monkeypatch.setattr(hessian_diagonal, "CACHE_NUMBERS", 10 * 32 * 30)
    assert hessian_diagonal.rows_at_a_time(trace, 2, bent=True) == 10
    assert hessian_diagonal.rows_at_a_time(trace, 2, bent=False) == 160
    elsewhere = Trace.of(case.network, case.vector().to("meta"), case.features.to("meta"))
    assert hessian_diagonal.rows_at_a_time(elsewhere, 2, bent=True) == hessian_diagonal.GPU_NUMBERS // (32 * 30)
    parts: list[int] = []
    of_part = hessian_diagonal._squares
    monkeypatch.setattr(hessian_diagonal, "_squares", lambda *part: parts.append(len(part[0].outputs)) or of_part(*part))
    case.objective().hessian_diagonal(case.vector())
    assert parts == [10, 10, 10, 10]


# -- What is known at the last θ ----------------------------------------------------------------------------------


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
    monkeypatch.setattr(network_rows, "KEPT_BYTES", 0)
    case = make_case((3, 4, 2), rows=6)
    query_everything(case.objective(), case.vector(), case.vector())
    assert len(passes) == len(POINT_QUERIES) + len(PRODUCTS) + 1


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
    getattr(objective, first)(theta)
    moved = change(theta)
    found = query_everything(objective, moved, v.to(moved.dtype))
    expected = query_everything(case.objective(), moved.clone(), v.to(moved.dtype))
    for value, fresh in zip(found, expected, strict=True):
        assert value.dtype == moved.dtype
        assert torch.equal(value, fresh)


def test_what_is_known_in_single_precision_is_not_served_in_double() -> None:
    """The same numbers in another type: equal to torch.equal's eye once converted."""
    case = make_case((3, 4, 2), rows=6)
    objective, theta = case.objective(), case.vector().float()
    objective.gradient(theta)
    assert torch.equal(objective.gradient(theta.double()), case.objective().gradient(theta.double()))


def test_a_pass_that_was_left_halfway_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_rows, "CHUNK_BYTES", 1)
    case = make_case((3, 4, 2), rows=150)
    objective, theta = case.objective(), case.vector()
    next(objective.known_traces(theta))
    assert torch.equal(objective.gradient(theta), case.objective().gradient(theta))


def kept_bytes(objective: NetworkObjective) -> int:
    """Memory of the tensors that are held for the next query, each counted once."""
    storages = {}
    for _, trace in objective._known[1] if objective._known else ():
        bends = [bend for bend in trace.bends if bend is not None]
        tensors = [*trace.inputs, *trace.before, *trace.after, trace.outputs, *trace.slopes, *bends]
        storages |= {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_what_is_kept_stays_within_its_bound(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    case = make_case((3, 40, 40, 2), "tanh", rows=100)
    objective, theta = case.objective(), case.vector().to(dtype)
    bound = 5 * theta.element_size() * 100 * (3 + 40 + 40 + 2)
    monkeypatch.setattr(network_rows, "KEPT_BYTES", bound)
    objective.hessian_vector_product(theta, theta)
    assert 0 < kept_bytes(objective) <= bound
    monkeypatch.setattr(network_rows, "KEPT_BYTES", bound - 1)
    fresh = case.objective()
    fresh.hessian_vector_product(theta, theta)
    assert kept_bytes(fresh) == 0


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
    means = torch.stack([case.objective(rows).gradient(theta) for rows in (slice(0, 3), slice(3, 11))])
    assert not torch.allclose(means.mean(0), case.objective().gradient(theta), rtol=1e-3)


# -- Refusals -----------------------------------------------------------------------------------------------------

X = torch.zeros(4, 3)


@pytest.mark.parametrize(
    ("loss", "widths", "features", "targets", "cause", "remedy"),
    [
        (SquaredError(1), (2, 1), X, torch.zeros(4), r"\(4, 3\), the network takes rows of 2", "make the first width"),
        (SquaredError(1), (3, 1), X[None], torch.zeros(1), r"shape \(1, 4, 3\)", "rows of 3 features"),
        (SquaredError(1), (3, 1), X, torch.zeros(5), "4 rows of features but 5 targets", "row by row"),
        (SquaredError(1), (3, 1), X, torch.zeros(4, 1, 1), r"shape \(4, 1, 1\).*\(rows, 1\)", r"\(rows, 1\)"),
        (SquaredError(1), (3, 1), X, torch.zeros(4, 2), r"shape \(4, 2\).*\(rows, 1\)", "set its number of outputs to 2"),
        (SquaredError(2), (3, 2), X, torch.zeros(4), r"shape \(4, 1\).*\(rows, 2\)", "set its number of outputs to 1"),
        (AbsoluteError(1), (3, 1), X, torch.zeros(4, 4), r"shape \(4, 4\)", "set its number of outputs to 4"),
        (PseudoHuber(1), (3, 1), X, torch.arange(4), "class labels", "loss='cross_entropy'"),
        (SquaredError(1), (3, 1), X, torch.full((4,), torch.nan), "4 targets are not finite", "remove those rows"),
        (Categorical(3), (3, 3), X, torch.tensor([0, 1, 2, 3]), r"1 of 4 labels lie outside 0 … 2", "num_classes"),
        (Categorical(3), (3, 3), X, torch.tensor([0, -1, 2, 0]), "found -1 … 2", "count labels from 0"),
        (Categorical(3), (3, 3), X, torch.zeros(4), "real numbers", "use"),
        (Bernoulli(), (3, 1), X, torch.tensor([0, 1, 2, 0]), "neither 0 nor 1", "use"),
        (Categorical(3), (3, 2), X, torch.tensor([0, 1, 2, 0]), "network has 2 outputs, the loss takes 3", "last width 3"),
        (SquaredError(2), (3, 1), X, torch.zeros(4, 2), "network has 1 outputs, the loss takes 2", "last width 2"),
        (SquaredError(1), (3, 1), X[:0], torch.zeros(0), "not a single row", "row"),
    ],
)
def test_what_does_not_fit_is_refused_with_cause_and_remedy(
    loss: Any, widths: tuple[int, ...], features: Tensor, targets: Tensor, cause: str, remedy: str
) -> None:
    with pytest.raises(ValueError, match=cause) as refusal:
        NetworkObjective(DenseNetwork(widths), loss, features, targets)
    refusal.match(remedy)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("activation", "output_activation"), [("sign", "identity"), ("tanh", "sign")])
def test_an_activation_that_jumps_has_no_hessian_but_a_gauss_newton_matrix(activation: str, output_activation: str) -> None:
    case = make_case((3, 4, 2), activation, output_activation, rows=5)
    objective, theta, v = case.objective(), case.vector(), case.vector()
    queries: list[Callable[[], Tensor]] = [
        lambda: objective.hessian(theta),
        lambda: objective.hessian_diagonal(theta),
        lambda: objective.hessian_vector_product(theta, v),
    ]
    for query in queries:
        with pytest.raises(ValueError, match=r"Sign jumps, so the loss has no Hessian: choose another activation, tanh"):
            query()
    assert_relatively_close(objective.gradient(theta), Objective.gradient(objective, theta))
    assert_relatively_close(objective.ggn(theta), Objective.ggn(objective, theta))
    assert_relatively_close(objective.ggn_diagonal(theta), Objective.ggn_diagonal(objective, theta))
    assert not make_activation("sign").twice_differentiable
