"""What the Trainer, data modules and callbacks add to the arithmetic of a step, and imports to the first one."""

import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningDataModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from callbacks import (
    CurvatureDiagnostics,
    CurvatureQuantiles,
    GradientNorms,
    LastCheckpoint,
    LearningRate,
    RandomStates,
    StopDecision,
    TrainingTime,
    UpdateRatios,
)
from datamodules import BreastCancerDataModule, MNISTDataModule
from evidence.benchmarks.row import BenchmarkRow, in_turn, seconds
from lightning_modules import MLP, LogisticRegression, ObjectiveModule
from lightning_modules.networks import DenseNetwork

SCRIPTS = Path(__file__).parents[2]
ROUNDS, NUM_ROWS = 5, 6
# A step is the difference between a long run and a short one, so that what happens once is not counted.
CANCER_STEPS, MNIST_EPOCHS = (100, 600), (1, 3)
BATCH, WIDTHS, LR = 256, (784, 64, 64, 10), 0.1


def time_steps(data_dir: str) -> Iterator[BenchmarkRow]:
    """Microseconds per step of gradient descent, ours by `Trainer.fit` beside a bare loop of torch; seconds to a first step."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    yield from _on_breast_cancer()
    yield from _on_mnist(MNISTDataModule(data_dir, batch_size=BATCH))
    fit = partial(_command, str(SCRIPTS / "fit.py"), "--trainer.max_epochs=1", "--trainer.logger=false")
    imports = partial(_command, "-c", "import torch, pytorch_lightning, torchmetrics")
    peer = "importing torch, Lightning and torchmetrics"
    yield in_turn("a whole run of one step by fit.py", "s", peer, fit, imports, ROUNDS)


def _on_breast_cancer() -> Iterator[BenchmarkRow]:
    data = BreastCancerDataModule()
    data.setup("fit")
    x, y = data.splits["train"]
    network = nn.Linear(data.num_features, 1, dtype=x.dtype)
    model = partial(LogisticRegression, data.num_features, optimizer=partial(torch.optim.SGD, lr=LR))
    loop = partial(_bare, network, lambda: [(x, y)], _logistic_loss)
    for watched, callbacks in (("nothing", ()), ("everything", _default_callbacks())):
        ours = partial(_fit, model, data, callbacks)
        case = f"breast cancer, full batch, {watched} watched"
        yield _step(case, "a loop with autograd", ours, loop, CANCER_STEPS)


def _on_mnist(data: MNISTDataModule) -> Iterator[BenchmarkRow]:
    data.setup("fit")
    images, labels = data.splits["train"]
    pixels = images.flatten(1)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.randperm(len(pixels)).split(BATCH):
            yield pixels[rows].to(torch.float32) / 255, labels[rows]

    model = partial(MLP, WIDTHS, optimizer=partial(torch.optim.SGD, lr=LR))
    loop = partial(_bare, DenseNetwork(WIDTHS, "relu"), batches, cross_entropy)
    plain = partial(_fit, model, data, ())
    per_epoch = len(labels) // BATCH
    yield _step("MNIST, MLP, batches of 256, nothing watched", "a loop with autograd", plain, loop, MNIST_EPOCHS, per_epoch)
    watched = partial(_fit, model, data, _default_callbacks())
    yield _step(
        "MNIST, MLP, batches of 256, everything watched", "a loop with autograd", watched, loop, MNIST_EPOCHS, per_epoch
    )
    # Both log what they log without callbacks.
    norms, without = (partial(_fit, model, data, (callback,)) for callback in (GradientNorms(), Callback()))
    yield _step("MNIST, MLP, gradient norms every 50 steps", "the same without", norms, without, MNIST_EPOCHS, per_epoch)


def _step(
    case: str, peer: str, ours: Callable[[int], None], theirs: Callable[[int], None], epochs: tuple[int, int], steps: int = 1
) -> BenchmarkRow:
    """Microseconds per step of runs that take so many epochs, of so many steps each."""

    def of(run: Callable[[int], None]) -> float:
        short, long = (seconds(partial(run, number)) for number in epochs)
        return 1e6 * (long - short) / (epochs[1] - epochs[0]) / steps

    return in_turn(case, "µs", peer, partial(of, ours), partial(of, theirs), ROUNDS)


def _default_callbacks() -> tuple[Callback, ...]:
    """What `fit.py` has at work while it trains."""
    watching = GradientNorms(), CurvatureDiagnostics(), LearningRate(), UpdateRatios(), CurvatureQuantiles(), TrainingTime()
    return *watching, RandomStates(), StopDecision(), LastCheckpoint()


def _fit(make: Callable[[], ObjectiveModule], data: LightningDataModule, callbacks: tuple[Callback, ...], epochs: int) -> None:
    """So many epochs, logged every 50 steps where there is something to watch, without validation."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="cpu",
            precision="64-true" if isinstance(data, BreastCancerDataModule) else "32-true",
            max_epochs=epochs,
            logger=TensorBoardLogger(folder) if callbacks else False,
            log_every_n_steps=50,
            callbacks=list(callbacks),
            enable_checkpointing=bool(callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
            default_root_dir=folder,
        )
        trainer.fit(make(), data)


def _bare(network: nn.Module, batches: Callable[[], Any], loss: Callable[[Tensor, Tensor], Tensor], epochs: int) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=LR)
    for _ in range(epochs):
        for x, y in batches():
            optimizer.zero_grad()
            loss(network(x), y).backward()
            optimizer.step()


def _logistic_loss(z: Tensor, y: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(z[:, 0], y.to(z))


def _command(*arguments: str) -> float:
    """Seconds of a Python process."""
    with tempfile.TemporaryDirectory() as folder:
        run = partial(subprocess.run, [sys.executable, *arguments], cwd=folder, capture_output=True, check=True)
        return seconds(run)
