"""Attention and transformer layers of torch are followed into the layers that they are made of."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.objectives import GraphObjective, Point, UntraceableError, flattened, traced
from lightning_modules.objectives.families import Categorical
from tests.lightning_modules.objectives.network_cases import assert_relatively_close

attention = partial(nn.MultiheadAttention, batch_first=True)
encoder_layer = partial(nn.TransformerEncoderLayer, 4, 2, 6, dropout=0.0, batch_first=True)
decoder_layer = partial(nn.TransformerDecoderLayer, 4, 2, 6, dropout=0.0, batch_first=True)
LATER = nn.Transformer.generate_square_subsequent_mask(3, dtype=torch.float64)


class Around(nn.Module):
    """Rows (3, 4), and weights on either side."""

    def __init__(self, layer: nn.Module, how: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.layer, self.last, self.how = nn.Linear(4, 4), layer, nn.Linear(12, 2), how

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(torch.tanh(self.how(self.layer, self.first(x))).flatten(1))
        return result


def first_state(m: nn.Module, count: int, x: Tensor) -> Tensor:
    """Of the rows' own numbers, (layers and directions, n, width)."""
    return x.flatten(1)[:, : count * m.hidden_size].unflatten(1, (count, m.hidden_size)).transpose(0, 1)


def zero_states(m: nn.Module, x: Tensor) -> Tensor:
    """As in many a tutorial."""
    h = torch.zeros(m.num_layers, x.size(0), m.hidden_size, dtype=x.dtype)
    c = torch.zeros(m.num_layers, x.size(0), m.hidden_size, dtype=x.dtype).to(x.device).cpu()
    outputs: Tensor = m(x, (h, c))[0]
    return outputs


def both_ends(m: nn.Module, x: Tensor) -> Tensor:
    outputs, (states, memories) = m(x)
    return outputs + torch.cat([*states, *memories], -1)[:, None, :4]


