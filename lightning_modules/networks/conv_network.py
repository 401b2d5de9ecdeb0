"""A small convolutional network of grey images."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from lightning_modules.networks.unknown_name import unknown_name

KERNEL, POOL = 5, 2
OF_NAME: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
}


class ConvNetwork(nn.Module):
    """Images (B, 1, h, w) -> outputs (B, K): convolutions with max pooling, then dense layers, after LeNet.

        (1, h, w) → (c_1, h/2, w/2) → (c_2, h/4, w/4) → … → hidden widths → K          sizes rounded down

    Each convolution is 5 × 5 and keeps the size; a 2 × 2 maximum halves it. Nothing normalises by the batch, so a row's output
    depends on that row alone.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document recognition (1998),
    section II.B, with maxima for its averages.

    Args:
        image_size: (h, w) in pixels.
        channels: c of each convolution.
        hidden: widths of the dense layers before the last.
        num_outputs: K.
        activation: relu, tanh, silu, gelu, elu or softplus.

    Raises:
        ValueError: a size that is not positive, more halvings than pixels, an unknown name.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        channels: Sequence[int] = (16, 32),
        hidden: Sequence[int] = (128,),
        num_outputs: int = 10,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        if image_size is None:  # what a data module of tables hands over
            raise ValueError("image_size is None: a CNN takes images, and these data are none; choose data of images")
        height, width = image_size
        if min(height, width, num_outputs, *channels, *hidden, 1) < 1 or not channels:
            raise ValueError(
                f"ConvNetwork(image_size={tuple(image_size)}, channels={list(channels)}, hidden={list(hidden)}): give at least "
                "one convolution, and sizes ≥ 1"
            )
        if activation not in OF_NAME:
            raise unknown_name("activation", activation, OF_NAME)
        self.image_size = (height, width)
        layers: list[nn.Module] = []
        for before, after in pairwise((1, *channels)):
            layers += [nn.Conv2d(before, after, KERNEL, padding=KERNEL // 2), OF_NAME[activation](), nn.MaxPool2d(POOL)]
            height, width = height // POOL, width // POOL
        if min(height, width) < 1:
            raise ValueError(
                f"ConvNetwork(image_size={self.image_size}, channels={list(channels)}): {len(channels)} halvings leave no "
                "pixel; give fewer channels"
            )
        layers.append(nn.Flatten())
        sizes = (channels[-1] * height * width, *hidden)
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), OF_NAME[activation]()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], num_outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Outputs of images, which may also come flat: (B, 1, h, w) or (B, h·w) -> (B, K)."""
        outputs: Tensor = self.layers(images.reshape(-1, 1, *self.image_size))
        return outputs
