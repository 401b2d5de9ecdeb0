"""Small networks of both kinds, and rows to fit them to."""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from lightning_modules import MLP, ResidualMLP
from lightning_modules.training.objective_module import OptimizerCallable

KINDS: dict[str, Any] = {"mlp": partial(MLP, (4, 5, 3)), "residual": partial(ResidualMLP, (4, 4, 4, 3))}
ADAM = partial(torch.optim.Adam, lr=0.05)


def made(kind: str, optimizer: OptimizerCallable, seed: int = 0, **options: Any) -> MLP:
    torch.manual_seed(seed)
    model: MLP = KINDS[kind](**{"activation": "tanh", "l2": 1e-3, "optimizer": optimizer} | options)
    return model


def theta_of(model: MLP) -> Tensor:
    return parameters_to_vector(model.parameters()).detach().double()


def curve(rows: int = 60, targets: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A smooth function of two numbers with a few gross errors in it."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 2, dtype=torch.float64, generator=generator)
    y = torch.stack([torch.sin(x[:, 0] * (k + 1)) + x[:, 1] ** 2 for k in range(targets)], 1)
    y[::7] += 5 * torch.randn(len(y[::7]), targets, dtype=torch.float64, generator=generator)
    return x, y
