"""Calls of torch without a closed form are layers by automatic differentiation, if they take each row by itself."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize

from lightning_modules.objectives import GraphObjective, Point, UntraceableError, flattened, traced
from lightning_modules.objectives.families import Categorical
from lightning_modules.objectives.graphs import trial
from lightning_modules.objectives.layers import layer
from tests.lightning_modules.objectives.network_cases import assert_relatively_close

How = Callable[["Calls", Tensor], Tensor]


class Calls(nn.Module):
    """Rows (3, 4), and weights on either side of what is called."""

    def __init__(self, how: How) -> None:
        super().__init__()
        self.first, self.last, self.how = nn.Linear(4, 4), nn.Linear(12, 2), how
        self.places, self.names = nn.Parameter(torch.randn(8, 4)), nn.Embedding(8, 4)
        self.start, self.matrix = nn.Parameter(torch.randn(1, 1, 4)), nn.Parameter(torch.randn(4, 4))
        self.inner, self.bend, self.asked = nn.Linear(4, 4), nn.Softmax(-1), nn.MultiheadAttention(4, 2, batch_first=True)
        self.channels = nn.Softmax2d()
        self.temperature = nn.Parameter(torch.tensor(0.3))
        self.register_buffer("seen", torch.ones(8, 8).tril())

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(torch.tanh(self.how(self, self.first(x))).flatten(1))
        return result


def masked(m: Calls, x: Tensor, mask: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.softmax(mask(x @ x.transpose(-2, -1)), -1) @ x


def with_a_start(m: Calls, x: Tensor) -> Tensor:
    return torch.cat([m.start.expand(x.shape[0], -1, -1), x], dim=1)[:, :3]


def gated(m: Calls, x: Tensor) -> Tensor:
    left, right = x.chunk(2, dim=-1)
    return torch.cat([left * torch.sigmoid(right), right], -1)


def turned(m: Calls, x: Tensor) -> Tensor:
    """Places by rotations."""
    angles = torch.arange(3.0)[:, None]
    other = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return x * torch.cos(angles) + other * torch.sin(angles)


def added(m: Calls, x: Tensor) -> Tensor:
    h = x * 2
    same = h
    same += x
    return h


def written(m: Calls, x: Tensor) -> Tensor:
    h = x * 2
    h.masked_fill_(h < 0, 0.1)
    return h


TAKEN: dict[str, How] = {
    "masked_fill": lambda m, x: masked(m, x, lambda w: w.masked_fill(m.seen[:3, :3] == 0, float("-inf"))),
    "where": lambda m, x: masked(m, x, lambda w: torch.where(m.seen[: x.shape[1], :3] > 0, w, -1e9)),
    "where on values": lambda m, x: torch.where(x > 0, x, 0.1 * x),
    "a comparison": lambda m, x: x * (x > 0) + (x < 1).to(x.dtype),
    "einsum": lambda m, x: torch.einsum("bij,bkj->bik", x, x) @ x,
    "einsum with a weight": lambda m, x: torch.einsum("bij,kj->bik", x, m.matrix),
    "a weight that is masked": lambda m, x: functional.linear(x, m.matrix * m.seen[:4, :4]),
    "a weight that is normalised": lambda m, x: x @ functional.normalize(m.matrix, dim=0),
    "a start before each row": with_a_start,
    "a start repeated": lambda m, x: torch.cat([m.start.repeat(len(x), 1, 1), x], 1)[:, :3],
    "places looked up": lambda m, x: x + m.names(torch.arange(x.shape[1], device=x.device)),
    "places by a slice": lambda m, x: x + m.places[: x.shape[1]],
    "rotations": turned,
    "clip": lambda m, x: x.clip(0, 1),
    "halves": gated,
    "parts": lambda m, x: torch.cat(x.split([1, 3], dim=-1), -1),
    "one by one": lambda m, x: torch.stack([h * 2 for h in x.unbind(1)], 1),
    "expand": lambda m, x: x.mean(1, keepdim=True).expand(-1, 3, -1),
    "the largest": lambda m, x: x - x.max(dim=-1, keepdim=True).values,
    "values and places": lambda m, x: x - x.topk(2, -1)[0].sum(-1, keepdim=True),
    "a deviation": lambda m, x: (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5),
    "normalize": lambda m, x: functional.normalize(x, dim=-1),
    "unequal shapes": lambda m, x: x - x.logsumexp(-1, keepdim=True),
    "glu": lambda m, x: functional.glu(torch.cat([x, x], -1), -1),
    "lerp": lambda m, x: torch.lerp(x, x.tanh(), 0.3),
    "cdist": lambda m, x: torch.cdist(x, x + 1) @ x,
    "a sign": lambda m, x: torch.sign(x) * x,
    "rows and positions together": lambda m, x: functional.layer_norm(x.reshape(-1, 4), (4,)).reshape(-1, 3, 4),
    "a layer on both together": lambda m, x: m.inner(x.reshape(-1, 4)).view(x.shape),
    "another order": lambda m, x: x.index_select(1, torch.tensor([2, 1, 0])),
    "in place": written,
    "in place by another name": added,
    "a size after a layer without weights": lambda m, x: (h := nn.functional.gelu(m.bend(x))).reshape(h.size(0), 3, -1),
    "a question of a learned start": lambda m, x: x + m.asked(m.start.expand(x.size(0), -1, -1), x, x)[0],
    "sizes of what is no value yet": lambda m, x: x + (s := m.start.expand(len(x), 3, -1)).reshape(s.size(0), s.shape[1], -1),
    "logcumsumexp": lambda m, x: torch.logcumsumexp(x, 1),
    "is_floating_point": lambda m, x: x * 2 if x.is_floating_point() else x,
    "keywords": lambda m, x: torch.softmax(input=x, dim=2),
    "a type": lambda m, x: x + torch.full((3, 4), 0.5, dtype=x.dtype),
    "zeros by sizes": lambda m, x: torch.cat([x[..., :3], torch.zeros(x.size(0), 3, 1)], -1),
    "ones by sizes": lambda m, x: x * torch.ones(len(x), 1, x.shape[2], dtype=x.dtype),
    "a function of one number": lambda m, x: x * m.temperature.exp(),
    "a norm of one number": lambda m, x: x @ torch._weight_norm(m.matrix, m.temperature, -1),
    "softmax over channels": lambda m, x: m.channels(x[..., None])[..., 0],
    "a fold of a loop": lambda m, x: sum((x[:, i : i + 1] for i in range(x.size(1))), torch.zeros(1)) + x,
}


def made(how: How) -> Calls:
    torch.manual_seed(0)
    return Calls(how).double()


X, Y = torch.randn(5, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 1, 0, 1])


@pytest.mark.parametrize("name", TAKEN)
def test_derivatives_are_those_of_automatic_differentiation(name: str) -> None:
    module = made(TAKEN[name])
    objective, theta = GraphObjective(module, Categorical(2), X, Y), flattened(list(module.parameters()))
    ours, oracle = objective.at(theta), Point(objective, theta)
    assert_relatively_close(objective.value(theta), functional.cross_entropy(module(X), Y), name, 1e-12)
    assert_relatively_close(ours.gradient, oracle.gradient, name)
    assert_relatively_close(ours.curvature("ggn").diagonal(), oracle.curvature("ggn").diagonal(), name)
    v = torch.randn_like(theta)
    for kind in ("ggn", "hessian"):
        assert_relatively_close(ours.curvature(kind).product(v), oracle.curvature(kind).product(v), (name, kind))


def test_torch_keeps_its_functions() -> None:
    before = torch.zeros, torch.ones
    with pytest.raises(UntraceableError):
        traced(made(lambda m, x: x * torch.zeros(len(x), x.mean())), X)
    assert (torch.zeros, torch.ones) == before


@pytest.mark.parametrize("name", TAKEN)
def test_second_derivatives_are_those_of_differences(name: str) -> None:
    """Torch's own are wrong of some functions."""
    module = made(TAKEN[name])
    objective, theta = GraphObjective(module, Categorical(2), X, Y), flattened(list(module.parameters()))
    v, step = torch.randn_like(theta), 1e-5
    ahead, behind = (objective.point(theta + sign * step * v).gradient for sign in (1, -1))
    found = objective.point(theta).curvature("hessian").product(v)
    torch.testing.assert_close(found, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-7 * float(found.abs().max()))


