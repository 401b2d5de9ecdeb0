"""What the Trainer, data modules and callbacks add to the arithmetic of a step, and imports to the first one.

A step of gradient descent by ours is measured beside the plain LightningModule that a user would write, whose loader stacks the
rows of a batch one by one, or takes them by one index; and beside two floors: a bare loop of torch, and a module whose step is
empty, which is what Lightning and the loader take by themselves.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
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
from evidence.benchmarks.clocks import Reading, seconds
from evidence.benchmarks.pairing import Budget, Side, compared, in_turn, row_of
from evidence.benchmarks.plain_modules import LOADERS, LR, EmptyStep, Loss, PlainModule
from evidence.benchmarks.row import BenchmarkRow, Role
from evidence.benchmarks.step_clock import StepClock
from lightning_modules import MLP, LogisticRegression
from lightning_modules.networks import DenseNetwork

SCRIPTS = Path(__file__).parents[2]
BUDGET = Budget(most=20, seconds=180)
# Epochs after which the clock is looked at first and last.
CANCER_EPOCHS, MNIST_EPOCHS = (100, 600), (1, 3)
BATCH, WIDTHS = 256, (784, 64, 64, 10)
LOOP, EMPTY = "a loop with autograd", "Lightning with an empty step"
# Beside which each way of watching is measured, and as what.
PEERS: dict[str, Role] = {**dict.fromkeys(LOADERS, "rival"), LOOP: "floor", EMPTY: "floor"}
NOTHING, EVERYTHING = "nothing watched", "everything watched"
NUM_ROWS = 2 * 2 * len(PEERS) + 2


class Task(NamedTuple):
    """What is trained.

    Attributes:
        case: its name.
        ours: makes our module.
        network, loss: the same function for everybody else.
        data: our data module.
        rows: features and targets as the plain module's loader has them.
        batches: makes those of an epoch of the bare loop.
        batch_size: the number of rows where all of them are one batch.
        epochs: after which the clock is looked at first and last.
    """

    case: str
    ours: Callable[[], LightningModule]
    network: Callable[[], nn.Module]
    loss: Loss
    data: Any
    rows: tuple[Tensor, Tensor]
    batches: Callable[[], Any]
    batch_size: int
    epochs: tuple[int, int]

    def clock(self) -> StepClock:
        """Of its steps."""
        steps = -(-len(self.rows[1]) // self.batch_size)
        return StepClock(*(number * steps for number in self.epochs))


def time_steps(data_dir: str) -> Iterator[BenchmarkRow | str]:
    """Microseconds per step of gradient descent, ours by `Trainer.fit` beside the others; seconds to a first step."""
    yield from _beside_peers(breast_cancer())
    mnist = mnist_network(data_dir)
    yield from _beside_peers(mnist)
    # Both log what they log without callbacks.
    norms, without = (partial(_fit, mnist, mnist.ours, mnist.data, (callback,)) for callback in (GradientNorms(), Callback()))
    case = "MNIST, MLP, gradient norms every 50 steps"
    yield compared(case, "µs", "the same without", (norms, without), BUDGET, role="ourselves")
    fit = partial(_command, str(SCRIPTS / "fit.py"), "--trainer.max_epochs=1", "--trainer.logger=false")
    imports = partial(_command, "-c", "import torch, pytorch_lightning, torchmetrics")
    peer = "importing torch, Lightning and torchmetrics"
    yield compared("a whole run of one step by fit.py", "s", peer, (fit, imports), BUDGET, role="floor")


def breast_cancer() -> Task:
    """Logistic regression on all rows at once, in float64."""
    data = BreastCancerDataModule()
    data.setup("fit")
    x, y = data.splits["train"]
    return Task(
        "breast cancer, full batch",
        partial(LogisticRegression, data.num_features, optimizer=partial(torch.optim.SGD, lr=LR)),
        partial(nn.Linear, data.num_features, 1, dtype=x.dtype),
        _logistic_loss,
        data,
        (x, y),
        lambda: [(x, y)],
        len(y),
        CANCER_EPOCHS,
    )


def mnist_network(data_dir: str) -> Task:
    """A network on batches, whose pixels are kept in 8 bits by us and the loop, and as floats by the plain module."""
    data = MNISTDataModule(data_dir, batch_size=BATCH)
    data.setup("fit")
    images, labels = data.splits["train"]
    pixels = images.flatten(1)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.randperm(len(pixels)).split(BATCH):
            yield pixels[rows].to(torch.float32) / 255, labels[rows]

    return Task(
        f"MNIST, MLP, batches of {BATCH}",
        partial(MLP, WIDTHS, optimizer=partial(torch.optim.SGD, lr=LR)),
        partial(DenseNetwork, WIDTHS, "relu"),
        cross_entropy,
        data,
        (pixels.to(torch.float32) / 255, labels),
        batches,
        BATCH,
        MNIST_EPOCHS,
    )


def _beside_peers(task: Task) -> Iterator[BenchmarkRow | str]:
    """All in turn; then what share of our step is Lightning's own loop."""
    sides: dict[str, Side] = {
        NOTHING: partial(_fit, task, task.ours, task.data),
        EVERYTHING: lambda: _fit(task, task.ours, task.data, _default_callbacks()),
        LOOP: partial(_bare, task),
        EMPTY: partial(_fit, task, EmptyStep, task.data),
    }
    for name, loader in LOADERS.items():
        sides[name] = partial(_fit, task, partial(_plain, task), loader(*task.rows, task.batch_size))
    found = in_turn(sides, [(watched, peer) for watched in (NOTHING, EVERYTHING) for peer in PEERS], BUDGET)
    for watched in (NOTHING, EVERYTHING):
        for peer, role in PEERS.items():
            row = row_of(f"{task.case}, {watched}", "µs", peer, found[watched], found[peer], role=role)
            yield row
            if peer == EMPTY and row.is_settled:
                yield f"{row.case}: Lightning's own loop and the loader are {1 / row.ratio:.0%} of a step"


