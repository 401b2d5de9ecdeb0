"""Two views are made on the device without anybody waiting, from the random numbers that they always had."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from datamodules import MNISTTwoViewDataModule
from datamodules.images import batched_views
from datamodules.images.batched_views import box_sides, lookup_maps
from datamodules.images.view_parameters import ATTEMPTS, ViewDistribution, ViewParameters
from datamodules.serving.batch_sampler import share_of_process
from tests.idx_files import write_mnist
from tests.simulated_device import DEVICE, Counts, counting

CPU = torch.device("cpu")
SIZE = (28, 28)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("mnist")
    write_mnist(root)
    return str(root)


def two_views(images: Tensor) -> tuple[Tensor, ...]:
    parameters = ViewDistribution().sample(len(images), SIZE, torch.Generator().manual_seed(1), views=2)
    return batched_views.batched_views(images, parameters, 2)


def part_by_part(images: Tensor, parameters: ViewParameters) -> Tensor:
    """Each thing that a view needs, made on the CPU and moved by itself."""
    maps, pixels = lookup_maps(parameters, *SIZE).to(images), batched_views._pixels(*SIZE, torch.float32, CPU).to(images)
    rows, columns = (sides.to(images) for sides in box_sides(parameters.crop, *SIZE))
    grid = (maps @ pixels).view(-1, *SIZE, 2)
    view = grid_sample(images * rows * columns, grid, mode="bilinear", align_corners=False)
    chosen = parameters.erase[:, 2].nonzero()[:, 0]
    rows, columns = (sides.to(images.device) for sides in box_sides(parameters.erase[chosen], *SIZE))
    chosen = chosen.to(images.device)
    view[chosen] = view[chosen].masked_fill(rows & columns, 0)
    return view


def moved(folder: str, number: int, **options: Any) -> tuple[Counts, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """What moving a batch to the device costs; the batch there and on the CPU."""
    data = MNISTTwoViewDataModule(folder, batch_size=40, val_fraction=0.2, **options)
    batch = list(data.train_dataloader())[number]
    with counting() as counts:
        there = data.transfer_batch_to_device(batch, DEVICE, 0)
    return counts, there, data.transfer_batch_to_device(batch, CPU, 0)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("augmentation", ["batched", "per_sample"])
@pytest.mark.parametrize("number", [0, 5], ids=["a first batch", "a last one, smaller"])
def test_a_batch_is_made_there_and_nobody_waits(folder: str, augmentation: str, normalize: bool, number: int) -> None:
    counts, there, here = moved(folder, number, augmentation=augmentation, normalize=normalize)
    assert (counts.waits, counts.copies) == ([], [])
    assert len(there) == 4 and all(part.device == DEVICE for part in there)
    assert all(torch.equal(part.cpu(), expected) for part, expected in zip(there, here, strict=True))


def test_images_go_as_bytes_and_views_as_a_few_numbers(folder: str) -> None:
    moved(folder, 0)  # the first brings what all batches share
    counts, *_ = moved(folder, 1)
    images, labels, numbers, erased = 40 * 784, 40 * 8, 2 * 40 * 10 * 4, 2 * 40 * (4 * 4 + 8)
    assert counts.moved_bytes <= images + labels + numbers + erased
    assert counts.kernels <= 50


def test_part_by_part_everything_blocks() -> None:
    """Negative control, and that the views are the same."""
    images = torch.rand(30, 1, *SIZE)
    parameters = ViewDistribution().sample(30, SIZE, torch.Generator().manual_seed(1))
    with counting() as counts:
        there = part_by_part(images.to(DEVICE, non_blocking=True), parameters)
    assert len(counts.copies) == 7
    (view,) = batched_views.batched_views(images, parameters, 1)
    assert torch.equal(there.cpu(), view)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [0, 1, 130, 300])
def test_pieces_that_fit_a_cache_are_the_whole(count: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.rand(count, 1, *SIZE, dtype=dtype)
    pieces = two_views(images)
    monkeypatch.setattr(batched_views, "CACHE_IMAGES", 1000)
    whole = two_views(images)
    assert len(pieces) == len(whole) == 2 and all(view.shape == images.shape for view in pieces)
    for piece, view in zip(pieces, whole, strict=True):
        torch.testing.assert_close(piece, view)


def test_what_inference_mode_left_serves_training() -> None:
    batched_views._pixels.cache_clear()
    with torch.inference_mode():
        two_views(torch.rand(2, 1, *SIZE))
    images = torch.rand(2, 1, *SIZE, requires_grad=True)
    with torch.no_grad():
        assert not any(view.is_inference() for view in two_views(images))


def test_the_draws_of_a_view_are_in_their_order() -> None:
    """One after the other, as torch gives them: a run that is resumed sees the views it would have seen."""
    batch, views = 50, ViewDistribution(erase_probability=0.5)
    found = views.sample(batch, SIZE, torch.Generator().manual_seed(3), views=2)
    random = torch.Generator().manual_seed(3)
    for view in range(2):
        rows = slice(view * batch, (view + 1) * batch)
        for attempts in (ATTEMPTS, ATTEMPTS):
            torch.rand(batch, attempts, generator=random)
        place = torch.rand(batch, 2, generator=random)
        crop = found.crop[rows]
        assert torch.equal(crop[:, :2], (place * (28 - crop[:, 2:] + 1)).floor())
        shift = torch.rand(batch, 2, generator=random)
        assert torch.equal(found.translate[rows], (2.8 * (-1 + 2 * shift)).round())
        erased = torch.rand(batch, generator=random) < 0.5
        for attempts in (ATTEMPTS, ATTEMPTS, 2):
            torch.rand(batch, attempts, generator=random)
        assert not (found.erase[rows][:, 2] > 0)[~erased].any() and (found.erase[rows][:, 2] > 0)[erased].any()
        assert torch.equal(found.angle[rows], -15 + 30 * torch.rand(batch, generator=random))
        assert torch.equal(found.shear[rows], -10 + 20 * torch.rand(batch, generator=random))


def test_views_of_a_process_are_its_share_of_both() -> None:
    parameters = ViewDistribution().sample(11, SIZE, torch.Generator().manual_seed(3), views=2)
    for rank in range(3):
        rows = share_of_process(11, rank, 3)
        own = parameters.of_images(rows, 2)
        assert torch.equal(own.angle, torch.cat([parameters.angle[:11][rows], parameters.angle[11:][rows]]))
        assert torch.equal(own.erase, torch.cat([parameters.erase[:11][rows], parameters.erase[11:][rows]]))
