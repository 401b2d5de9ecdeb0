"""What callbacks watch is there again when a run goes on."""

from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks import BestCheckpoint, LastCheckpoint, MonitoredValues
from datamodules import IrisDataModule
from lightning_modules.optimizers import Newton
from tests.training import make_model, make_trainer


class Seen(Callback):
    """What is there to be watched at the start of the first epoch."""

    def __init__(self) -> None:
        self.names: set[str] | None = None

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.names is None:
            self.names = set(trainer.callback_metrics)


def seen_after_resume(folder: Path, *kept: Callback) -> set[str] | None:
    """By a run that goes on from a checkpoint that was written with these callbacks."""
    data, seen = IrisDataModule(), Seen()
    first = make_trainer(2, LastCheckpoint(), *kept, default_root_dir=folder, enable_checkpointing=True, limit_val_batches=1.0)
    first.fit(make_model(data, Newton), data)
    path = folder / "checkpoints" / "last.ckpt"
    make_trainer(3, seen, *kept).fit(make_model(data, Newton), data, ckpt_path=path, weights_only=True)
    return seen.names


def test_they_are_there_again(tmp_path: Path) -> None:
    assert "val/loss" in (seen_after_resume(tmp_path / "with", MonitoredValues()) or ())
    assert not seen_after_resume(tmp_path / "without"), "negative control"


class Ends(BestCheckpoint):
    """Notes after how many whole epochs it writes."""

    def __init__(self) -> None:
        super().__init__()
        self.validated: list[bool] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        before = self.best_model_score
        super().on_train_epoch_end(trainer, pl_module)
        self.validated.append(self.best_model_score is not before)


def test_the_best_is_written_at_ends_of_epochs_and_at_validations_within(tmp_path: Path) -> None:
    for interval, at_ends in ((1.0, True), (0.5, False)):
        data, best = IrisDataModule(batch_size=45), Ends()
        folder = tmp_path / str(interval)
        options = {"enable_checkpointing": True, "limit_val_batches": 1.0, "val_check_interval": interval}
        trainer = make_trainer(1, best, default_root_dir=folder, **options)
        trainer.fit(make_model(data, Newton), data)
        assert (folder / "checkpoints" / "best.ckpt").is_file()
        assert best.state_key.startswith("Ends")
        assert at_ends <= best.validated[0]
