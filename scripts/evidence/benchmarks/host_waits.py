"""How often a training step makes the host wait for the device, which leaves the device idle meanwhile."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches
from evidence.benchmarks.glm import quiet_trainer
from evidence.benchmarks.problems import drawn
from lightning_modules import MLP, LogisticRegression, ObjectiveModule
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton

# By what torch says of it.
SYNCHRONISATION = "synchronizing CUDA operation"
METHODS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "GradientDescent": partial(GradientDescent, lr=0.1),
    "Newton": Newton,
    "DiagonalNewton": DiagonalNewton,
    "Adam": partial(torch.optim.Adam, lr=0.01),
}
ROWS, FEATURES, WIDTHS, BATCH = 100_000, 50, (784, 64, 64, 10), 256
EPOCHS, STEPS = 5, 24


def waits_per_step(device: torch.device) -> Iterator[str]:
    """A sentence for each method: on all rows of a logistic regression, on mini-batches of a network. Nothing is logged."""
    problem = drawn(ROWS, FEATURES)
    for name, method in METHODS.items():
        model = LogisticRegression(FEATURES, l2=problem.l2, optimizer=method)
        counts = waits(model, (problem.features, problem.targets), None, EPOCHS, device)
        yield sentence(f"{name} on {ROWS} × {FEATURES}", counts)
    images, labels = torch.randn(STEPS * BATCH, WIDTHS[0]), torch.randint(WIDTHS[-1], (STEPS * BATCH,))
    for name in ("DiagonalNewton", "GradientDescent", "Adam"):
        counts = waits(MLP(WIDTHS, optimizer=METHODS[name]), (images.double(), labels), BATCH, 1, device)
        yield sentence(f"{name} on a network, mini-batches", counts)


def sentence(what: str, counts: list[int]) -> str:
    """Of the later half of the steps: what happens once is not counted."""
    later = counts[len(counts) // 2 :]
    spread = str(later[0]) if len(set(later)) == 1 else f"{min(later)} … {max(later)}"
    return f"{what}: the host waits for the device {spread} times in a step that does not log"


def waits(
    model: ObjectiveModule, rows: tuple[torch.Tensor, ...], batch_size: int | None, epochs: int, device: torch.device
) -> list[int]:
    """Of every step of a fit; on the CPU, which nobody waits for, 0."""
    counter = HostWaits(device)
    accelerator = "gpu" if device.type == "cuda" else "cpu"
    loader = TensorBatches(rows, ShardedBatchSampler(len(rows[0]), batch_size))
    quiet_trainer(1, accelerator, epochs, [counter]).fit(model, loader)
    return counter.counts


class HostWaits(Callback):
    """Counts what torch warns of in `torch.cuda.set_sync_debug_mode`.

    Args:
        device: where the model is.

    Attributes:
        counts: of each step.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.counts: list[int] = []
        self._caught: list[warnings.WarningMessage] = []
        self._step = ExitStack()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        caught = self._step.enter_context(warnings.catch_warnings(record=True))
        assert caught is not None, "it records"
        self._caught = caught
        warnings.simplefilter("always")
        if self.device.type == "cuda":
            torch.cuda.set_sync_debug_mode("warn")
            self._step.callback(torch.cuda.set_sync_debug_mode, "default")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._step.close()
        self.counts.append(sum(SYNCHRONISATION in str(warning.message) for warning in self._caught))