def _default_callbacks() -> tuple[Callback, ...]:
    """What `fit.py` has at work while it trains."""
    watching = GradientNorms(), CurvatureDiagnostics(), LearningRate(), UpdateRatios(), CurvatureQuantiles(), TrainingTime()
    return *watching, RandomStates(), StopDecision(), LastCheckpoint()


def _fit(task: Task, make: Callable[[], LightningModule], data: Any, callbacks: tuple[Callback, ...] = ()) -> Reading:
    """Microseconds of a step by `Trainer.fit`, logged every 50 steps where there is something to watch, without validation."""
    clock = task.clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="cpu",
            precision="64-true" if task.rows[0].dtype == torch.float64 else "32-true",
            max_epochs=task.epochs[1],
            logger=TensorBoardLogger(folder) if callbacks else False,
            log_every_n_steps=50,
            callbacks=[*callbacks, clock],
            enable_checkpointing=bool(callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
            default_root_dir=folder,
        )
        trainer.fit(make(), data)
    return clock.reading


def _plain(task: Task) -> PlainModule:
    return PlainModule(task.network(), task.loss)


def _bare(task: Task) -> Reading:
    clock, network = task.clock(), task.network()
    optimizer = torch.optim.SGD(network.parameters(), lr=LR)
    for _ in range(task.epochs[1]):
        for x, y in task.batches():
            optimizer.zero_grad()
            task.loss(network(x), y).backward()
            optimizer.step()
            clock.tick()
    return clock.reading


def _logistic_loss(z: Tensor, y: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(z[:, 0], y.to(z))


def _command(*arguments: str) -> Reading:
    """Seconds of a Python process."""
    with tempfile.TemporaryDirectory() as folder:
        run = partial(subprocess.run, [sys.executable, *arguments], cwd=folder, capture_output=True, check=True)
        return seconds(run)
