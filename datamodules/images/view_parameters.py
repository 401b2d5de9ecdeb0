"""Random parameters of augmented views, a batch at a time, distributed as torchvision draws them one by one."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

# torchvision gives up on a box that does not fit after this many draws: a crop is then the whole image, an erasure none.
ATTEMPTS = 10


@dataclass(frozen=True)
class ViewParameters:
    """One view of each of B images of h × w pixels.

    Attributes:
        crop: top, left, height, width of the box that is resized to the whole image (B, 4), in pixels.
        angle: clockwise rotation (B,), in degrees.
        translate: shift to the right and down (B, 2), in pixels.
        shear: horizontal shear (B,), in degrees.
        erase: top, left, height, width of the box set to 0 in the end (B, 4), in pixels; height 0 for none.
    """

    crop: Tensor
    angle: Tensor
    translate: Tensor
    shear: Tensor
    erase: Tensor

    def __getitem__(self, rows: slice) -> "ViewParameters":
        """The parameters of some of the images: of a process's share of a batch."""
        return ViewParameters(*(part[rows] for part in (self.crop, self.angle, self.translate, self.shear, self.erase)))


@dataclass(frozen=True)
class ViewDistribution:
    """The ranges that torchvision's `RandomResizedCrop`, `RandomAffine` and `RandomErasing` draw from.

    Attributes:
        crop_scale: smallest and largest area of the crop, relative to the image.
        crop_ratio: smallest and largest width / height of the crop.
        degrees: largest rotation to either side.
        translate: largest shift to either side, relative to the image.
        shear: largest horizontal shear to either side, in degrees.
        erase_probability: share of views with an erased box.
        erase_scale: smallest and largest area of the box, relative to the image.
        erase_ratio: smallest and largest height / width of the box.

    Raises:
        ValueError: a number out of its range.
    """

    crop_scale: tuple[float, float] = (0.8, 1.0)
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    degrees: float = 15.0
    translate: float = 0.1
    shear: float = 10.0
    erase_probability: float = 0.2
    erase_scale: tuple[float, float] = (0.02, 0.2)
    erase_ratio: tuple[float, float] = (0.3, 3.3)

    def __post_init__(self) -> None:
        for name in ("crop_scale", "erase_scale"):
            low, high = getattr(self, name)
            if not 0 < low <= high <= 1:
                raise ValueError(f"{name}={(low, high)}: an area relative to the image needs 0 < smallest ≤ largest ≤ 1")
        for name in ("crop_ratio", "erase_ratio"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name}={(low, high)}: a ratio of sides needs 0 < smallest ≤ largest")
        if not 0 <= self.erase_probability <= 1:
            raise ValueError(f"erase_probability={self.erase_probability}: a probability lies in [0, 1]")
        if not 0 <= self.translate <= 1:
            raise ValueError(f"translate={self.translate}: a shift relative to the image lies in [0, 1]")
        if not 0 <= self.degrees <= 180:
            raise ValueError(f"degrees={self.degrees}: a rotation lies in [0, 180]")
        if not 0 <= self.shear < 90:
            raise ValueError(f"shear={self.shear}: a shear lies in [0, 90) degrees")

    def sample(self, batch: int, size: tuple[int, int], generator: Generator) -> ViewParameters:
        """Parameters of `batch` views of images of `size` (h, w), independent of each other."""
        height, width = size
        crop, fits = _boxes(batch, size, self.crop_scale, self.crop_ratio, generator, strict=False)
        crop = torch.where(fits[:, None], crop, crop.new_tensor([0, 0, height, width]))
        # Rounded to whole pixels, as torchvision does.
        largest = torch.tensor([self.translate * width, self.translate * height])
        translate = (largest * _uniform(-1, 1, (batch, 2), generator)).round()
        erased = torch.rand(batch, generator=generator) < self.erase_probability
        # RandomErasing's ratio is height / width, RandomResizedCrop's width / height.
        inverse = (1 / self.erase_ratio[1], 1 / self.erase_ratio[0])
        erase, fits = _boxes(batch, size, self.erase_scale, inverse, generator, strict=True)
        return ViewParameters(
            crop=crop,
            angle=_uniform(-self.degrees, self.degrees, (batch,), generator),
            translate=translate,
            shear=_uniform(-self.shear, self.shear, (batch,), generator),
            erase=erase * (fits & erased)[:, None],
        )


def _uniform(low: float, high: float, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _boxes(
    batch: int,
    size: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: Generator,
    strict: bool,
) -> tuple[Tensor, Tensor]:
    """Boxes (batch, 4) of uniform area and log-uniform width / height, and which of them fit into the image (batch,).

    A box is the first of ten draws that fits; `strict` ones are smaller than the image on both sides.
    """
    height, width = size
    area = height * width * _uniform(*scale, (batch, ATTEMPTS), generator)
    low, high = torch.tensor(ratio).log().tolist()
    aspect = _uniform(low, high, (batch, ATTEMPTS), generator).exp()
    w, h = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (w < width) & (h < height) if strict else (w > 0) & (w <= width) & (h > 0) & (h <= height)
    first = fits.int().argmax(1, keepdim=True)
    h, w = h.gather(1, first)[:, 0], w.gather(1, first)[:, 0]
    place = torch.rand(batch, 2, generator=generator)
    top, left = (place[:, 0] * (height - h + 1)).floor(), (place[:, 1] * (width - w + 1)).floor()
    return torch.stack([top, left, h, w], 1), fits.any(1)
