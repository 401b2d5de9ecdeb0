"""The checkpoint that a run resumes from."""

import time
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from callbacks.resuming.run_folder import run_folder

NAME = "last.ckpt"
# Of the run's time.
MOST_TIME = 1 / 20


class LastCheckpoint(Checkpoint):
    """Writes `checkpoints/last.ckpt` below the run's folder at the end of every epoch, and within it every so many steps.

    Epochs can be over much sooner than a file is written. One process then leaves ends of epochs out, never the last, so
    that writing takes a twentieth of the run's time at most: what a kill loses is done again within 20 times a writing's.

    What was logged up to that step is written first, so that a run killed at any moment and resumed from the file has
    logged everything. (Lightning's `ModelCheckpoint` warns against saving between the steps of manual optimization, and
    saves before the loggers have written.)

    Args:
        every_n_steps: steps from one checkpoint to the next within an epoch, and no end of an epoch is left out; null = at
            the end of epochs only.

    Raises:
        ValueError: fewer steps than 1; when the fit starts, a training loader that cannot say where in an epoch it stands.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        if every_n_steps is not None and (not isinstance(every_n_steps, int) or every_n_steps < 1):
            raise ValueError(
                f"LastCheckpoint(every_n_steps={every_n_steps!r}): give a number ≥ 1, or leave it out for ends of epochs"
            )
        self.every_n_steps = every_n_steps
        self._positions: list[Any] = []
        self._next = 0.0  # the time before which nothing is written

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._positions = checkpoint["loops"]["fit_loop"]["state_dict"].get("combined_loader", [])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loader = trainer.train_dataloader
        # Lightning forgets where the loader stood if the learning rate's schedule asked for the number of steps.
        if len(self._positions) == 1 and loader is not None and loader.state_dict() != self._positions[0]:
            loader.load_state_dict(self._positions[0])
        if self.every_n_steps and not (hasattr(loader, "state_dict") and hasattr(loader, "load_state_dict")):
            raise ValueError(
                f"every_n_steps={self.every_n_steps}: {type(loader).__name__} cannot say where in an epoch it stands (it has "
                "no state_dict), so a run resumed there would see other batches; leave it out for ends of epochs"
            )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # After an epoch's last batch validation comes first, and then its end.
        if (
            self.every_n_steps
            and trainer.global_step % self.every_n_steps == 0
            and batch_idx + 1 < trainer.num_training_batches
        ):
            self.save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        start = time.monotonic()
        # Processes write together, and their clocks differ.
        if start >= self._next or self.every_n_steps or trainer.world_size > 1 or is_last_epoch(trainer):
            self.save(trainer)
            end = time.monotonic()
            self._next = end + (end - start) / MOST_TIME

    def save(self, trainer: Trainer) -> None:
        """Write what the loggers hold back, then the checkpoint; every process must call it."""
        for logger in trainer.loggers:
            logger.save()
        trainer.save_checkpoint(self.folder(trainer) / NAME)

    def folder(self, trainer: Trainer) -> Path:
        """Where checkpoints go: beside the logs, or in the trainer's folder if there are none."""
        return run_folder(trainer) / "checkpoints"


def is_last_epoch(trainer: Trainer) -> bool:
    """Whether no epoch follows the one that ends."""
    steps, epochs = trainer.max_steps, trainer.max_epochs
    return trainer.should_stop or trainer.global_step >= steps >= 0 or trainer.current_epoch + 1 == epochs
