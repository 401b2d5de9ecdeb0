"""Kronecker factors against their definition, written out position by position, and where the product is exact."""

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import (
    FunctionObjective,
    GLMObjective,
    GraphObjective,
    NetworkObjective,
    Objective,
    PartialObjective,
    Point,
    Reduction,
    flattened,
)
from lightning_modules.objectives.families import Bernoulli, Categorical, SquaredError
from lightning_modules.objectives.graphs import graph_kronecker, graph_loss
from lightning_modules.objectives.kronecker import BLOCK_ROWS, KroneckerCurvature, add_bordered_moments, second_moments
from lightning_modules.objectives.layers import Linear, Visit
from tests.lightning_modules.objectives.network_cases import assert_relatively_close
from tests.lightning_modules.processes import in_processes

NETWORKS = {
    "plain": lambda: nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Tanh(), nn.Conv2d(3, 4, 2, bias=False)),
    "grouped": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2, dilation=2), nn.ReLU(), nn.Conv2d(4, 4, 1, groups=4)),
}


def make(name: str) -> tuple[nn.Sequential, Tensor, Tensor]:
    torch.manual_seed(0)
    module = NETWORKS[name]()
    width = module(torch.zeros(1, 2, 6, 6)).numel()
    module.extend([nn.Flatten(), nn.Linear(width, 3)])
    return module.double(), torch.randn(5, 2, 6, 6, dtype=torch.float64), torch.randint(0, 3, (5,))


def by_definition(module: nn.Sequential, x: Tensor, sharing: str) -> list[tuple[Tensor, Tensor]]:
    """A and G of every layer by torch's own unfold and autograd: each row, each class, each group."""
    found = []
    layers = [layer for layer in module if list(layer.parameters())]
    for layer in layers:
        inputs: list[Tensor] = []
        handle = layer.register_forward_hook(lambda _, given, out, kept=inputs: kept.extend([given[0], out]))
        a: list[Tensor] = []
        g: list[Tensor] = []
        for row in x:
            inputs.clear()
            outputs = module(row[None])[0]
            p = torch.softmax(outputs, 0).detach()
            seen, z = inputs
            groups = getattr(layer, "groups", 1)
            if isinstance(layer, nn.Conv2d):
                windows = nn.functional.unfold(seen, layer.kernel_size, layer.dilation, layer.padding, layer.stride)[0]
                windows = windows.view(groups, -1, windows.shape[1])
            else:
                windows = seen.T[None]
            if layer.bias is not None:
                windows = torch.cat([windows, torch.ones(groups, 1, windows.shape[2], dtype=x.dtype)], 1)
            if sharing == "reduce":
                windows = windows.mean(2, keepdim=True)
            a.append(windows @ windows.mT / windows.shape[2])
            for k in range(3):
                direction = (nn.functional.one_hot(torch.tensor(k), 3) - p) * p[k].sqrt()
                (s,) = torch.autograd.grad(outputs @ direction, z, retain_graph=True)
                s = s.reshape(groups, -1, z[0, 0].numel()) if z.ndim > 2 else s.view(1, -1, 1)
                s = s.sum(2, keepdim=True) if sharing == "reduce" else s
                g.append(s @ s.mT)
        handle.remove()
        found.append((torch.stack(a).mean(0).detach(), (torch.stack(g).sum(0) / len(x)).detach()))
    return found


