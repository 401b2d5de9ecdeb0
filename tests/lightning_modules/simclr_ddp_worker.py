"""Trains SimCLR on several processes and saves what each saw: `python simclr_ddp_worker.py PROCESSES FOLDER`.

Lightning starts this file again for the other processes.
"""

import os
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightly.loss import NTXentLoss
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))

from callbacks import ConfusionMatrix, NearestNeighbors
from lightning_modules.simclr import SimCLR
from lightning_modules.training.objective_module import Batch
from tests.training import Iterates, make_trainer
from tests.two_view_data import TinyTwoViews


class WithoutGather(SimCLR):
    """The negative control: every process contrasts its own images only."""

    def contrast(self, batch: Batch) -> Tensor:
        _, first, second, _ = batch
        projections = self.head(self.encoder(torch.cat([first, second])))
        return len(first) * NTXentLoss(self.temperature)(*projections.chunk(2))


METHODS: dict[str, Any] = {"sgd": partial(torch.optim.SGD, lr=0.1), "adam": partial(torch.optim.Adam, lr=1e-3)}


class Gradients(Callback):
    """Keeps the gradient of every step."""

    def __init__(self) -> None:
        self.flat: list[Tensor] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        self.flat.append(torch.cat([p.grad.flatten() for p in pl_module.parameters() if p.grad is not None]))


class Curvature(Callback):
    """Looks at the curvature of the first batch, and draws of it."""

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == 0:
            theta = torch.cat([p.detach().flatten() for p in pl_module.parameters()])
            curvature = pl_module.objective(batch).at(theta).curvature("ggn")
            v = torch.randn(len(theta), generator=torch.Generator().manual_seed(0), dtype=theta.dtype)
            self.seen = {"product": curvature.product(v), "form": curvature.form(v[None])}
            self.seen["draws"] = curvature.diagonal_estimate(200, seed=0)


def curvature(**options: Any) -> dict[str, Tensor]:
    """Of the first batch: a product, a form, and an estimated diagonal."""
    torch.manual_seed(0)
    data, looks = TinyTwoViews(), Curvature()
    model = SimCLR(data.image_size, data.num_classes, features=16, channels=8, optimizer=METHODS["sgd"])
    make_trainer(1, looks, limit_train_batches=1, **options).fit(model, data)
    return looks.seen


def run(method: str, **options: Any) -> dict[str, Any]:
    """Gradients (steps, p) and weights (epochs, p) of two epochs, and the results of validation and test."""
    torch.manual_seed(0)
    data, gradients, iterates, confusion = TinyTwoViews(), Gradients(), Iterates(), ConfusionMatrix()
    model = (WithoutGather if method == "without_gather" else SimCLR)(
        data.image_size, data.num_classes, features=16, channels=8, optimizer=METHODS.get(method, METHODS["sgd"])
    )
    trainer = make_trainer(2, gradients, iterates, confusion, NearestNeighbors(), limit_val_batches=1.0, **options)
    trainer.fit(model, data)
    validated = {name: float(v) for name, v in trainer.callback_metrics.items()}
    (tested,) = trainer.test(model, data, verbose=False)
    return {
        "gradients": torch.stack(gradients.flat),
        "weights": torch.stack(iterates.thetas),
        "metrics": validated | dict(tested),
        "confusion": confusion.counts,
        "probe": model.probe_weight.clone(),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    processes, folder = int(sys.argv[1]), Path(sys.argv[2])
    results: dict[str, Any] = {name: run(name, devices=processes, strategy="ddp") for name in (*METHODS, "without_gather")}
    results["curvature"] = curvature(devices=processes, strategy="ddp")
    data = TinyTwoViews(batch_size=25)
    uneven = SimCLR(data.image_size, 10, features=16, channels=8, optimizer=METHODS["sgd"])
    try:
        make_trainer(1, devices=processes, strategy="ddp").fit(uneven, data)
    except ValueError as error:
        results["uneven"] = str(error)
    torch.save(results, folder / f"rank_{os.environ.get('LOCAL_RANK', '0')}.pt")
