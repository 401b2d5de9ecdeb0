"""The diagonal of the curvature that a step was computed by, layer by layer."""

from collections import defaultdict
from typing import Protocol, runtime_checkable

from pytorch_lightning import LightningModule
from torch import Tensor
from torch.optim import Optimizer

from callbacks.layer_names import layers_of


@runtime_checkable
class DiagonalMethod(Protocol):
    """A method whose steps are computed by a curvature that has a diagonal at hand.

    `curvature_age` says how many steps ago that curvature was last changed.
    """

    def curvature_diagonal(self) -> Tensor | None: ...

    def curvature_age(self) -> int: ...


def diagonal_by_layer(model: LightningModule, optimizer: Optimizer) -> dict[str, list[Tensor]]:
    """Its entries by layer, of each parameter on its own (k,); nothing of other methods, and of a step that needed none."""
    diagonal = optimizer.curvature_diagonal() if isinstance(optimizer, DiagonalMethod) else None
    if diagonal is None:
        return {}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    parts = diagonal.split([parameter.numel() for parameter in parameters])
    found: dict[str, list[Tensor]] = defaultdict(list)
    for layer, part in zip(layers_of(model, parameters), parts, strict=True):
        if len(part):  # a layer may have a width of 0
            found[layer].append(part)
    return dict(found)
