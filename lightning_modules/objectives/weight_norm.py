r"""Weight normalisation by its formula, in place of torch's own function, whose second derivatives are wrong.

    w = g v/‖v‖        a norm for each row of v along `dim`

`torch.autograd.gradgradcheck` of `torch._weight_norm` fails, up to torch 2.14 at least. Both of torch's ways to normalise the
weights of a layer, `nn.utils.weight_norm` and the one in `nn.utils.parametrizations`, call it.

Source: T. Salimans and D. P. Kingma, Weight normalization (2016), equation 2.
"""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


def weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """w like v; arguments as of `torch._weight_norm`, where dim −1 is one norm of all of v."""
    norm: Tensor = torch.norm_except_dim(v, 2, dim)
    return v * (g / norm)


def differentiable(function: Any) -> Any:
    """A function of torch, or what stands for it."""
    return weight_norm if function is torch._weight_norm else function


class WeightNormByFormula(TorchFunctionMode):
    """Within, whoever calls `torch._weight_norm` has the formula."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return differentiable(func)(*args, **(kwargs or {}))
