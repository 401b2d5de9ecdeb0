"""Fits on several processes, writing down what they send: `python collectives_worker.py PROCESSES FOLDER DEVICE`.

Lightning starts this file again for the other processes. DEVICE is "cpu", or "simulated" with NCCL's rules.
"""

import os
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.nn.utils import parameters_to_vector

sys.path.insert(0, str(Path(__file__).parents[2]))

from callbacks import CoefficientIntervals, ConvergenceStatus, ReplicaCheck, StopDecision, TestMetrics, TrainMetrics
from datamodules import BreastCancerDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.simulated_device.processes import Collectives, SimulatedDDP
from tests.training import make_model, make_trainer

EPOCHS = 4
METHODS: dict[str, Any] = {
    "gradient_descent": partial(GradientDescent, lr=0.1),
    "newton": Newton,
    "newton_cg": partial(Newton, solver="cg"),
    "diagonal_newton": DiagonalNewton,
    "diagonal_newton_fixed": partial(DiagonalNewton, lr=0.1, damping=1e-3),
    "sgd": partial(torch.optim.SGD, lr=0.1),
    "adam": partial(torch.optim.Adam, lr=0.01),
}
BATCH_SIZES = {"full": None, "batches": 100}
CASES = [(model, method, size) for model in ("logistic", "network") for method in METHODS for size in BATCH_SIZES]
# The negative control: a loader that does not say how many rows a batch has.
ASKING = [("logistic", "gradient_descent", "batches"), ("logistic", "sgd", "batches")]


class AskingData(BreastCancerDataModule):
    def batches(self, tensors: Any, sampler: Any) -> Any:
        loader: Any = super().batches(tensors, sampler)
        loader.shares_of_batch = None
        return loader


class Steps(Callback):
    """Collectives by step, and of each epoch beside its steps."""

    def __init__(self, collectives: Collectives) -> None:
        self._collectives = collectives
        self.steps: list[int] = []
        self.epochs: list[int] = []
        self._before = self._epoch = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._epoch = len(self._collectives.numbers)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._before = len(self._collectives.numbers)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.steps.append(len(self._collectives.numbers) - self._before)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._end_epoch(trainer)

    def _end_epoch(self, trainer: Trainer) -> None:
        """Every epoch is as the last, whose end comes before that of the fit."""
        steps = self.steps[-int(trainer.num_training_batches) :]
        self.epochs.append(len(self._collectives.numbers) - self._epoch - sum(steps))


def fitted(
    case: tuple[str, str, str], collectives: Collectives, make: Any = BreastCancerDataModule, **options: Any
) -> dict[str, Any]:
    """What came of a fit, and what it sent."""
    kind, method, size = case
    torch.manual_seed(0)
    data = make(batch_size=BATCH_SIZES[size], seed=3)
    model: Any = (
        make_model(data, METHODS[method])
        if kind == "logistic"
        else MLP((data.num_features, 3, 2), "tanh", l2=0.01, optimizer=METHODS[method])
    )
    steps, status, logger, first = Steps(collectives), ConvergenceStatus(), MemoryLogger(), len(collectives.calls)
    watching = [steps, TestMetrics(), TrainMetrics(), status, CoefficientIntervals(status), ReplicaCheck(), StopDecision()]
    make_trainer(EPOCHS, *watching, logger=logger, limit_val_batches=1.0, **options).fit(model, data)
    return {
        "theta": parameters_to_vector(model.parameters()).detach().cpu(),
        "status": status.status,
        "metrics": {name: list(values.values()) for name, values in logger.values.items() if not name.startswith("time/")},
        "steps": steps.steps,
        "epochs": steps.epochs,
        "calls": collectives.calls[first:],
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    processes, folder, device = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    collectives = Collectives(is_checked=device == "simulated")
    results = {}
    for make, case in [*((BreastCancerDataModule, case) for case in CASES), *((AskingData, case) for case in ASKING)]:
        there = {"accelerator": "auto", "strategy": SimulatedDDP(processes)} if device == "simulated" else {"strategy": "ddp"}
        name = case if make is BreastCancerDataModule else ("asking", *case[1:])
        results[name] = fitted(case, collectives, make, devices=processes, **there)
    torch.save(results, folder / f"rank_{os.environ.get('LOCAL_RANK', '0')}.pt")
