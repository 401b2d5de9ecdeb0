"""The batched augmentation is torchvision's, image by image."""

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import InterpolationMode, RandomAffine, RandomErasing, RandomResizedCrop
from torchvision.transforms import functional as tv

from datamodules.images.batched_views import batched_view
from datamodules.images.view_parameters import ViewDistribution, ViewParameters

SIZE = (28, 28)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth_images(count: int, size: tuple[int, int] = SIZE) -> torch.Tensor:
    """Random images without structure below two pixels, so that interpolating once or twice hardly differs."""
    coarse = torch.rand(count, 1, size[0] // 4, size[1] // 4, generator=generator(1))
    inner = torch.nn.functional.interpolate(coarse, (size[0] - 12, size[1] - 12), mode="bicubic").clamp(0, 1)
    return torch.nn.functional.pad(inner, (6, 6, 6, 6))


def reference(image: torch.Tensor, p: ViewParameters, row: int) -> torch.Tensor:
    """The same view by torchvision's functions on one image."""
    top, left, h, w = p.crop[row].int().tolist()
    view = tv.resized_crop(image, top, left, h, w, list(image.shape[1:]), antialias=False)
    shift = [int(t) for t in p.translate[row]]
    bilinear = InterpolationMode.BILINEAR
    view = tv.affine(view, float(p.angle[row]), shift, 1.0, [float(p.shear[row]), 0.0], interpolation=bilinear)
    top, left, h, w = p.erase[row].int().tolist()
    return tv.erase(view, top, left, h, w, torch.tensor(0.0)) if h else view


@pytest.mark.parametrize("size", [(28, 28), (32, 24)])
def test_views_equal_torchvisions_functions(size: tuple[int, int]) -> None:
    images = smooth_images(80, size)
    parameters = ViewDistribution().sample(80, size, generator())
    views = batched_view(images, parameters)
    expected = torch.stack([reference(image, parameters, row) for row, image in enumerate(images)])
    assert (views - expected).abs().mean() < 0.01
    assert (views - images).abs().mean() > 0.1, "the tolerance is far below what the augmentation does"


@pytest.mark.parametrize(
    "changed",
    [
        {"angle": torch.tensor([90.0])},
        {"translate": torch.tensor([[3.0, -2.0]])},
        {"shear": torch.tensor([45.0])},
        {"crop": torch.tensor([[0.0, 0.0, 14.0, 14.0]])},
        {"erase": torch.tensor([[4.0, 5.0, 6.0, 7.0]])},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_each_parameter_alone(changed: dict[str, torch.Tensor]) -> None:
    """One interpolation on both sides: equal to rounding, but for the crop's border pixels."""
    identity = {
        "crop": torch.tensor([[0.0, 0.0, 28.0, 28.0]]),
        "angle": torch.zeros(1),
        "translate": torch.zeros(1, 2),
        "shear": torch.zeros(1),
        "erase": torch.zeros(1, 4),
    }
    parameters, image = ViewParameters(**(identity | changed)), smooth_images(1)
    inside = (slice(None), slice(2, -2), slice(2, -2))
    torch.testing.assert_close(
        batched_view(image, parameters)[0][inside], reference(image[0], parameters, 0)[inside], atol=2e-5, rtol=0
    )


def test_a_thousand_copies_give_a_thousand_views() -> None:
    image = smooth_images(1).expand(1000, 1, 28, 28)
    views = batched_view(image, ViewDistribution().sample(1000, SIZE, generator()))
    assert len(torch.unique(views.flatten(1), dim=0)) == 1000


def test_two_views_are_independent() -> None:
    random, views = generator(), ViewDistribution()
    first, second = (views.sample(4000, SIZE, random) for _ in range(2))
    for name in ("angle", "shear"):
        correlation = np.corrcoef(getattr(first, name), getattr(second, name))[0, 1]
        assert abs(correlation) < 4 / 4000**0.5
    images = smooth_images(1).expand(4000, 1, 28, 28)
    pixels = [batched_view(images, p)[:, 0, 14, 10] for p in (first, second)]
    assert abs(np.corrcoef(*pixels)[0, 1]) < 4 / 4000**0.5


def drawn_by_torchvision(views: ViewDistribution, count: int) -> dict[str, np.ndarray]:
    torch.manual_seed(7)
    image = torch.zeros(1, *SIZE)
    crops = [RandomResizedCrop.get_params(image, list(views.crop_scale), list(views.crop_ratio)) for _ in range(count)]
    degrees, shear = [-views.degrees, views.degrees], [-views.shear, views.shear]
    shift = [views.translate, views.translate]
    affine = [RandomAffine.get_params(degrees, shift, None, shear, list(SIZE[::-1])) for _ in range(count)]
    erase = [RandomErasing.get_params(image, views.erase_scale, views.erase_ratio, [0.0]) for _ in range(count)]
    columns = dict(zip(("crop_top", "crop_left", "crop_height", "crop_width"), np.array(crops).T, strict=True))
    columns |= dict(
        zip(("erase_top", "erase_left", "erase_height", "erase_width"), np.array([e[:4] for e in erase]).T, strict=True)
    )
    columns["angle"], columns["shear"] = np.array([a[0] for a in affine]), np.array([a[3][0] for a in affine])
    columns["x"], columns["y"] = np.array([a[1] for a in affine]).T
    return columns


def test_parameters_are_distributed_as_torchvisions() -> None:
    count, views = 4000, ViewDistribution(erase_probability=1.0)
    expected, p = drawn_by_torchvision(views, count), views.sample(count, SIZE, generator())
    found = {
        **dict(zip(("crop_top", "crop_left", "crop_height", "crop_width"), p.crop.T.numpy(), strict=True)),
        **dict(zip(("erase_top", "erase_left", "erase_height", "erase_width"), p.erase.T.numpy(), strict=True)),
        "angle": p.angle.numpy(),
        "shear": p.shear.numpy(),
        "x": p.translate[:, 0].numpy(),
        "y": p.translate[:, 1].numpy(),
    }
    for name, values in expected.items():
        assert ks_2samp(values, found[name]).pvalue > 1e-4, name


def test_share_of_erased_views() -> None:
    erased = ViewDistribution(erase_probability=0.25).sample(10_000, SIZE, generator()).erase[:, 2] > 0
    assert erased.double().mean().item() == pytest.approx(0.25, abs=0.02)


def test_shares_of_a_batch_are_slices_of_its_views() -> None:
    images, parameters = smooth_images(10), ViewDistribution().sample(10, SIZE, generator())
    whole = batched_view(images, parameters)
    for rank in range(3):
        rows = slice(rank, None, 3)
        torch.testing.assert_close(batched_view(images[rows], parameters[rows]), whole[rows])


@pytest.mark.parametrize(
    ("option", "value", "cause"),
    [
        ("crop_scale", (0.0, 1.0), "crop_scale"),
        ("crop_scale", (0.9, 0.8), "crop_scale"),
        ("erase_scale", (0.1, 1.5), "erase_scale"),
        ("crop_ratio", (0.0, 1.0), "crop_ratio"),
        ("erase_ratio", (3.0, 0.3), "erase_ratio"),
        ("erase_probability", 1.5, "probability lies in"),
        ("translate", -0.1, "translate=-0.1"),
        ("degrees", 200.0, "rotation lies in"),
        ("shear", 90.0, "shear lies in"),
    ],
)
def test_options_out_of_range(option: str, value: object, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        ViewDistribution(**{option: value})  # type: ignore[arg-type]
