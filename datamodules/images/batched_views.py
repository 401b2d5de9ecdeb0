"""Augmented views of a whole batch in one interpolation, each image with parameters of its own.

A pixel v of the view is looked up in the image at

    x = S A⁻¹ (v − t) + m

in coordinates from −1 to 1 over the image: the affine map A = R(angle) Shear(shear) and the shift t are undone, then the
crop of size S and centre m is entered. One bilinear lookup replaces the two interpolations of torchvision's
`resized_crop` and `affine`, and the 8-bit rounding between them. What lies outside of the crop counts as 0.
"""

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
    _, _, height, width = images.shape
    maps = lookup_maps(parameters, height, width).to(images)
    pixels = _pixels(height, width).to(images)
    kept_rows, kept_columns = (sides.to(images) for sides in box_sides(parameters.crop, height, width))
    view = torch.empty_like(images)
    size = CACHE_IMAGES if images.device.type == "cpu" else max(1, len(images))
    for rows in (slice(start, start + size) for start in range(0, len(images), size)):
        grid = (maps[rows] @ pixels).view(-1, height, width, 2)
        cropped = images[rows] * kept_rows[rows] * kept_columns[rows]
        view[rows] = grid_sample(cropped, grid, mode="bilinear", align_corners=False)
    chosen = parameters.erase[:, 2].nonzero()[:, 0]
    erased_rows, erased_columns = (sides.to(images.device) for sides in box_sides(parameters.erase[chosen], height, width))
    chosen = chosen.to(images.device)
    view[chosen] = view[chosen].masked_fill(erased_rows & erased_columns, 0)
    return view


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
    rows, columns = torch.arange(height), torch.arange(width)
    inside_rows, inside_columns = (rows >= top) & (rows < top + h), (columns >= left) & (columns < left + w)
    return inside_rows[:, None, :, None], inside_columns[:, None, None, :]


def _pixels(height: int, width: int) -> Tensor:
    """Homogeneous coordinates of all pixels, arranged to take (a b c; d e f) row by row to x and y: (6, 2 h w)."""
    y, x = torch.meshgrid(_centres(height), _centres(width), indexing="ij")
    homogeneous = torch.stack([x.flatten(), y.flatten(), torch.ones(height * width)])
    pixels = torch.zeros(2, 3, height * width, 2)
    pixels[0, :, :, 0] = pixels[1, :, :, 1] = homogeneous
    return pixels.view(6, -1)


def _centres(size: int) -> Tensor:
    return (2 * torch.arange(size) + 1) / size - 1
