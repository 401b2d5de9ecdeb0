"""Runs of fit.py in processes of their own that can be killed, and what they left.

They are forked from a server that has imported everything, because importing takes longer than the runs.
"""

import math
import multiprocessing
import os
import signal
import sys
import warnings
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, Literal

import fit
import pytest
import torch
from command_line import whole_files
from command_line.one_line_errors import run
from pytorch_lightning import Callback, LightningModule, Trainer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.data import DataLoader, TensorDataset

from callbacks import RandomStates
from datamodules import IrisDataModule

CONTEXT = multiprocessing.get_context("forkserver")
# What must be the same to the byte. The counters of Lightning's loops also count what was begun and lost.
EXACT = ("state_dict", "optimizer_states", "lr_schedulers", "random_states", "stop", "epoch", "global_step")


class Killer(Callback):
    """Sends its own process SIGKILL, which nothing can catch, at a step or just before a checkpoint would be renamed.

    Args:
        step: the number of steps taken before.
        place: where.
    """

    def __init__(self, step: int, place: Literal["batch_start", "batch_end", "validation", "writing"]) -> None:
        self.step, self.place = step, place

    def _at(self, trainer: Trainer, place: str) -> None:
        if trainer.global_step >= self.step and place == self.place:
            kill()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._at(trainer, "batch_start")

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if self.place == "writing" and trainer.global_step >= self.step:
            whole_files.os = DyingSystem()  # type: ignore[assignment, attr-defined]
        self._at(trainer, "batch_end")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._at(trainer, "validation")


class DyingSystem:
    """The `os` of a process that ends between writing a file and giving it its name."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def replace(self, *_: Any) -> None:
        kill()


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class PlainLoaderData(IrisDataModule):
    """Iris by torch's own `DataLoader`, whose order comes from the global generator."""

    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(*self.splits["train"]), self.batch_size, shuffle=True)


def fit_in_process(folder: Path, args: list[str], forget: bool = False) -> int:
    """`python scripts/fit.py ARGS` in a folder; its exit status, −9 if it was killed.

    Args:
        folder: the current folder of the run.
        args: its arguments.
        forget: leave the random states out of the checkpoints.
    """
    start_server()
    process = CONTEXT.Process(target=_fit, args=(folder, args, forget))
    process.start()
    process.join(240)
    assert process.exitcode is not None, "the run hangs"
    return process.exitcode


@cache
def start_server() -> None:
    """Start the server of the processes with this module imported."""
    CONTEXT.set_forkserver_preload(["tests.scripts.command_line.resumed_run"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # until Python 3.13 the server does not take over sys.path
        forkserver.ensure_running()


def _fit(folder: Path, args: list[str], forget: bool) -> None:
    os.chdir(folder)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if forget:
        RandomStates.on_save_checkpoint = Callback.on_save_checkpoint  # type: ignore[method-assign]
    with open("output.txt", "a", encoding="utf-8") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        status = run(fit.main, args)
    os._exit(status)


def left(folder: Path) -> tuple[dict[str, Any], dict[str, list[tuple[int, float]]]]:
    """The last checkpoint's exact part and the logged scalars of the only run in a folder."""
    (path,) = folder.rglob("last.ckpt")
    content = torch.load(path, weights_only=True)
    assert not list(folder.rglob("*.partial"))
    return {key: content[key] for key in EXACT if key in content}, scalars(path.parents[1])


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, value) by tag, as TensorBoard shows them; of the time spent the steps only."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    found = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    return {tag: [(s, 0.0 if tag == "time/train_seconds" else v) for s, v in points] for tag, points in found.items()}


def same(a: Any, b: Any) -> bool:
    """Whether two contents of checkpoints are equal to the byte, nan included."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.numpy().tobytes() == b.numpy().tobytes()
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and math.isnan(a):
        return math.isnan(b)
    return type(a) is type(b) and a == b
