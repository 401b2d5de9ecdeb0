"""Parameters by layer. A layer is a module that owns parameters itself."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pytorch_lightning import LightningModule
from torch.nn import Parameter


def layer_of(name: str) -> str:
    """The layer of a parameter with this name; a parameter that is the model's own is a layer of itself."""
    return name.rpartition(".")[0] or name


def norms_by_layer(names: Sequence[str], norms: Sequence[float]) -> dict[str, float]:
    """2-norms of layers, and of all as `total`, from those of the parameters with these names."""
    squares: dict[str, float] = defaultdict(float)
    for name, norm in zip(names, norms, strict=True):
        squares[layer_of(name)] += norm * norm  # inf where ** would raise
    squares["total"] = sum(squares.values())
    return {layer: square**0.5 for layer, square in squares.items()}


def layers_of(model: LightningModule, parameters: Iterable[Parameter]) -> list[str]:
    """The layer of each of some parameters of a model."""
    names = {parameter: layer_of(name) for name, parameter in model.named_parameters()}
    return [names[parameter] for parameter in parameters]