@pytest.mark.parametrize("sharing", ["expand", "reduce"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_factors_are_those_of_their_definition(name: str, sharing: str) -> None:
    module, x, y = make(name)
    curvature = GraphObjective(module, Categorical(3), x, y).at(flattened(list(module.parameters()))).curvature("ggn")
    blocks = curvature.kronecker(sharing).blocks  # type: ignore[arg-type]
    for block, (a, g) in zip(blocks, by_definition(module, x, sharing), strict=True):
        assert_relatively_close(block.inputs, a, name, 1e-12)
        assert_relatively_close(block.outputs, g, name, 1e-12)


@pytest.mark.parametrize("sharing", ["expand", "reduce"])
def test_they_are_curvlinops(sharing: str) -> None:
    curvlinops = pytest.importorskip("curvlinops", reason="curvlinops-for-pytorch is of the extra 'bench'")
    module, x, y = make("plain")
    theta = flattened(list(module.parameters()))
    ours = GraphObjective(module, Categorical(3), x, y).at(theta).curvature("ggn").kronecker(sharing)  # type: ignore[arg-type]
    options = {"fisher_type": "type-2", "kfac_approx": sharing, "separate_weight_and_bias": False}
    theirs = curvlinops.KFACLinearOperator(module, nn.CrossEntropyLoss(), list(module.parameters()), [(x, y)], **options)
    assert_relatively_close(ours.matrix(), theirs @ torch.eye(len(theta), dtype=theta.dtype), sharing)


def test_of_one_row_with_one_position_the_product_is_exact() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x, y = torch.randn(1, 3, dtype=torch.float64), torch.randn(1, 2, dtype=torch.float64)
    curvature = GraphObjective(module, SquaredError(2), x, y, l2=0.2).at(flattened(list(module.parameters()))).curvature("ggn")
    exact, blocks = curvature.matrix(), curvature.kronecker().matrix()
    for part in (slice(0, 16), slice(16, None)):
        assert_relatively_close(blocks[part, part], exact[part, part], "block", 1e-12)
    assert not blocks[:16, 16:].any(), "what couples layers is left out"


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_linear_model_is_one_layer(outputs: int) -> None:
    """With one output C itself; with more, exact where every row has the same curvature, at 0."""
    x = torch.randn(20, 4, dtype=torch.float64)
    if outputs == 1:
        family, y = Bernoulli(), torch.randint(0, 2, (20,))
    else:
        family, y = Categorical(3), torch.randint(0, 3, (20,))  # type: ignore[assignment]
    objective = GLMObjective(family, x, y, l2=0.3)
    theta = torch.zeros(5 * outputs, dtype=torch.float64)
    curvature = objective.at(theta + (torch.randn_like(theta) if outputs == 1 else 0)).curvature("ggn")
    assert_relatively_close(curvature.kronecker().matrix(), curvature.matrix(), outputs, 1e-12)


def test_a_dense_networks_own_factors_are_those_of_its_graph() -> None:
    network = DenseNetwork([4, 5, 3]).double()
    module = nn.Sequential(network.layers[0], nn.ReLU(), network.layers[1])
    x, y, theta = torch.randn(7, 4).double(), torch.randint(0, 3, (7,)), flattened(list(network.parameters()))
    fast = NetworkObjective(network, Categorical(3), x, y, 0.1).at(theta).curvature("ggn").kronecker()
    plain = GraphObjective(module, Categorical(3), x, y, 0.1).at(theta).curvature("ggn").kronecker()
    assert_relatively_close(fast.matrix(), plain.matrix(), "dense", 1e-12)


@pytest.mark.parametrize("held", ["a bias", "a layer", "some weights"])
def test_of_what_trains_the_blocks_are_the_submatrices(held: str) -> None:
    module, x, y = make("plain")
    theta, slots = flattened(list(module.parameters())), dict(module.named_parameters())
    sizes = {name: parameter.numel() for name, parameter in slots.items()}
    out = {"a bias": ["0.bias"], "a layer": ["2.weight"], "some weights": []}[held]
    trains, start = torch.ones(len(theta), dtype=torch.bool), 0
    for name, size in sizes.items():
        trains[start : start + size] = name not in out
        start += size
    if held == "some weights":
        trains[:5] = False
    places = trains.nonzero()[:, 0]
    whole = GraphObjective(module, Categorical(3), x, y, 0.1)
    part = PartialObjective(whole, theta, places).at(theta[places]).curvature("ggn").kronecker()
    expected = whole.at(theta).curvature("ggn").kronecker().matrix()[places][:, places]
    if held != "some weights":
        assert_relatively_close(part.matrix(), expected, held, 1e-12)
    else:  # no product of the rest of that layer: its exact diagonal
        diagonal = whole.at(theta).curvature("ggn").diagonal()[places]
        count = sizes["0.weight"] + sizes["0.bias"] - 5
        assert_relatively_close(part.matrix()[:count, :count], diagonal[:count].diag(), held, 1e-12)


def test_chunks_of_rows_are_summed_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    module, x, y = make("grouped")
    objective, theta = GraphObjective(module, Categorical(3), x, y), flattened(list(module.parameters()))
    whole = objective.at(theta).curvature("ggn").kronecker().matrix()
    monkeypatch.setattr(graph_loss, "rows_at_a_time", lambda *_: 2)
    objective.forget()
    assert_relatively_close(objective.at(theta).curvature("ggn").kronecker().matrix(), whole, "chunks", 1e-12)


def test_a_transposed_convolutions_bias_and_a_normalisation_have_their_exact_diagonals() -> None:
    module = nn.Sequential(nn.ConvTranspose1d(2, 3, 2), nn.GroupNorm(1, 3), nn.Flatten(), nn.Linear(15, 2)).double()
    x, y = torch.randn(4, 2, 4, dtype=torch.float64), torch.randint(0, 2, (4,))
    curvature = GraphObjective(module, Categorical(2), x, y, 0.1).at(flattened(list(module.parameters()))).curvature("ggn")
    found, diagonal = curvature.kronecker(), curvature.diagonal()
    assert isinstance(found, KroneckerCurvature) and len(found.blocks) == 2
    assert_relatively_close(found.rest[12:21], diagonal[12:21], "bias, scale and shift", 1e-12)


def test_what_has_no_factors_is_refused() -> None:
    module, x, y = make("plain")
    point = GraphObjective(module, Categorical(3), x, y).at(flattened(list(module.parameters())))
    with pytest.raises(ValueError, match="a Hessian has no Kronecker factors"):
        point.curvature("hessian").kronecker()
    with pytest.raises(ValueError, match="choose 'expand' or 'reduce'"):
        point.curvature("ggn").kronecker("mean")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"a FunctionObjective knows of none.*DiagonalNewton"):
        FunctionObjective(lambda theta: theta @ theta).at(torch.ones(2)).curvature("hessian").kronecker()
    with pytest.raises(ValueError, match=r"a FunctionObjective knows of none.*DiagonalNewton"):
        FunctionObjective(lambda theta: theta @ theta).at(torch.ones(2)).curvature("ggn").kronecker_of(point)


def many(name: str, rows: int = 24) -> tuple[nn.Sequential, Tensor, Tensor]:
    module, _, _ = make(name)
    generator = torch.Generator().manual_seed(1)
    return module, torch.randn(rows, 2, 6, 6, dtype=torch.float64, generator=generator), torch.randint(0, 3, (rows,))


def drawn_of(objective: Objective, theta: Tensor) -> tuple[Point, Point]:
    point = objective.point(theta)
    drawn = objective.in_proportion(point, 6, seed=2)
    assert drawn is not None
    return point, drawn


@pytest.mark.parametrize("name", [*NETWORKS, "dense"])
def test_of_drawn_rows_outputs_are_theirs_and_inputs_those_of_all(name: str) -> None:
    if name == "dense":
        network = DenseNetwork([4, 5, 3]).double()
        theta = flattened(list(network.parameters()))
        objective: Objective = NetworkObjective(network, Categorical(3), torch.randn(24, 4).double(), torch.arange(24) % 3, 0.1)
    else:
        module, x, y = many(name)
        objective, theta = GraphObjective(module, Categorical(3), x, y, 0.1), flattened(list(module.parameters()))
    point, drawn = drawn_of(objective, theta)
    found, of_all = point.curvature("ggn").kronecker_of(drawn), point.curvature("ggn").kronecker()
    of_drawn = drawn.curvature("ggn").kronecker()
    assert torch.equal(found.rest, of_drawn.rest)
    for block, whole, few in zip(found.blocks, of_all.blocks, of_drawn.blocks, strict=True):
        assert_relatively_close(block.inputs, whole.inputs, name, 1e-12)
        assert torch.equal(block.outputs, few.outputs) and torch.equal(block.places, whole.places)
        assert not torch.allclose(block.inputs, few.inputs, rtol=1e-3), "negative control"


def test_of_many_positions_some_rows_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dense layer on plain rows has one position of each, and needs them all."""
    monkeypatch.setattr(graph_kronecker, "FEWEST_ROWS", 8)
    monkeypatch.setattr(graph_kronecker, "POSITIONS_EACH", 0)
    module, x, y = many("plain")
    theta = flattened(list(module.parameters()))
    objective = GraphObjective(module, Categorical(3), x, y)
    point, drawn = drawn_of(objective, theta)
    *convolutions, dense = point.curvature("ggn").kronecker_of(drawn).blocks
    some, whole = (
        GraphObjective(module, Categorical(3), x[::k], y[::k]).point(theta).curvature("ggn").kronecker() for k in (3, 1)
    )
    for found, expected in zip([*convolutions, dense], [*some.blocks[:-1], whole.blocks[-1]], strict=True):
        assert_relatively_close(found.inputs, expected.inputs, "k = 3", 1e-12)
    expected_matrix = point.curvature("ggn").kronecker_of(drawn).matrix()
    monkeypatch.setattr(graph_loss, "rows_at_a_time", lambda *_: 5)
    chunked, few = drawn_of(GraphObjective(module, Categorical(3), x, y), theta)
    assert_relatively_close(chunked.curvature("ggn").kronecker_of(few).matrix(), expected_matrix, "chunks", 1e-12)

    def work(rank: int, reduction: Reduction) -> Tensor:
        share = (slice(0, 10), slice(10, 24))[rank]
        point, drawn = drawn_of(GraphObjective(module, Categorical(3), x[share], y[share], reduction=reduction), theta)
        return point.curvature("ggn").kronecker_of(drawn).matrix()

    for found in in_processes(2, work):
        assert_relatively_close(found, expected_matrix, "two processes", 1e-11)
    places = torch.arange(len(theta))[4:]
    part = PartialObjective(objective, theta, places)
    own = part.point(theta[places])
    of_part = part.in_proportion(own, 6, seed=2)
    assert of_part is not None
    found_part = own.curvature("ggn").kronecker_of(of_part)
    kept = slice(len(places) - len(expected_matrix) + 57, None)  # of the layers of which everything trains
    assert_relatively_close(found_part.matrix()[kept, kept], expected_matrix[4:, 4:][kept, kept], "a part", 1e-12)


@pytest.mark.parametrize(
    ("inputs", "positions", "rows", "k"), [(9, 1, 256, 1), (9, 16, 256, 8), (100, 16, 256, 2), (9, 16, 63, 1)]
)
def test_how_many_rows_are_enough(inputs: int, positions: int, rows: int, k: int) -> None:
    """32, and 16 positions for each input."""
    layer = Linear(nn.Linear(inputs, 2))
    x = torch.zeros(3, positions, inputs)
    assert graph_kronecker._interval(layer, Visit((torch.zeros(2, inputs),), (x,), torch.zeros(3, positions, 2)), rows) == k


@pytest.mark.parametrize("size", [1, BLOCK_ROWS - 1, 2 * BLOCK_ROWS, 3 * BLOCK_ROWS + 5])
def test_moments_by_blocks_are_those_of_one_product(size: int) -> None:
    rows = torch.randn(2, size, 7, dtype=torch.float64)
    torch.testing.assert_close(second_moments(rows), rows @ rows.mT)
    ones = torch.cat([rows, torch.ones(2, 1, 7, dtype=torch.float64)], 1)
    total = add_bordered_moments(torch.zeros(2, size + 1, size + 1, dtype=torch.float64), rows[:, :, :3])
    torch.testing.assert_close(add_bordered_moments(total, rows[:, :, 3:]), ones @ ones.mT)
