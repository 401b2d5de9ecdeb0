"""Evaluates models on few rows on several processes: `python evaluation_worker.py PROCESSES FOLDER`.

Lightning starts this file again for the other processes. Each saves what it predicted and what was logged, by case.
"""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

sys.path.insert(0, str(Path(__file__).parents[2]))

from lightning_modules import LinearRegression, LogisticRegression, ObjectiveModule, SoftmaxRegression
from lightning_modules.optimizers import Newton
from tests.row_data import RowData
from tests.training import make_trainer

SIZES = range(1, 34)
KINDS = ("binary", "classes", "targets")
CASES = [(kind, rows, batch_size) for kind in KINDS for rows in SIZES for batch_size in (5, None) if batch_size or rows < 5]


class Outputs(Callback):
    """Keeps what `test_step` returned."""

    def __init__(self) -> None:
        self.batches: list[dict[str, torch.Tensor]] = []

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        self.batches.append(outputs)


def problem(kind: str, rows: int) -> tuple[ObjectiveModule, torch.Tensor, torch.Tensor]:
    """A model with random weights, features (n, 3) and targets."""
    generator = torch.Generator().manual_seed(rows)
    features = torch.randn(rows, 3, generator=generator, dtype=torch.float64)
    model: ObjectiveModule
    if kind == "targets":
        model, targets = (
            LinearRegression(3, 2, optimizer=Newton),
            torch.randn(rows, 2, generator=generator, dtype=torch.float64),
        )
    elif kind == "binary":
        model, targets = LogisticRegression(3, optimizer=Newton), torch.randint(0, 2, (rows,), generator=generator)
    else:
        model, targets = SoftmaxRegression(3, 3, optimizer=Newton), torch.randint(0, 3, (rows,), generator=generator)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model, features, targets


def evaluation(case: tuple[str, int, int | None], **options: Any) -> dict[str, Any]:
    """This process's predictions, targets and losses of rows, and the metrics over all processes."""
    kind, rows, batch_size = case
    model, features, targets = problem(kind, rows)
    outputs = Outputs()
    trainer = make_trainer(1, outputs, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchmetrics warns of what a few rows do not define
        (metrics,) = trainer.test(model, RowData(features, targets, batch_size=batch_size), verbose=False)
    whole = {name: torch.cat([batch[name] for batch in outputs.batches]) for name in ("preds", "target", "value")}
    return {**whole, "metrics": metrics}


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    processes, folder = int(sys.argv[1]), Path(sys.argv[2])
    options = {"devices": processes, "strategy": "ddp"}
    results = [evaluation(case, **options) for case in CASES]
    torch.save(results, folder / f"rank_{os.environ.get('LOCAL_RANK', '0')}.pt")
