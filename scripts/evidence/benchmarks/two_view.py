"""Two augmented views of MNIST: batched, against lightly's multi-view transform with torchvision's pipeline, per sample."""

import time
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, RandomSampler

from datamodules import MNISTTwoView
from datamodules.images.batched_views import batched_views
from datamodules.images.view_parameters import ViewDistribution
from evidence.benchmarks.row import BenchmarkRow

ROUNDS = 5
BATCH_SIZES = (256, 512, 2048)
WORKERS = (0, 2)
PEER_SAMPLES = 6000
NUM_ROWS = len(BATCH_SIZES)


def count_views_per_second(data_dir: str) -> Iterator[BenchmarkRow]:
    """Samples per second, a sample being one image with both views, for several batch sizes of ours.

    The peer runs at its best number of workers, after its workers have started, with the same parameters' distributions.
    """
    dataset = MNISTTwoView(data_dir)
    images = dataset.images.data
    best = max(WORKERS, key=lambda workers: per_sample(dataset, workers))
    for batch_size in BATCH_SIZES:
        batched(images, batch_size)  # the first run pays for starting threads
        pairs = [(batched(images, batch_size), per_sample(dataset, best)) for _ in range(ROUNDS)]
        ours, theirs = zip(*pairs, strict=True)
        yield BenchmarkRow(
            f"two views, batches of {batch_size}", "samples/s", f"lightly + torchvision, {best} workers", ours, theirs, True
        )


def batched(images: torch.Tensor, batch_size: int) -> float:
    """Samples per second of gathering, converting and augmenting all images (n, h, w) once, in random order."""
    generator, views = torch.Generator().manual_seed(0), ViewDistribution()
    size = (images.shape[1], images.shape[2])
    start = time.perf_counter()
    for rows in torch.randperm(len(images), generator=generator).split(batch_size):
        batch = images[rows][:, None].to(torch.float32).mul_(1 / 255)
        batched_views(batch, views.sample(len(rows), size, generator, 2), 2)
    return len(images) / (time.perf_counter() - start)


def per_sample(dataset: MNISTTwoView, workers: int) -> float:
    """Samples per second of the loader, counted from its second batch on."""
    sampler = RandomSampler(dataset, num_samples=PEER_SAMPLES)
    batches = iter(DataLoader(dataset, batch_size=256, sampler=sampler, num_workers=workers))
    next(batches)
    start = time.perf_counter()
    count = sum(len(batch[3]) for batch in batches)
    return count / (time.perf_counter() - start)
