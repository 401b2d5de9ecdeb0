"""Random parameters of augmented views, a batch at a time, distributed as torchvision draws them one by one."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

# torchvision gives up on a box that does not fit after this many draws: a crop is then the whole image, an erasure none.
ATTEMPTS = 10
# Random numbers of a box: area and shape of every attempt, and a place.
BOX = (ATTEMPTS, ATTEMPTS, 2)
# Of a view: crop, shift, whether to erase, erasure, angle and shear.
VIEW = (sum(BOX), 2, 1, sum(BOX), 1, 1)


@dataclass(frozen=True)
class ViewParameters:
    """One view of each of B images of h × w pixels, or several views, one after the other: B is then the number of all.

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

    def __getitem__(self, rows: slice | Tensor) -> "ViewParameters":
        """The parameters of some of the views."""
        return ViewParameters(*(part[rows] for part in (self.crop, self.angle, self.translate, self.shear, self.erase)))

    def of_images(self, rows: slice, views: int) -> "ViewParameters":
        """Those of some of the images, of a process's share of a batch, where the views come one after the other."""
        return self[torch.arange(len(self.angle)).view(views, -1)[:, rows].flatten()]


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

    def sample(self, batch: int, size: tuple[int, int], generator: Generator, views: int = 1) -> ViewParameters:
        """Parameters of views of `batch` images of `size` (h, w), independent of each other.

        Args:
            batch: number of images.
            size: of an image in pixels.
            generator: all draws of a view come before those of the next one.
            views: of each image; the first of all images, then the second of all of them, and so on.
        """
        height, width = size
        drawn = torch.empty(views, sum(VIEW) * batch)
        for view in drawn:
            view.uniform_(generator=generator)
        crops, shifts, whether, erasures, angles, shears = drawn.split([batch * draws for draws in VIEW], 1)
        crop, fits = _boxes(crops, size, self.crop_scale, self.crop_ratio, strict=False)
        crop = torch.where(fits[:, None], crop, crop.new_tensor([0, 0, height, width]))
        # Rounded to whole pixels, as torchvision does.
        largest = torch.tensor([self.translate * width, self.translate * height])
        translate = (largest * _between(-1, 1, shifts.reshape(-1, 2))).round()
        erased = whether.flatten() < self.erase_probability
        # RandomErasing's ratio is height / width, RandomResizedCrop's width / height.
        inverse = (1 / self.erase_ratio[1], 1 / self.erase_ratio[0])
        erase, fits = _boxes(erasures, size, self.erase_scale, inverse, strict=True)
        return ViewParameters(
            crop=crop,
            angle=_between(-self.degrees, self.degrees, angles.flatten()),
            translate=translate,
            shear=_between(-self.shear, self.shear, shears.flatten()),
            erase=erase * (fits & erased)[:, None],
        )


def _between(low: float, high: float, uniform: Tensor) -> Tensor:
    return low + (high - low) * uniform


def _boxes(
    uniform: Tensor,
    size: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    strict: bool,
) -> tuple[Tensor, Tensor]:
    """Boxes (B, 4) of uniform area and log-uniform width / height, and which of them fit into the image (B,).

    A box is the first of ten draws that fits; `strict` ones are smaller than the image on both sides.

    Args:
        uniform: a line of numbers in [0, 1) for each view: areas and shapes of every image's attempts, then the places.
        size: of an image.
        scale, ratio: what areas and shapes lie between.
        strict: see above.
    """
    height, width = size
    images = uniform.shape[1] // sum(BOX)
    areas, aspects, places = uniform.split([images * draws for draws in BOX], 1)
    area = height * width * _between(*scale, areas.reshape(-1, ATTEMPTS))
    low, high = torch.tensor(ratio).log().tolist()
    aspect = _between(low, high, aspects.reshape(-1, ATTEMPTS)).exp()
    w, h = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (w < width) & (h < height) if strict else (w > 0) & (w <= width) & (h > 0) & (h <= height)
    first = fits.int().argmax(1, keepdim=True)
    h, w = h.gather(1, first)[:, 0], w.gather(1, first)[:, 0]
    place = places.reshape(-1, 2)
    top, left = (place[:, 0] * (height - h + 1)).floor(), (place[:, 1] * (width - w + 1)).floor()
    return torch.stack([top, left, h, w], 1), fits.any(1)
