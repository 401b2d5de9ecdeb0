"""Modules that hold their weights themselves and call the functions of layers: the same layers, with the same factors."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.objectives import GraphObjective, Point, UntraceableError, flattened, traced
from lightning_modules.objectives.families import Categorical
from tests.lightning_modules.objectives.network_cases import assert_relatively_close
from tests.lightning_modules.objectives.queries import ask

QUERIES = ("value", "gradient", "ggn", "ggn_diagonal", "hessian", "hessian_diagonal")


class Own(nn.Module):
    """No layer of torch, but what layers compute of rows (2, 4, 3)."""

    def __init__(self, how: Callable[["Own", Tensor], Tensor]) -> None:
        super().__init__()
        self.how = how
        shapes = {"w": (3, 2), "v": (2, 3), "kernel": (2, 2, 1, 2), "b": (2,), "c": (2,), "g": (3,), "gg": (4, 3)}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.randn(shape)))
        self.register_buffer("mask", torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.how(self, x)
        return result


def masked(m: Own, x: Tensor, kind: torch.dtype) -> Tensor:
    """Attention whose mask is a buffer, of the type that buffers keep."""
    mask = torch.ones(4, 4).tril().to(kind)
    q = x @ m.w
    return functional.scaled_dot_product_attention(q, q, x, attn_mask=mask)


def scaled_in_place(m: Own, x: Tensor) -> Tensor:
    h = x * 2
    h *= m.g
    h -= m.mask.sum(0)
    return h


# What is computed, and how many blocks of Kronecker factors it has.
KNOWN: dict[str, tuple[Callable[[Own, Tensor], Tensor], int]] = {
    "a product": (lambda m, x: x @ m.w, 1),
    "a product and a shift": (lambda m, x: torch.matmul(x, m.w) + m.b, 1),
    "two products": (lambda m, x: x.matmul(m.w) @ m.v, 2),
    "a product with a transposed matrix": (lambda m, x: x @ m.v.T, 1),
    "two values": (lambda m, x: (x @ m.w) @ (x @ m.v.T).mT, 2),
    "t()": (lambda m, x: x @ m.v.t(), 1),
    "transpose()": (lambda m, x: x @ m.v.transpose(0, -1), 1),
    "linear": (lambda m, x: functional.linear(x, m.v, m.b), 1),
    "linear without bias, by names": (lambda m, x: functional.linear(input=x, weight=m.v), 1),
    "a convolution": (lambda m, x: functional.conv2d(x, m.kernel, m.b, padding=(0, 1)), 1),
    "a layer norm": (lambda m, x: functional.layer_norm(x, (3,), m.g), 0),
    "a norm without weights": (lambda m, x: functional.rms_norm(x * m.g, (4, 3)), 0),
    "an rms norm": (lambda m, x: functional.rms_norm(x, (4, 3), m.gg, 0.1), 0),
    "a group norm": (lambda m, x: functional.group_norm(x, 2, m.b, m.c), 0),
    "a slope": (lambda m, x: functional.prelu(x, m.b), 0),
    "a scale and a constant in place": (scaled_in_place, 0),
    "attention with a mask of switches": (lambda m, x: masked(m, x, torch.bool), 1),
    "attention with a mask of numbers": (lambda m, x: masked(m, x, x.dtype if isinstance(x, Tensor) else torch.float32), 1),
    "a constant matrix": (lambda m, x: (x * m.g) @ m.mask.T, 0),
}


def around(how: Callable[[Own, Tensor], Tensor]) -> nn.Module:
    """Something with weights below, so that what goes down counts, and something that bends above."""
    own = Own(how)
    width = own(torch.randn(1, 2, 4, 3)).numel()
    return nn.Sequential(nn.Linear(3, 3), own, nn.Tanh(), nn.Flatten(), nn.Linear(width, 2)).double()


@pytest.mark.parametrize("name", KNOWN)
def test_a_function_of_a_layer_is_that_layer(name: str) -> None:
    torch.manual_seed(0)
    how, blocks = KNOWN[name]
    module = around(how)
    x, y = torch.randn(4, 2, 4, 3, dtype=torch.float64), torch.randint(0, 2, (4,))
    objective, theta = GraphObjective(module, Categorical(2), x, y), flattened(list(module.parameters()))
    ours, oracle = objective.at(theta), Point(objective, theta)
    assert_relatively_close(objective.value(theta), functional.cross_entropy(module(x), y), name, 1e-12)
    for query in QUERIES:
        assert_relatively_close(ask(ours, query), ask(oracle, query), (name, query))
    v = torch.randn_like(theta)
    for query in ("ggn_product", "hessian_product"):
        assert_relatively_close(ask(ours, query, v), ask(oracle, query, v), (name, query))
    assert len(ours.curvature("ggn").kronecker("expand").blocks) == blocks + 2


def test_a_matrix_by_columns_has_the_factors_of_a_dense_layer() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(5, 3, dtype=torch.float64), torch.randint(0, 2, (5,))
    own, dense = Own(lambda m, x: x @ m.w).double(), nn.Linear(3, 2, bias=False).double()
    dense.load_state_dict({"weight": own.w.detach().T})
    blocks = []
    for module in (own, dense):
        point = GraphObjective(module, Categorical(2), x, y).at(flattened(list(module.parameters())))
        (block,) = point.curvature("ggn").kronecker("expand").blocks
        blocks.append(block)
    assert_relatively_close(blocks[0].inputs, blocks[1].inputs)
    assert_relatively_close(blocks[0].outputs, blocks[1].outputs)
    assert torch.equal(blocks[0].places[0].T.flatten(), torch.arange(6))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda m, x: functional.linear(x, m.v * m.mask, m.b), r"linear\(\) in the forward of Own is not known"),
        (lambda m, x: functional.linear(x, m.g), r"linear\(\) in the forward of Own is not known"),
        (lambda m, x: functional.linear(x, m.mask), r"linear\(\) in the forward of Own is not known"),
        (lambda m, x: m.w.T @ x.mT, r"matmul\(\) in the forward of Own is not known"),
        (lambda m, x: functional.scaled_dot_product_attention(x, x * 2, x, None, 0.5), "dropout_p > 0, which is random"),
        (lambda m, x: torch.cat([x @ m.w, x @ m.v.T], 0), r"cat\(\) in the forward of Own is not known to take each row"),
    ],
)
def test_what_is_no_layer_says_why(how: Callable[[Own, Tensor], Tensor], message: str) -> None:
    with pytest.raises(UntraceableError, match=message):
        traced(Own(how))


def test_a_product_of_two_vectors_of_a_row_is_refused() -> None:
    module = nn.Sequential(nn.Linear(3, 2), Own(lambda _, x: x @ x))
    with pytest.raises(
        ValueError, match=r"rows of shape \(3,\) do not fit Sequential: a product of values of shapes \(2, 2\) and"
    ):
        GraphObjective(module, Categorical(2), torch.randn(4, 3), torch.tensor([0, 1, 1, 0]))


@pytest.mark.parametrize(
    ("mixed", "message"),
    [
        (lambda x: x.transpose(-2, -1), r"transpose\(\)"),
        (lambda x: x.mT, r"getattr\(\)"),
        (lambda x: torch.softmax(x, -2), r"softmax\(\)"),
        (lambda x: x + x.sum(-2, keepdim=True), r"sum\(\)"),
        (lambda x: x.unsqueeze(-3).sum(1), r"sum\(\)"),
        (lambda x: torch.cat([x, x], -2), r"cat\(\)"),
    ],
)
def test_what_mixes_rows_counted_from_behind_is_refused(mixed: Callable[[Tensor], Tensor], message: str) -> None:
    """Of values with more dimensions the same calls take each row by itself."""
    module = nn.Sequential(nn.Linear(3, 2), Own(lambda _, x: mixed(x)))
    with pytest.raises(
        UntraceableError,
        match=message + " in .* Sequential ((is not known to|does not) take each row|gives one result for all)",
    ):
        GraphObjective(module, Categorical(2), torch.randn(4, 3), torch.tensor([0, 1, 1, 0]))
