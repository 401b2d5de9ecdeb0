"""Convolutional network of images."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from lightning_modules.networks import ConvNetwork
from lightning_modules.torch_model import TorchModel
from lightning_modules.training.network_module import LossName
from lightning_modules.training.objective_module import OptimizerCallable


class CNN(TorchModel):
    """A `ConvNetwork` of grey images, fitted to minimise  1/n Σ_i l(f(x_i), y_i) + l2/2 Σ ‖W‖².

    Args:
        image_size: (h, w) of the images; taken from the data on the command line.
        num_classes: K, classes or targets; taken from the data on the command line.
        channels: of each convolution, 5 × 5 and followed by a 2 × 2 maximum.
        hidden: widths of the dense layers behind them.
        activation: relu, tanh, silu, gelu, elu or softplus.
        loss, l2, schedule, optimizer: as in `TorchModel`.

    Raises:
        ValueError: an unknown name, a size that is not positive, a negative penalty, one class.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        num_classes: int,
        channels: Sequence[int] = (16, 32),
        hidden: Sequence[int] = (128,),
        activation: str = "relu",
        loss: LossName = "cross_entropy",
        l2: float = 0.0,
        schedule: Literal["constant", "cosine"] = "constant",
        *,
        optimizer: OptimizerCallable,
    ) -> None:
        network = ConvNetwork(image_size, channels, hidden, num_classes, activation)
        super().__init__(network, loss, l2, schedule, num_outputs=num_classes, optimizer=optimizer)

    def forward(self, features: Tensor) -> Tensor:
        """Outputs of images, which may also come flat: (B, 1, h, w) or (B, h·w) -> (B, K)."""
        return super().forward(features)
