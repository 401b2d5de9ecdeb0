"""Augmented views of a whole batch in one interpolation, each image with parameters of its own.

A pixel v of the view is looked up in the image at

    x = S A⁻¹ (v − t) + m

in coordinates from −1 to 1 over the image: the affine map A = R(angle) Shear(shear) and the shift t are undone, then the
crop of size S and centre m is entered. One bilinear lookup replaces the two interpolations of torchvision's
`resized_crop` and `affine`, and the 8-bit rounding between them. What lies outside of the crop counts as 0.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from datamodules.images.view_parameters import ViewParameters

# Images at a time: grid, image and view stay in a processor's cache. On a GPU the whole batch is one piece.
CACHE_IMAGES = 128


def batched_view(images: Tensor, parameters: ViewParameters) -> Tensor:
    """One view of every image.

    Args:
        images: (B, 1, h, w), real, on any device.
        parameters: of B images.

    Returns:
        Views (B, 1, h, w) of the images' type.
    """
    (view,) = batched_views(images, parameters, 1)
    return view


def batched_views(images: Tensor, parameters: ViewParameters, number: int) -> tuple[Tensor, ...]:
    """Several views of every image.

    The few numbers that make a view are computed on the CPU, where they are the same to the last bit for every device, and
    go to the images' device together, by copies that nobody waits for.

    Args:
        images: (B, 1, h, w), real, on any device.
        parameters: of V·B views on the CPU, the first of all images, then the second of all of them, and so on.
        number: V.

    Returns:
        V times views (B, 1, h, w) of the images' type.
    """
    count, _, height, width = images.shape
    place, chosen = images.device, parameters.erase[:, 2].nonzero()[:, 0]
    numbers = torch.cat([lookup_maps(parameters, height, width), parameters.crop], 1).to(place, non_blocking=True)
    boxes, chosen = (part.to(place, non_blocking=True) for part in (parameters.erase[chosen], chosen))
    maps, pixels = numbers[:, :6].to(images.dtype), _pixels(height, width, images.dtype, place)
    kept_rows, kept_columns = (sides.to(images.dtype) for sides in box_sides(numbers[:, 6:], height, width))
    views = images.new_empty(len(maps), *images.shape[1:])
    size = CACHE_IMAGES if place.type == "cpu" else max(1, count)
    for start in range(0, count, size):
        part = images[start : start + size]
        for first in range(start, len(views), count):
            rows = slice(first, first + len(part))
            grid = (maps[rows] @ pixels).view(-1, height, width, 2)
            cropped = part * kept_rows[rows] * kept_columns[rows]
            views[rows] = grid_sample(cropped, grid, mode="bilinear", align_corners=False)
    erased_rows, erased_columns = box_sides(boxes, height, width)
    views[chosen] = views[chosen].masked_fill(erased_rows & erased_columns, 0)
    return views.tensor_split(number)


def lookup_maps(parameters: ViewParameters, height: int, width: int) -> Tensor:
    """(S A⁻¹ | m − S A⁻¹ t) row by row, in coordinates from −1 to 1, x before y: (B, 6)."""
    size = torch.tensor([width, height])
    top, left, h, w = parameters.crop.unbind(1)
    scale = torch.stack([w / width, h / height], 1)
    centre = torch.stack([(2 * left + w) / width - 1, (2 * top + h) / height - 1], 1)
    # Angles are angles in pixels: on an image that is not square the relative coordinates stretch them.
    inverse = inverse_affine(parameters.angle, parameters.shear) * (size / size[:, None])
    linear = scale[:, :, None] * inverse
    shift = centre - (linear @ (2 * parameters.translate / size)[:, :, None])[:, :, 0]
    return torch.cat([linear, shift[:, :, None]], 2).view(-1, 6)


def inverse_affine(angle: Tensor, shear: Tensor) -> Tensor:
    """(R(angle) Shear(shear))⁻¹ about the centre, degrees (B,), (B,) -> (B, 2, 2); torchvision's convention.

    R turns clockwise, the y axis pointing down; the shear is horizontal; the determinant is 1.
    """
    sine, cosine, tangent = angle.deg2rad().sin(), angle.deg2rad().cos(), shear.deg2rad().tan()
    rows = [cosine - sine * tangent, cosine * tangent + sine, -sine, cosine]
    return torch.stack(rows, 1).view(-1, 2, 2)


def box_sides(boxes: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Which rows (B, 1, h, 1) and columns (B, 1, 1, w) lie in each box of (top, left, height, width) (B, 4)."""
    top, left, h, w = boxes[:, :, None].unbind(1)
    rows, columns = (torch.arange(side, device=boxes.device) for side in (height, width))
    inside_rows, inside_columns = (rows >= top) & (rows < top + h), (columns >= left) & (columns < left + w)
    return inside_rows[:, None, :, None], inside_columns[:, None, None, :]


@lru_cache(maxsize=8)
def _pixels(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Homogeneous coordinates of all pixels, arranged to take (a b c; d e f) row by row to x and y: (6, 2 h w).

    Made once, and outside of inference mode, whose tensors could not be used elsewhere.
    """
    with torch.inference_mode(False):
        y, x = torch.meshgrid(_centres(height), _centres(width), indexing="ij")
        homogeneous = torch.stack([x.flatten(), y.flatten(), torch.ones(height * width)])
        pixels = torch.zeros(2, 3, height * width, 2)
        pixels[0, :, :, 0] = pixels[1, :, :, 1] = homogeneous
        return pixels.view(6, -1).to(device, dtype, non_blocking=True)


def _centres(size: int) -> Tensor:
    return (2 * torch.arange(size) + 1) / size - 1
