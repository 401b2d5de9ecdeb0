"""A module of two layers with something between them, rows for it, and fits of such modules."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from datamodules import ArrayDataModule
from lightning_modules import TorchModel
from lightning_modules.objectives import flattened
from tests.training import make_trainer

GENERATOR = torch.Generator().manual_seed(0)
X, Y = torch.randn(40, 6, dtype=torch.float64, generator=GENERATOR), torch.randint(3, (40,), generator=GENERATOR)
STEPS = 3


class Net(nn.Module):
    """Two layers, and something between them."""

    def __init__(self, between: Callable[[Any, Tensor], Tensor], **parts: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.between = nn.Linear(6, 4), nn.Linear(4, 3), between
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.last(self.between(self, x))
        return outputs


def data() -> ArrayDataModule:
    return ArrayDataModule(X.numpy(), Y.numpy(), val_fraction=0, test_fraction=0, standardize=False)


def fitted(net: nn.Module, optimizer: Any, epochs: int = STEPS, **options: Any) -> TorchModel:
    model = TorchModel(net, num_outputs=3, optimizer=optimizer, **options)
    make_trainer(epochs).fit(model, data())
    return model


def theta_of(module: nn.Module) -> Tensor:
    return flattened(list(module.parameters())).double()
