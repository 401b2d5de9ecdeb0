"""Two augmented views of MNIST: ours, a batch at a time, beside lightly, kornia and torchvision.

All gather the same images, make floats of them, and give two views by a crop, an affine map and an erased box from the same
ranges. They differ in this:

lightly + torchvision    one image at a time in its loader, as its users do it; whole pixels and 8 bits between the two maps
kornia                   a batch at a time, parameters of its own for each image; two interpolations, where ours is one
torchvision v2           a batch at a time, one draw for all images of the batch: less than what training asks for
"""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, RandomSampler
from torchvision.transforms import v2

from datamodules import MNISTTwoView
from datamodules.images.batched_views import batched_views
from datamodules.images.view_parameters import ViewDistribution
from evidence.benchmarks.clocks import Reading, now, since
from evidence.benchmarks.optional_peers import has, missing
from evidence.benchmarks.pairing import Budget, in_turn, row_of
from evidence.benchmarks.row import BenchmarkRow

BUDGET = Budget(most=20, seconds=60)
BATCH_SIZES = (256, 512, 2048)
WORKERS = (0, 2)
# So many images are made views of for one measurement; one at a time takes longer.
IMAGES, PEER_SAMPLES = 20_480, 6000
NUM_ROWS = 3 * len(BATCH_SIZES)

# Two views of images (n, 1, h, w) with pixels in [0, 1].
Views = Callable[[Tensor], Any]


def count_views_per_second(data_dir: str) -> Iterator[BenchmarkRow | str]:
    """Samples per second, a sample being one image with both views.

    lightly runs at its best number of workers, after its workers have started.
    """
    yield from missing("kornia")
    dataset = MNISTTwoView(data_dir)
    images = dataset.images.data[:IMAGES]
    best = max(WORKERS, key=lambda workers: per_sample(dataset, workers).value)
    lightly = f"lightly + torchvision, {best} workers"
    for size in BATCH_SIZES:
        sides = {
            "ours": partial(batched, images, size),
            lightly: partial(per_sample, dataset, best),
            "torchvision v2, one draw a batch": partial(batched, images, size, by_torchvision()),
        }
        if has("kornia"):
            sides["kornia"] = partial(batched, images, size, by_kornia())
        peers = [name for name in sides if name != "ours"]
        for side in sides.values():
            side()  # the first run pays for starting threads
        found = in_turn(sides, [("ours", peer) for peer in peers], BUDGET)
        for peer in peers:
            yield row_of(f"two views, batches of {size}", "samples/s", peer, found["ours"], found[peer], more_is_better=True)


def batched(images: Tensor, batch_size: int, views: Views | None = None) -> Reading:
    """Samples per second of gathering, converting and augmenting all images (n, h, w) in random order; ours by default."""
    generator = torch.Generator().manual_seed(0)
    views = views or ours(generator)
    begin = now()
    for rows in torch.randperm(len(images), generator=generator).split(batch_size):
        views(images[rows][:, None].to(torch.float32).mul_(1 / 255))
    return rate(len(images), since(begin))


def per_sample(dataset: MNISTTwoView, workers: int) -> Reading:
    """Samples per second of the loader, counted from its second batch on; the processor's clock counts the workers as well."""
    sampler = RandomSampler(dataset, num_samples=PEER_SAMPLES)
    begin = now()
    batches = iter(DataLoader(dataset, batch_size=256, sampler=sampler, num_workers=workers))
    started = len(next(batches)[3])
    first = now()
    count = sum(len(batch[3]) for batch in batches)
    wall = since(first).value
    del batches  # ends the workers, whose time is known only then, all of it
    cpu = since(begin).cpu or 0.0
    return Reading(count / wall, (started + count) / cpu if cpu else None)


def rate(count: int, spent: Reading) -> Reading:
    """So many in these seconds."""
    return Reading(count / spent.value, count / spent.cpu if spent.cpu else None)


def ours(generator: torch.Generator) -> Views:
    """With parameters that a generator draws."""
    distribution = ViewDistribution()

    def views(images: Tensor) -> Any:
        size = (images.shape[2], images.shape[3])
        return batched_views(images, distribution.sample(len(images), size, generator, 2), 2)

    return views


def by_torchvision() -> Views:
    """From the same ranges, the same parameters for all images of a batch."""
    d, size = ViewDistribution(), 28
    pipeline = v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=d.crop_scale, ratio=d.crop_ratio, antialias=False),
            v2.RandomAffine(
                d.degrees,
                translate=(d.translate, d.translate),
                shear=d.shear,
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.RandomErasing(d.erase_probability, scale=d.erase_scale, ratio=d.erase_ratio),
        ]
    )
    return lambda images: (pipeline(images), pipeline(images))


def by_kornia() -> Views:
    """From the same ranges, parameters for each image."""
    kornia, d, size = import_module("kornia.augmentation"), ViewDistribution(), 28
    pipeline = kornia.AugmentationSequential(
        kornia.RandomResizedCrop((size, size), scale=d.crop_scale, ratio=d.crop_ratio, p=1.0),
        kornia.RandomAffine(d.degrees, translate=(d.translate, d.translate), shear=d.shear, p=1.0),
        kornia.RandomErasing(d.erase_scale, d.erase_ratio, p=d.erase_probability),
        data_keys=["input"],
    )
    return lambda images: (pipeline(images), pipeline(images))
