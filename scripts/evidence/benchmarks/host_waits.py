"""How often a training step makes the host wait for the device, which leaves the device idle meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import Any

import torch
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer

from datamodules import MNISTTwoViewDataModule
from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches
from evidence.benchmarks.glm import quiet_trainer
from evidence.benchmarks.place import Count, Place
from evidence.benchmarks.problems import drawn, shape
from lightning_modules import MLP, LogisticRegression, ObjectiveModule, SimCLR
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton, SubsampledNewton

ADAM = partial(torch.optim.Adam, lr=0.01)
Methods = dict[str, Callable[..., torch.optim.Optimizer]]
FIRST_ORDER: Methods = {
    "GradientDescent": partial(GradientDescent, lr=0.1),
    "DiagonalNewton": DiagonalNewton,
    "Adam": ADAM,
    "SGD": partial(torch.optim.SGD, lr=0.01),
}
FULL_BATCH: Methods = {"Newton": Newton, "SubsampledNewton": SubsampledNewton, **FIRST_ORDER}
# SubsampledNewton takes all rows. The curvature of a network is not formed.
MINI_BATCHES: Methods = {**FIRST_ORDER, "Newton by conjugate gradients": partial(Newton, solver="cg")}
ROWS, FEATURES, WIDTHS, BATCH = 100_000, 50, (784, 64, 64, 10), 256
EPOCHS, STEPS = 5, 24
NUM_ROWS = len(FULL_BATCH) + len(MINI_BATCHES) + 2


def waits_per_step(place: Place, data_dir: str) -> Iterator[str]:
    """A sentence for each method: on all rows of a logistic regression, on mini-batches of a network; of SimCLR, and of two
    views. Nothing is logged.

    Raises:
        OSError: MNIST is not there.
    """
    problem = drawn(ROWS, FEATURES)
    for name, method in FULL_BATCH.items():
        model = LogisticRegression(FEATURES, l2=problem.l2, optimizer=method)
        counts = waits(model, (problem.features, problem.targets), None, EPOCHS, place)
        yield sentence(f"{name} on {shape(ROWS, FEATURES)}", counts)
    images, labels = torch.randn(STEPS * BATCH, WIDTHS[0]), torch.randint(WIDTHS[-1], (STEPS * BATCH,))
    for name, method in MINI_BATCHES.items():
        counts = waits(MLP(WIDTHS, optimizer=method), (images.double(), labels), BATCH, 1, place)
        yield sentence(f"{name} on a network, mini-batches", counts)
    data = two_view_data(data_dir, BATCH)
    contrastive = SimCLR(data.image_size, data.num_classes, features=32, channels=8, optimizer=ADAM)
    yield sentence("SimCLR by Adam on two views, lightly's loss included", waits_of_fit(contrastive, data, 1, place, STEPS))
    yield sentence("two views of a mini-batch", waits_of_views(data, place), "to make them")


def two_view_data(data_dir: str, batch_size: int) -> MNISTTwoViewDataModule:
    """MNIST as training sees it, normalised; it is not fetched."""
    return MNISTTwoViewDataModule(data_dir, batch_size=batch_size, val_fraction=0, normalize=True, download=False)


def sentence(what: str, counts: list[int], when: str = "in a step that does not log") -> str:
    """Of the later half of the steps: what happens once is not counted."""
    later = counts[len(counts) // 2 :]
    spread = str(later[0]) if len(set(later)) == 1 else f"{min(later)} … {max(later)}"
    return f"{what}: the host waits for the device {spread} times {when}"


def waits(
    model: ObjectiveModule, rows: tuple[torch.Tensor, ...], batch_size: int | None, epochs: int, place: Place
) -> list[int]:
    """Of every step of a fit to these rows; on the CPU, which nobody waits for, 0."""
    return waits_of_fit(model, TensorBatches(rows, ShardedBatchSampler(len(rows[0]), batch_size)), epochs, place)


def waits_of_fit(
    model: ObjectiveModule, data: LightningDataModule | TensorBatches, epochs: int, place: Place, steps: int = -1
) -> list[int]:
    """Of every step, or of so many, but for the last of each epoch, at which everybody looks where an epoch has several."""
    counter = HostWaits(place.counting)
    trainer = quiet_trainer(max_epochs=epochs, callbacks=[counter], max_steps=steps, **place.trainer())
    trainer.fit(model, data)
    return counter.counts if trainer.num_training_batches == 1 else counter.counts[:-1]


def waits_of_views(data: MNISTTwoViewDataModule, place: Place) -> list[int]:
    """Of making the views of each mini-batch, from where the loader gives it."""
    counts = []
    for batch in islice(data.train_dataloader(), STEPS):
        with place.counting() as count:
            data.transfer_batch_to_device(batch, place.device, 0)
        counts.append(count())
    return counts


class HostWaits(Callback):
    """Counts how often the host waits in each step.

    Args:
        counting: counts in a block.

    Attributes:
        counts: of each step.
    """

    def __init__(self, counting: Callable[[], Any]) -> None:
        self._counting = counting
        self.counts: list[int] = []
        self._step = ExitStack()
        self._count: Count = int

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._count = self._step.enter_context(self._counting())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._step.close()
        self.counts.append(self._count())

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._step.close()