class Symmetric(nn.Module):
    def forward(self, w: Tensor) -> Tensor:
        return w.triu() + w.triu(1).mT


def symmetric() -> nn.Module:
    layer = nn.Linear(4, 4)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return layer


@pytest.mark.filterwarnings("ignore:There is a performance drop because we have not yet implemented the batching rule")
@pytest.mark.parametrize(
    "make",
    [
        lambda: parametrizations.weight_norm(nn.Linear(4, 4)),
        lambda: parametrizations.orthogonal(nn.Linear(4, 4)),
        lambda: parametrizations.spectral_norm(nn.Linear(4, 4)).eval(),
        symmetric,
    ],
    ids=["weight norm", "orthogonal", "spectral norm in evaluation", "one's own"],
)
def test_weights_may_be_computed_from_others(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 4), make(), nn.Tanh(), nn.Linear(4, 2)).double()
    x = X[:, 0]
    objective, theta = GraphObjective(module, Categorical(2), x, Y), flattened(list(module.parameters()))
    ours, oracle = objective.at(theta), Point(objective, theta)
    by_torch = torch.autograd.grad(functional.cross_entropy(module(x), Y), list(module.parameters()))
    assert_relatively_close(ours.gradient, flattened(list(by_torch)))
    assert_relatively_close(ours.curvature("ggn").diagonal(), oracle.curvature("ggn").diagonal())
    v = torch.randn_like(theta)
    assert_relatively_close(ours.curvature("hessian").product(v), oracle.curvature("hessian").product(v))


