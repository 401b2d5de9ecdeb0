"""Which ends of epochs a checkpoint is written at: by a clock that only training and writing move on."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks import LastCheckpoint
from callbacks.resuming import last_checkpoint
from datamodules import IrisDataModule
from lightning_modules.optimizers import Newton
from tests.training import make_model, make_trainer

SGD = partial(torch.optim.SGD, lr=0.1)


class Clock(Callback):
    """Moves on at the start of every epoch."""

    def __init__(self, epoch_seconds: float) -> None:
        self.now, self.epoch_seconds = 0.0, epoch_seconds

    def monotonic(self) -> float:
        return self.now

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.now += self.epoch_seconds


class Recorded(LastCheckpoint):
    """Takes a second to write, and knows after which epochs it did."""

    def __init__(self, clock: Clock, every_n_steps: int | None = None) -> None:
        super().__init__(every_n_steps)
        self.clock = clock
        self.epochs: list[int] = []

    def save(self, trainer: Trainer) -> None:
        super().save(trainer)
        self.clock.now += 1.0
        self.epochs.append(trainer.current_epoch)


def written(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    epoch_seconds: float,
    epochs: int,
    every_n_steps: int | None = None,
    method: Any = SGD,
    **options: Any,
) -> list[int]:
    clock = Clock(epoch_seconds)
    monkeypatch.setattr(last_checkpoint, "time", clock)
    checkpoints, data = Recorded(clock, every_n_steps), IrisDataModule()
    trainer = make_trainer(epochs, clock, checkpoints, default_root_dir=folder, enable_checkpointing=True, **options)
    trainer.fit(make_model(data, method), data)
    content = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert content["epoch"] == checkpoints.epochs[-1] == trainer.current_epoch - 1, "the last epoch is always written"
    return checkpoints.epochs


def test_long_epochs_are_all_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert written(monkeypatch, tmp_path, 20.0, 4) == [0, 1, 2, 3]


def test_of_short_epochs_so_many_are_left_out_that_writing_takes_a_twentieth(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert written(monkeypatch, tmp_path, 1.0, 50) == [0, 20, 40, 49]


def test_where_steps_are_asked_for_no_end_of_an_epoch_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert written(monkeypatch, tmp_path, 1.0, 5, every_n_steps=2) == [0, 1, 2, 3, 4]


def test_a_run_that_ends_by_steps_or_by_its_method_has_its_last_epoch_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert written(monkeypatch, tmp_path / "steps", 1.0, 50, max_steps=7) == [0, 6]
    by_method = written(monkeypatch, tmp_path / "method", 1.0, 50, method=Newton)
    assert len(by_method) == 2 and by_method[0] == 0 < by_method[-1] < 20


@pytest.mark.parametrize(("processes", "expected"), [(1, []), (2, [0, 1, 2])])
def test_several_processes_write_at_every_end_since_their_clocks_differ(processes: int, expected: list[int]) -> None:
    written = []

    class Noted(LastCheckpoint):
        def save(self, trainer: Trainer) -> None:
            written.append(trainer.current_epoch)

    for epoch in range(3):
        checkpoints = Noted()
        checkpoints._next = float("inf")  # by this clock it is not time yet
        at = {"current_epoch": epoch, "global_step": epoch, "max_steps": -1, "max_epochs": 9, "should_stop": False}
        checkpoints.on_train_epoch_end(SimpleNamespace(world_size=processes, **at), None)  # type: ignore[arg-type]
    assert written == expected
