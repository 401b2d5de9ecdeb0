"""Somebody's module: its layers, if they are what its `forward` computes; and what is said where its `forward` fails."""

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from lightning_modules.objectives import UntraceableError, flattened, traced
from lightning_modules.objectives.graphs import Graph
from lightning_modules.objectives.graphs.sweeps import Sweeps, taken
from lightning_modules.objectives.graphs.untraceable import FALL_BACK
from lightning_modules.their_line import first_line, their_line
from lightning_modules.training.row_by_row import differ


def followed(module: nn.Module, rows: Tensor) -> Graph:
    """The graph of a module's layers.

    Args:
        module: in the mode that counts.
        rows: a few, as it takes them.

    Raises:
        UntraceableError: there is none, on these rows it gives other outputs than the module, whose `forward` does something
            that a graph does not hold: it counts its calls, for example; or rows depend on each other.
    """
    graph, name = traced(module, rows), type(module).__name__
    if len(rows) == 0 or graph.size == 0:
        return graph
    half = max(1, len(rows) // 2)
    with torch.no_grad():
        theta = flattened(list(module.parameters()))
        try:
            expected = module(as_taken(module, rows))
            part = module(as_taken(module, rows[:half]))
        except Exception:  # said where it is trained
            return graph
        try:
            found = Sweeps.of(graph, theta, taken(graph, rows, theta)).outputs
        except Exception as error:
            raise UntraceableError(
                f"the layers of {name} do not take each row by itself ({first_line(error)}): {FALL_BACK}"
            ) from error
    if not (isinstance(expected, Tensor) and bool(torch.isfinite(expected).all())):
        return graph
    if differ(found, expected):
        raise UntraceableError(
            f"the layers of {name}, one by one, give other outputs than its forward, which does more than call them: "
            f"{FALL_BACK}"
        )
    if differ(part, expected[:half]):
        raise UntraceableError(f"what {name} makes of a row depends on the other rows: {FALL_BACK}")
    return graph


def as_taken(module: nn.Module, features: Tensor) -> Tensor:
    """Features in the type of a module's parameters; whole numbers stay what they are, but for bytes, which are pixels."""
    is_number = features.is_floating_point() or features.dtype == torch.uint8
    return features.to(next(module.parameters()).dtype) if is_number else features


def refuse_non_finite_weights(module: nn.Module) -> None:
    """Refuse weights that are nan or infinite before the first step, whose loss would be so with any data.

    Raises:
        ValueError: names the first of them.
    """
    for name, weights in module.named_parameters():
        if not bool(torch.isfinite(weights).all()):
            bad = int((~torch.isfinite(weights)).sum())
            raise ValueError(
                f"{bad} of {weights.numel()} weights in {name!r} of {type(module).__name__} are not finite before the first "
                "step: initialise them with numbers"
            )


def give_sizes(module: nn.Module, rows: Tensor) -> None:
    """Call a module once if it has layers that learn their sizes from their first rows, such as `LazyLinear`."""
    if not any(isinstance(each, UninitializedParameter) for each in module.parameters()):
        return
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            module(as_taken(module, rows[:2]))
    except Exception as error:
        raise ValueError(forward_failed(type(module).__name__, rows[:2], error)) from error
    finally:
        for each, mode in modes:
            each.training = mode


def forward_failed(name: str, features: Tensor, error: Exception) -> str:
    """What is said of an error in somebody's `forward`: what it was, and in which line.

    Args:
        name: of the module's class.
        features: what it was given.
        error: what it raised.
    """
    shape = f"{str(features.dtype).removeprefix('torch.')} of shape {tuple(features.shape)}"
    return f"the forward of {name} fails on features {shape}: {first_line(error)}{their_line(error)}"