# What is made, how it is called, and how many blocks of Kronecker factors it has.
TAKEN: dict[str, Callable[[], tuple[nn.Module, Callable[[nn.Module, Tensor], Tensor], int]]] = {
    "attention": lambda: (attention(4, 2), lambda m, x: m(x, x, x)[0], 2),
    "attention without biases": lambda: (attention(4, 2, bias=False), lambda m, x: m(x, x, x, need_weights=False)[0], 2),
    "a mask of switches": lambda: (attention(4, 1), lambda m, x: m(x, x, x, attn_mask=LATER < 0)[0], 2),
    "a mask of numbers": lambda: (attention(4, 1), lambda m, x: m(x, x, x, attn_mask=LATER)[0], 2),
    "another sequence": lambda: (attention(4, 2), lambda m, x: m(x, x[:, 1:], x[:, 1:])[0], 2),
    "three sequences": lambda: (attention(4, 2), lambda m, x: m(x, x[:, 1:], x[:, :2])[0], 2),
    "other widths": lambda: (attention(4, 2, kdim=3, vdim=2), lambda m, x: m(x, x[:, 1:, 1:], x[:, 1:, 2:])[0], 4),
    "other widths without biases": lambda: (
        attention(4, 2, kdim=3, vdim=2, bias=False),
        lambda m, x: m(x, x[:, :, 1:], x[..., 2:])[0],
        4,
    ),
    "an encoder layer": lambda: (encoder_layer(), lambda m, x: m(x), 4),
    "norms first, and a mask": lambda: (encoder_layer(activation="gelu", norm_first=True), lambda m, x: m(x, LATER), 4),
    "an activation that is a module": lambda: (encoder_layer(activation=nn.SiLU(), bias=False), lambda m, x: m(x), 4),
    "an encoder": lambda: (
        nn.TransformerEncoder(encoder_layer(), 2, norm=nn.LayerNorm(4), enable_nested_tensor=False),
        lambda m, x: m(x, mask=LATER, is_causal=True),
        8,
    ),
    "a decoder": lambda: (nn.TransformerDecoder(decoder_layer(), 2), lambda m, x: m(x, x * 2, tgt_mask=LATER), 12),
    "a long short-term memory": lambda: (nn.LSTM(4, 4, batch_first=True), lambda m, x: m(x)[0], 0),
    "its last states": lambda: (nn.LSTM(4, 12, 2, batch_first=True), lambda m, x: torch.cat(m(x)[1], -1)[-1, :, :12], 0),
    "in both directions": lambda: (nn.LSTM(4, 2, batch_first=True, bidirectional=True), both_ends, 0),
    "a gated unit": lambda: (nn.GRU(4, 4, 2, batch_first=True, bias=False), lambda m, x: m(x)[0], 0),
    "gated units in both directions": lambda: (nn.GRU(4, 2, batch_first=True, bidirectional=True), lambda m, x: m(x)[0], 0),
    "states given as zeros": lambda: (nn.LSTM(4, 4, 2, batch_first=True), zero_states, 0),
    "a state of the row": lambda: (nn.GRU(4, 4, 3, batch_first=True), lambda m, x: m(x, first_state(m, 3, x))[0], 0),
    "states in both directions": lambda: (
        nn.LSTM(4, 2, batch_first=True, bidirectional=True),
        lambda m, x: m(x, (first_state(m, 2, x), first_state(m, 2, x * 2)))[0],
        0,
    ),
    "a state of ones": lambda: (
        nn.RNN(4, 4, batch_first=True),
        lambda m, x: m(x, torch.ones(1, len(x), 4, dtype=x.dtype))[0],
        0,
    ),
    "a plain recurrence": lambda: (nn.RNN(4, 12, batch_first=True), lambda m, x: m(x)[1].squeeze(0), 0),
    "a recurrence of ReLU": lambda: (nn.RNN(4, 12, nonlinearity="relu", batch_first=True), lambda m, x: m(x)[1][0], 0),
    "a decoder, norms first": lambda: (
        nn.TransformerDecoder(decoder_layer(norm_first=True), 1, norm=nn.LayerNorm(4)),
        lambda m, x: m(x, x[:, :2]),
        6,
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_derivatives_are_those_of_automatic_differentiation(name: str) -> None:
    torch.manual_seed(0)
    layer, how, blocks = TAKEN[name]()
    module = Around(layer, how).double()
    with torch.no_grad():
        for parameter in module.parameters():  # torch starts some at 0, and copies its layers
            parameter.add_(0.2 * torch.randn_like(parameter))
    x, y = torch.randn(5, 3, 4, dtype=torch.float64), torch.randint(0, 2, (5,))
    objective, theta = GraphObjective(module, Categorical(2), x, y), flattened(list(module.parameters()))
    ours, oracle = objective.at(theta), Point(objective, theta)
    assert_relatively_close(objective.value(theta), functional.cross_entropy(module(x), y), name, 1e-12)
    by_torch = torch.autograd.grad(functional.cross_entropy(module(x), y), list(module.parameters()))
    assert_relatively_close(ours.gradient, flattened(list(by_torch)), name)
    assert_relatively_close(ours.curvature("ggn").diagonal(), oracle.curvature("ggn").diagonal(), name)
    v = torch.randn_like(theta)
    assert_relatively_close(ours.curvature("hessian").product(v), oracle.curvature("hessian").product(v), name)
    assert len(ours.curvature("ggn").kronecker("expand").blocks) == blocks + 2


def kept_weights(m: nn.Module, x: Tensor) -> Tensor:
    outputs, weights = m(x, x, x)
    return outputs * weights.sum()


@pytest.mark.parametrize(
    ("layer", "how", "message"),
    [
        (
            nn.MultiheadAttention(4, 2),
            lambda m, x: m(x, x, x)[0],
            "takes the rows as its second dimension: .*batch_first",
        ),
        (attention(4, 2, dropout=0.1), lambda m, x: m(x, x, x)[0], "'layer' is random in training.*dropout=0"),
        (attention(4, 2), lambda m, x: m(x, x, x, attn_mask=torch.zeros(2, 3, 3))[0], "a mask that is no matrix"),
        (attention(4, 2), lambda m, x: m(x, x, x, key_padding_mask=x[:, :, 0])[0], "a mask for each row"),
        (attention(4, 2, add_bias_kv=True), lambda m, x: m(x, x, x)[0], "add_bias_kv, add_zero_attn"),
        (attention(4, 2, add_zero_attn=True), lambda m, x: m(x, x, x)[0], "add_bias_kv, add_zero_attn"),
        (attention(4, 2), kept_weights, "reads the weights that attention 'layer' returns"),
        (encoder_layer(dropout=0.1), lambda m, x: m(x), "'layer.self_attn' is random in training"),
        (nn.LSTM(4, 4), lambda m, x: m(x)[0], "LSTM 'layer' takes the rows as its second dimension: .*batch_first"),
        (nn.GRU(4, 4, 2, dropout=0.1, batch_first=True), lambda m, x: m(x)[0], "GRU 'layer' is random in training.*dropout=0"),
        (nn.LSTM(4, 4, proj_size=2, batch_first=True), lambda m, x: m(x)[0], "projects its states"),
        (nn.CTCLoss(), lambda m, x: m(x, x, x, x), "CTCLoss 'layer' is no layer with a curvature of its own"),
    ],
)
def test_what_is_refused_says_why(layer: nn.Module, how: Callable[[nn.Module, Tensor], Tensor], message: str) -> None:
    with pytest.raises(UntraceableError, match=message):
        traced(Around(layer, how), torch.zeros(1, 3, 4))


def test_a_sequence_without_rows_is_refused() -> None:
    """torch takes two dimensions for one sequence."""
    module = nn.Sequential(nn.Linear(4, 4), nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True))
    with pytest.raises(UntraceableError, match=r"transpose\(\) in the forward of Sequential does not take each row by itself"):
        GraphObjective(module, Categorical(4), torch.zeros(5, 4), torch.tensor([0, 1, 2, 3, 0]))


def test_a_layer_alone_is_followed_too() -> None:
    graph = traced(encoder_layer())
    assert len(graph.nodes) > 5 and graph.slots[0].name == "self_attn.in_proj_weight"
