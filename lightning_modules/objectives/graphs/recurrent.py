r"""Recurrent layers of torch, step by step along a sequence: one call of all their weights.

    RNN     h ← φ(W x_t + b + U h + c)
    GRU     r, z = σ(W x_t + b + U h + c),   k = tanh(W x_t + b + r (U h + c)),    h ← (1 − z) k + z h
    LSTM    i, f, o = σ(W x_t + b + U h + c),   k = tanh(W x_t + b + U h + c),     s ← f s + i k,   h ← o tanh s

As in torch's documentation of `nn.RNN`, `nn.GRU` and `nn.LSTM`, whose own kernels have no derivatives of single rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError


def recurrent(m: nn.RNNBase, name: str, x: Any, state: Any = None) -> tuple[Any, Any]:
    """(outputs, states) of a layer, as torch gives them."""
    why = None
    if x.ndim != 3:
        why = f"is given rows that are no sequences, (length, features): {FALL_BACK}"
    elif not m.batch_first:
        why = "takes the rows as its second dimension: make it with batch_first=True"
    elif m.training and m.dropout > 0 and m.num_layers > 1:
        why = (
            "is random in training, so the loss is another function at each evaluation and has no curvature: make it with "
            "dropout=0 or call its eval(), or use a method of torch.optim"
        )
    elif m.proj_size > 0:
        why = f"projects its states: {FALL_BACK}"
    if why is not None:
        raise UntraceableError(f"{type(m).__name__} {name!r} {why}")
    weights = [getattr(m, each) for layer in m._all_weights for each in layer]
    directions = 1 + m.bidirectional
    settings = (m.mode, m.num_layers, directions, m.bias)
    # One call gives all numbers of a row, because weights count where they are used once.
    row: Any = x.tracer.create_proxy("call_function", run, (x, weights, *settings, _states(m.mode, state)), {})
    length, width, kept = x.shape[1], directions * m.hidden_size, directions * m.num_layers
    end, numbers = length * width, kept * m.hidden_size
    outputs = row[:, :end].unflatten(1, (length, width))
    states = row[:, end : end + numbers].unflatten(1, (kept, m.hidden_size)).transpose(0, 1)
    if m.mode != "LSTM":
        return outputs, states
    return outputs, (states, row[:, end + numbers :].unflatten(1, (kept, m.hidden_size)).transpose(0, 1))


def _states(mode: str, state: Any) -> tuple[Any, ...]:
    """The first states as a tuple, of an LSTM two; none where they are 0."""
    return () if state is None else tuple(state) if mode == "LSTM" else (state,)


def run(
    x: Tensor, weights: Sequence[Tensor], mode: str, layers: int, directions: int, has_bias: bool, first: Sequence[Tensor] = ()
) -> Tensor:
    """Outputs (length, directions · width) of a row and last states (layers · directions, width), of an LSTM s too, all flat.

    Args:
        x: (n, length, features).
        weights: W, U and, with biases, b and c, of each layer and direction.
        mode: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU".
        layers, directions: how many.
        has_bias: whether there are b and c.
        first: h, of an LSTM h and s, before the first step (layers · directions, n, width); none = 0.
    """
    each = 4 if has_bias else 2
    states, memories = [], []
    for layer in range(layers):
        sides = []
        for direction in range(directions):
            start = (layer * directions + direction) * each
            before = [state[layer * directions + direction].to(x) for state in first]
            outputs, state, memory = _along(x, weights[start : start + each], mode, direction == 1, before)
            sides.append(outputs)
            states.append(state)
            memories.append(memory)
        x = torch.cat(sides, -1)
    return torch.cat([x.flatten(1), *states, *(memories if mode == "LSTM" else [])], 1)


def _along(
    x: Tensor, weights: Sequence[Tensor], mode: str, is_backward: bool, first: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs (n, length, width), the last state and the last memory of one layer in one direction."""
    w, u, *biases = weights
    b, c = biases or (None, None)
    inputs, step = linear(x, w, b), STEPS[mode]
    h = s = x.new_zeros(len(x), u.shape[1])
    if first:
        h, s = first[0], first[-1]
    outputs = [h] * x.shape[1]
    for t in reversed(range(x.shape[1])) if is_backward else range(x.shape[1]):
        h, s = step(inputs[:, t], linear(h, u, c), h, s)
        outputs[t] = h
    return torch.stack(outputs, 1), h, s


def _lstm(a: Tensor, b: Tensor, h: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    i, f, k, o = (a + b).chunk(4, -1)
    s = torch.sigmoid(f) * s + torch.sigmoid(i) * torch.tanh(k)
    return torch.sigmoid(o) * torch.tanh(s), s


def _gru(a: Tensor, b: Tensor, h: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    (ar, az, ak), (br, bz, bk) = a.chunk(3, -1), b.chunk(3, -1)
    z = torch.sigmoid(az + bz)
    return (1 - z) * torch.tanh(ak + torch.sigmoid(ar + br) * bk) + z * h, s


def _plain(activation: Callable[[Tensor], Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    return lambda a, b, h, s: (activation(a + b), s)


STEPS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    "LSTM": _lstm,
    "GRU": _gru,
    "RNN_TANH": _plain(torch.tanh),
    "RNN_RELU": _plain(torch.relu),
}