def test_many_rows_of_many_weights_are_squared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    module = made(TAKEN["einsum with a weight"])
    objective, theta = GraphObjective(module, Categorical(2), X, Y), flattened(list(module.parameters()))
    whole = objective.at(theta).curvature("ggn").diagonal()
    monkeypatch.setattr(layer, "GRADIENT_NUMBERS", 100)
    assert_relatively_close(objective.point(theta).curvature("ggn").diagonal(), whole, "in parts", 1e-12)


def test_values_that_move_nothing_are_constants() -> None:
    graph = traced(made(lambda m, x: x * (x > 0)), X)
    moves = dict(zip([node.name for node in graph.nodes], graph.moves[1:], strict=True))
    assert moves == {"first": True, "gt": False, "mul": True, "tanh": True, "flatten": True, "last": True}


def seen_again(m: Calls, x: Tensor) -> Tensor:
    h = x * 2
    left, right = h.chunk(2, -1)
    h.clamp_(min=0)
    return torch.cat([left, right], -1)


def added_to_a_view(m: Calls, x: Tensor) -> Tensor:
    h = x * 2
    view = h.reshape(-1, 12)
    view += 1.0
    return h


def kept(h: Tensor, alias: Tensor) -> Tensor:
    alias.relu_()
    return h


def by_numpy(m: Calls, x: Tensor) -> Tensor:
    return torch.from_numpy(x.numpy())


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda m, x: x - x.mean(0), r"mean\(\) in the forward of Calls gives one result for all rows"),
        (lambda m, x: x.roll(1, 0), r"roll\(\) in the forward of Calls does not take each row by itself"),
        (lambda m, x: x / x.norm(2, 0, keepdim=True), r"norm\(\) in the forward of Calls gives one result for all rows"),
        (lambda m, x: torch.renorm(x, 2, 1, 50.0), r"renorm\(\) in the forward of Calls does not take each row by itself"),
        (lambda m, x: x + torch.rand_like(x), r"rand_like\(\) in the forward of Calls is random"),
        (lambda m, x: functional.batch_norm(x, None, None, training=True), r"batch_norm\(\) .* does not take each row"),
        (lambda m, x: x.detach(), r"detach\(\) in the forward of Calls lets no gradient through"),
        (lambda m, x: x.view(len(x) * 3, 4), r"Linear\(\) in the forward of Calls fails on rows of numbers"),
        (lambda m, x: x + (x > 2).any() * 1.0, r"any\(\) in the forward of Calls gives one result for all rows"),
        (lambda m, x: x * x.isnan().any(), r"any\(\) in the forward of Calls gives one result for all rows"),
        (lambda m, x: torch.where((x == 0).all(), x, -x), r"all\(\) in the forward of Calls gives one result for all rows"),
        (lambda m, x: x * (x.size(0) % 2 + 1), r"mod\(\) in the forward of Calls computes with the number of rows"),
        (lambda m, x: x * (len(x) // 100 + 1), r"floordiv\(\) in the forward of Calls computes with the number of rows"),
        (lambda m, x: torch.cdist(x, m.places)[..., :4] + x, r"torch's derivatives of"),
        (added_to_a_view, r"'iadd.*' works in place, and another view"),
        (lambda m, x: kept(x, x.contiguous()), r"'relu_' works in place, and another view"),
        (lambda m, x: m.matrix[:3], r"Linear\(\) in the forward of Calls computes a weight from others"),
        (lambda m, x: x @ m.matrix + m.matrix[:3], r"'matrix' is used in two places"),
        (lambda m, x: x @ torch.ones(5, 5), r"do not fit|fails|cannot be found"),
        (lambda m, x: x[torch.nonzero(x[:, 0, 0] > 0)], r"nonzero\(\) in the forward of Calls gives one result for all rows"),
        (seen_again, r"'clamp_' works in place, and another view of what it overwrites is read again"),
        (lambda m, x: x * torch.randn(4), r"the forward of Calls draws random numbers"),
        (lambda m, x: x if random.random() < 0.9 else -x, r"the forward of Calls draws random numbers"),
        (lambda m, x: x * float(np.random.rand()), r"the forward of Calls draws random numbers"),
        (lambda m, x: x + m.seen[None, :3, :4].expand(x.size(0), -1, -1), r"give sizes as one tuple"),
        (by_numpy, r"cannot be followed|fails on rows|is not known"),
    ],
)
def test_what_takes_no_row_by_itself_says_why(how: How, message: str) -> None:
    module = Calls(how)
    state = {name: each.clone() for name, each in module.state_dict().items()}
    with pytest.raises(ValueError, match=message) as refusal:
        GraphObjective(module, Categorical(2), X.float(), Y)
    assert "\n" not in str(refusal.value)
    assert all(torch.equal(state[name], each) for name, each in module.state_dict().items())


def test_control_small_numbers_alone_would_not_show_a_bounded_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SCALES", (1.0,))
    assert GraphObjective(Calls(lambda m, x: torch.renorm(x, 2, 1, 50.0)), Categorical(2), X.float(), Y).graph.nodes


def test_without_rows_only_known_calls_are_followed() -> None:
    with pytest.raises(UntraceableError, match=r"chunk\(\) in the forward of Calls is not known to take each row by itself"):
        traced(made(gated))


def test_the_module_keeps_what_it_holds_and_chance_where_it_is() -> None:
    module = made(TAKEN["rotations"])
    before, state = set(vars(module)), torch.get_rng_state()
    traced(module, X)
    assert torch.equal(torch.get_rng_state(), state)
    assert set(vars(module)) == before, "constants of forward are kept beside it"
