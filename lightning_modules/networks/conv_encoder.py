"""A small convolutional encoder of grey images."""

from torch import Tensor, nn

GROUPS = 8


class ConvEncoder(nn.Module):
    """Images (B, 1, h, w) -> features (B, F): three 3 × 3 convolutions of stride 2, then one linear layer.

        (1, h, w) → (c, h/2, w/2) → (2c, h/4, w/4) → (4c, h/8, w/8) → F          sizes rounded up

    The stride of the very first layer saves most of the work. The last map is flattened and not averaged: where a stroke
    lies tells digits apart. Each convolution is followed by group normalisation and ReLU. Batch normalisation would make a
    row's features depend on the rows beside it, and so on the number of processes; groups are normalised within a row.

    Args:
        image_size: (h, w) in pixels.
        features: F.
        channels: c of the first convolution, a multiple of 8, the number of groups.

    Raises:
        ValueError: a size that is not positive, channels that do not make 8 groups.
    """

    def __init__(self, image_size: tuple[int, int], features: int = 128, channels: int = 32) -> None:
        super().__init__()
        if image_size is None:  # what a data module of tables hands over
            raise ValueError("image_size is None: an encoder takes images, and these data are none; choose data of images")
        height, width = image_size
        if min(height, width, features, channels) < 1:
            raise ValueError(
                f"ConvEncoder(image_size={image_size}, features={features}, channels={channels}): every size must be ≥ 1; "
                "on the command line the data module tells the image size by its property image_size"
            )
        if channels % GROUPS:
            raise ValueError(
                f"ConvEncoder(channels={channels}): give a multiple of {GROUPS}, the number of groups to normalise"
            )
        self.image_size = (height, width)
        layers: list[nn.Module] = []
        before = 1
        for after in (channels, 2 * channels, 4 * channels):
            convolution = nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1)
            layers += [convolution, nn.GroupNorm(GROUPS, after), nn.ReLU()]
            before, height, width = after, (height + 1) // 2, (width + 1) // 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * height * width, features))

    def forward(self, images: Tensor) -> Tensor:
        """Features of images, which may also come flat: (B, 1, h, w) or (B, h·w) -> (B, F)."""
        self.check(images)
        features: Tensor = self.layers(images.reshape(-1, 1, *self.image_size))
        return features

    def check(self, images: Tensor) -> None:
        """Refuse images of another size.

        Raises:
            ValueError: neither (B, 1, h, w) nor (B, h·w).
        """
        height, width = self.image_size
        if images.shape[1:] not in ((1, height, width), (height * width,)):
            raise ValueError(
                f"the images have shape {tuple(images.shape[1:])}, the encoder takes (1, {height}, {width}) or flat "
                f"({height * width},): set image_size to that of the data"
            )
