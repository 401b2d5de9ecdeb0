"""The checkpoint with the best weights on validation."""

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from callbacks.resuming.run_folder import run_folder


class BestCheckpoint(ModelCheckpoint):
    """Writes `checkpoints/best.ckpt` below the run's folder whenever `val/loss` is less than ever before.

    A class of its own, with a state of its own in checkpoints, so that it stands beside any `ModelCheckpoint`.

    It is written at the end of the epoch, so that a run goes on from it with the next epoch, as from `last.ckpt`. Where
    validation comes within an epoch it is written there, since the weights that were the best are gone at the end. Put it
    before `LastCheckpoint`, which keeps what this one knows.
    """

    def __init__(self) -> None:
        super().__init__(filename="best", monitor="val/loss", enable_version_counter=False, save_on_train_epoch_end=False)
        self._is_due = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            self.dirpath = str(run_folder(trainer) / "checkpoints")
        super().setup(trainer, pl_module, stage)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._is_due = trainer.is_last_batch and not trainer.sanity_checking
        if not self._is_due:
            super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._is_due:
            self._is_due = False
            super().on_validation_end(trainer, pl_module)
