"""Fits on several processes of which one goes astray: `python replica_worker.py PROCESSES FOLDER`.

Lightning starts this file again for the other processes. Each writes by case what stopped it.
"""

import json
import os
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

sys.path.insert(0, str(Path(__file__).parents[2]))

from callbacks import ReplicaCheck
from callbacks.replica_check import ReplicasDifferError
from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import DiagonalNewton, Newton
from tests.training import METHODS, make_trainer


class Astray(Callback):
    """Changes the last bit of one number on one process in the second epoch."""

    def __init__(self, rank: int, what: str) -> None:
        self.rank, self.what = rank, what

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if trainer.current_epoch != 1 or trainer.global_rank != self.rank:
            return
        optimizer = trainer.optimizers[0]
        parameters = list(pl_module.parameters())
        if self.what == "parameter":
            numbers = parameters[2].data.view(-1)
        elif self.what == "momentum":
            numbers = optimizer.state[parameters[1]]["exp_avg"].view(-1)
        else:
            optimizer.param_groups[0]["lr"] *= 1.5
            return
        numbers[0] = torch.nextafter(numbers[0], torch.tensor(9.0, dtype=numbers.dtype))


# Method, callbacks beside the check; what the check has to find.
CASES: dict[str, tuple[Any, list[Callback]]] = {
    "newton": (Newton, [ReplicaCheck()]),
    "diagonal_newton": (DiagonalNewton, [ReplicaCheck()]),
    "lbfgs": (METHODS["lbfgs"], [ReplicaCheck()]),
    "adam": (METHODS["adam"], [ReplicaCheck()]),
    "parameter": (METHODS["sgd_nesterov"], [Astray(1, "parameter"), ReplicaCheck()]),
    "momentum": (METHODS["adam"], [Astray(1, "momentum"), ReplicaCheck()]),
    "settings": (METHODS["adam"], [Astray(1, "settings"), ReplicaCheck()]),
    "seldom": (METHODS["sgd_nesterov"], [Astray(1, "parameter"), ReplicaCheck(every_n_epochs=4)]),
    "unchecked": (METHODS["sgd_nesterov"], [Astray(1, "parameter")]),
}


def outcome(method: Any, callbacks: list[Callback], **options: Any) -> dict[str, Any]:
    """What stopped a run of four epochs, and after how many."""
    torch.manual_seed(0)
    trainer = make_trainer(4, *callbacks, **options)
    model = MLP((4, 4, 3), "tanh", optimizer=partial(method))
    message = None
    try:
        trainer.fit(model, IrisDataModule(batch_size=29))
    except ReplicasDifferError as error:
        message = str(error)
    return {"message": message, "epochs": trainer.current_epoch}


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    processes, folder = int(sys.argv[1]), Path(sys.argv[2])
    options = {"devices": processes, "strategy": "ddp"}
    outcomes = {case: outcome(method, callbacks, **options) for case, (method, callbacks) in CASES.items()}
    (folder / f"rank_{os.environ.get('LOCAL_RANK', '0')}.json").write_text(json.dumps(outcomes))
    # Else a thread of gloo's may still run when the process ends, which then aborts: seen once, on a busy machine.
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
