"""What somebody gives as a module, before there are data: whether it is one, and how many outputs it has."""

from copy import deepcopy

import torch
from torch import Tensor, nn


def refuse_other_than_modules(module: object, name: str) -> None:
    """Refuse what has no parameters and no `forward`; `name` is that of who takes it.

    Raises:
        ValueError: it is no module of torch.
    """
    if not isinstance(module, nn.Module):
        given = f"the class {module.__name__}" if isinstance(module, type) else f"a {type(module).__name__}"
        raise ValueError(
            f"{name}(module={given}): give a module of torch, an object of a subclass of nn.Module, such as "
            "nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))"
        )


def last_outputs(module: nn.Module) -> int | None:
    """How many outputs a module's last dense layer has; None if the last one is of another kind."""
    layers = [layer for layer in module.modules() if list(layer.parameters(recurse=False))]
    last = layers[-1] if layers else None
    return last.out_features if isinstance(last, (nn.Linear, nn.Bilinear)) else None


def outputs_for(module: nn.Module, shape: tuple[int, ...] | None) -> int | None:
    """How many outputs a module makes of a row of a shape; None if it cannot, or there is none."""
    if shape is None:
        return None
    twin = deepcopy(module).eval()  # which learns nothing from rows that nobody has
    try:
        with torch.no_grad():
            outputs = twin(torch.zeros(2, *shape, dtype=next(twin.parameters()).dtype))
    except Exception:  # whatever fails in somebody's forward is said when it is given the data
        return None
    return outputs.shape[1] if isinstance(outputs, Tensor) and outputs.ndim == 2 else None
