"""A device that is steps behind its host: nothing is lost, doubled or saved that should not be."""

import csv
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger

from callbacks import CurvatureDiagnostics, GradientNorms
from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.devices import late
from lightning_modules.optimizers import DiagonalNewton
from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError
from tests.simulated_device import on_the_device
from tests.training import make_trainer

METHODS = {"diagonal_newton": DiagonalNewton, "sgd": partial(torch.optim.SGD, lr=0.1)}


@pytest.fixture(params=["at once", "never by itself"])
def _arrival(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether what was sent has arrived when somebody looks, or is waited for in the end."""
    if request.param == "never by itself":
        monkeypatch.setattr(late._Sent, "has_arrived", lambda self: False)


def logged(folder: Path) -> list[tuple[tuple[str, str], ...]]:
    (file,) = folder.rglob("metrics.csv")
    rows = csv.DictReader(file.read_text().splitlines())
    return sorted(tuple(sorted((name, value) for name, value in row.items() if value)) for row in rows)


def fit(place: dict[str, Any], folder: Path, method: str, *callbacks: Callback, model: Any = MLP) -> None:
    torch.manual_seed(0)
    options: dict[str, Any] = {"logger": CSVLogger(folder), "log_every_n_steps": 1, **place}
    trainer = make_trainer(3, GradientNorms(), CurvatureDiagnostics(), *callbacks, **options)
    trainer.fit(model((4, 5, 3), optimizer=METHODS[method]), IrisDataModule(batch_size=20))


@pytest.mark.usefixtures("_arrival")
@pytest.mark.parametrize("method", METHODS)
def test_every_step_is_logged_once(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "MOST_ON_THEIR_WAY", 5)
    for name, place in (("here", {}), ("there", on_the_device())):
        fit(place, tmp_path / name, method)
    assert logged(tmp_path / "here") == logged(tmp_path / "there")


@pytest.mark.usefixtures("_arrival")
def test_what_a_checkpoint_goes_on_from_has_been_logged(tmp_path: Path) -> None:
    """Else a run that is killed after it, and goes on from it, has a gap."""
    found: list[int] = []

    class Looks(ModelCheckpoint):
        def _save_checkpoint(self, trainer: Any, filepath: str) -> None:
            super()._save_checkpoint(trainer, filepath)
            steps = {int(row["step"]) for row in trainer.logger.experiment.metrics if "train/objective" in row}
            found.append(trainer.global_step - len(steps))

    saves = Looks(tmp_path / "saved", every_n_train_steps=2, save_top_k=-1, save_on_train_epoch_end=False)
    monitored = EarlyStopping("train/objective", patience=10, check_on_train_epoch_end=True)
    fit({**on_the_device(), "enable_checkpointing": True}, tmp_path / "logs", "sgd", saves, monitored)
    assert len(found) > 4 and not any(found)


@pytest.mark.usefixtures("_arrival")
@pytest.mark.parametrize("every", [1, 5])
def test_no_checkpoint_holds_weights_of_nan(every: int, tmp_path: Path) -> None:
    class Broken(MLP):
        def loss_share(self, batch: Any) -> Any:
            share = super().loss_share(batch)
            return share._replace(total=share.total * (torch.nan if self.global_step == 3 else 1.0))

    often = {"every_n_train_steps": 1, "save_top_k": -1, "save_last": True, "save_on_train_epoch_end": False}
    saves = ModelCheckpoint(tmp_path / "saved", **often)  # type: ignore[arg-type]
    place = {**on_the_device(), "enable_checkpointing": True, "log_every_n_steps": every}
    with pytest.raises(NonFiniteLossError, match="nan at step"):
        fit(place, tmp_path / "logs", "sgd", saves, model=Broken)
    files = sorted((tmp_path / "saved").glob("*.ckpt"))
    assert len(files) >= 3
    for file in files:
        state = torch.load(file, weights_only=True)["state_dict"]
        assert all(bool(torch.isfinite(weight).all()) for weight in state.values()), file.name
