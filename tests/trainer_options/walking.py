"""One cell of the table: an option under a method, run, and held against what is expected."""

import warnings
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from datamodules import IrisDataModule
from lightning_modules import SoftmaxRegression, optimizers
from lightning_modules.training.objective_module import OptimizerCallable
from tests.trainer_options.expectations import FIRST_ORDER, NotApplicable, Refused
from tests.trainer_options.global_state import same_process_after
from tests.trainer_options.plain_twin import PlainTwin
from tests.trainer_options.recorder import Recorder
from tests.trainer_options.rows import Row
from tests.training import make_trainer

EPOCHS = 3
SETTINGS: dict[str, dict[str, Any]] = {
    "GradientDescent": {"lr": 0.1},
    "SGD": {"lr": 0.1, "momentum": 0.9},
    "Adam": {"lr": 0.05, "eps": 1e-3},  # 1e-8 is 0 in 16 bits
    "LBFGS": {"max_iter": 3},
}
# What Lightning and torch say to a plain module, too; any other warning is an error.
SAID_BY_LIGHTNING = (
    "The number of training batches .* is smaller than the logging interval",
    "`trainer.fit` stopped: `limit_train_batches=0`",
    "Checkpoint directory .* exists and is not empty",
    "GPU available but not used",
    "You are using the plain ModelCheckpoint callback",
    "You requested to overfit but enabled (train|val) dataloader shuffling",
    "When using the `ThroughputMonitor`, you need to define a `flops_per_batch`",
    "Trying to infer the `batch_size` from an ambiguous collection",
)


@dataclass
class Run:
    """A fit that is over: what a check reads."""

    row: Row
    method: str
    trainer: Trainer
    model: LightningModule
    data: "CountedIris"
    seen: Recorder
    start: Tensor
    folder: Path
    loaders: int  # that the fit asked for

    @property
    def theta(self) -> Tensor:
        return theta_of(self.model)

    @property
    def batches(self) -> int:
        """Training batches of an epoch without limits."""
        return len(self.data.train_dataloader())


class CountedIris(IrisDataModule):
    """Counts how often it was asked for training batches."""

    loaders = 0

    def train_dataloader(self) -> Any:
        self.loaders += 1
        return super().train_dataloader()


def optimizer_of(method: str) -> OptimizerCallable:
    """A method of this project or of torch.optim, with settings under which it moves."""
    kind = getattr(optimizers, method, None) or getattr(torch.optim, method)
    return partial(kind, **SETTINGS.get(method, {}))


def theta_of(model: LightningModule) -> Tensor:
    return parameters_to_vector(model.parameters()).detach().clone()


def batch_size_of(row: Row, method: str) -> int | None:
    """`SubsampledNewton` draws samples of its own and takes no mini-batches."""
    if method == "SubsampledNewton":
        return None
    if row.batch_size == "own":
        return 32 if method in FIRST_ORDER or hasattr(torch.optim, method) else None
    assert not isinstance(row.batch_size, str)
    return row.batch_size


def made(row: Row, method: str) -> LightningModule:
    torch.manual_seed(0)
    if method == "SubsampledNewton":  # for linear models only
        return SoftmaxRegression(4, 3, optimizer=optimizer_of(method))
    return row.model((4, 8, 3), activation="tanh", optimizer=optimizer_of(method))


def fitted(row: Row, method: str, model: LightningModule, folder: Path, start: Tensor) -> Run:
    """Fit a model as the row says; raises what the trainer raises."""
    folder.mkdir(exist_ok=True)
    with same_process_after():
        for message in (*SAID_BY_LIGHTNING, *row.ignored):
            warnings.filterwarnings("ignore", message)
        torch.set_num_threads(1)  # of so few numbers a second thread makes it slower
        torch.manual_seed(1)
        data, seen = CountedIris(batch_size=batch_size_of(row, method)), Recorder()
        asked: dict[str, Any] = {"default_root_dir": folder} | row.options(folder)
        if row.validated:
            asked = {"limit_val_batches": None} | asked
        callbacks = asked.pop("callbacks", [])
        given = [*callbacks, seen] if isinstance(callbacks, list) else [callbacks, seen]
        if asked.get("barebones"):
            asked = {"accelerator": "cpu", "precision": "64-true", "max_epochs": EPOCHS, "enable_progress_bar": False} | asked
            trainer = Trainer(callbacks=given, **asked)
        else:
            trainer = make_trainer(asked.pop("max_epochs", EPOCHS), *given, **asked)
        trainer.fit(model, data)
        run = Run(row, method, trainer, model, data, seen, start, folder, data.loaders)
        if row.after == "test":
            trainer.test(model, data, verbose=False)
        elif row.after == "predict":
            trainer.predict(model, datamodule=data)
        return run


def walk(row: Row, method: str, folder: Path) -> None:
    """Assert what the table says of an option under a method."""
    expected = row.expected[method]
    if isinstance(expected, NotApplicable):
        pytest.skip(expected.why)
    if row.needs and find_spec(row.needs) is None:
        pytest.skip(f"needs {row.needs}")
    model = made(row, method)
    twin = PlainTwin(deepcopy(model))  # type: ignore[arg-type]
    start = theta_of(model)
    if isinstance(expected, Refused):
        with pytest.raises(Exception, match=expected.pattern) as refusal:
            fitted(row, method, model, folder / "run", start)
        assert "\n" not in str(refusal.value).strip(), "one line"
        assert torch.equal(theta_of(model).double(), start.to(model.dtype).double()), "refused after steps were taken"
        written = [path for path in (folder / "run").rglob("*") if path.is_file()]
        assert not written, f"refused, and written all the same: {written}"
        return
    run = fitted(row, method, model, folder / "run", start)
    assert run.theta.isfinite().all()
    if expected.check is not None:
        expected.check(run)
    if expected.like_plain:
        plain = fitted(row, method, twin, folder / "plain", start)
        assert plain.trainer.global_step == run.trainer.global_step
        assert plain.trainer.current_epoch == run.trainer.current_epoch
        assert torch.equal(plain.theta, run.theta), f"largest difference {(plain.theta - run.theta).abs().max():.1e}"
