"""How often the host waits for a device while SimCLR learns from two views, and while it is judged between the epochs."""

import copy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightly.loss import NTXentLoss
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks import NearestNeighbors, TestMetrics, TrainMetrics
from datamodules import MNISTTwoViewDataModule
from lightning_modules import MLP, SimCLR
from lightning_modules.linear.linear_probe import Labelled, LinearProbe
from lightning_modules.training import measurement
from tests.callbacks.memory_logger import MemoryLogger
from tests.idx_files import write_mnist
from tests.simulated_device import DEVICE, Counts, counting, on_the_device
from tests.training import METHODS, make_trainer

EPOCHS, IMAGES, BATCH = 2, 300, 60
STEPS = 200 // BATCH + 1
# Metrics of training, validation and test: torch's `bincount` looks at the labels, and all numbers are read together.
# Neighbours: a number twice.
MOST_BETWEEN_EPOCHS = 3 * 2 + 2


class Waits(Callback):
    """Counts from the end of a step to the end of the next, the making of its batch included, and what is between epochs."""

    def __init__(self) -> None:
        self.steps: list[Counts] = []
        self.between: list[Counts] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.steps.append(self._end())
        self._begin()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.between.append(self._end())

    def _begin(self) -> None:
        self._block = counting()
        self._counts = self._block.__enter__()

    def _end(self) -> Counts:
        self._block.__exit__(None, None, None)
        return self._counts


class CountedProbe(SimCLR):
    """Counts the waits of the probe, which is an optimisation of its own."""

    in_probe: tuple[int, ...] = ()

    def fit_probe(self, train: Labelled, val: Labelled) -> LinearProbe:
        with counting() as counts:
            probe = super().fit_probe(train, val)
        self.in_probe += (len(counts.waits),)
        return probe


def make(kind: type[SimCLR] = SimCLR) -> SimCLR:
    torch.manual_seed(0)
    return kind((28, 28), 10, features=8, channels=8, optimizer=partial(torch.optim.SGD, lr=0.1))


def fit(folder: Path, batch_size: int = BATCH, **options: Any) -> tuple[Waits, MemoryLogger, SimCLR]:
    """A fit to 200 images, judged after every epoch on 100 of validation and 60 of the test."""
    if not (folder / "MNIST").exists():
        write_mnist(folder, IMAGES)
    data = MNISTTwoViewDataModule(str(folder), batch_size=batch_size, val_fraction=1 / 3)
    waits, logger, model = Waits(), MemoryLogger(), make(CountedProbe)
    judges = (TrainMetrics(), TestMetrics(), NearestNeighbors())
    defaults = {"log_every_n_steps": len(data.train_dataloader()), "limit_val_batches": 1.0, "precision": "32-true"}
    make_trainer(EPOCHS, *judges, waits, logger=logger, **(defaults | options)).fit(model, data)
    return waits, logger, model


def between_epochs(waits: Waits, model: SimCLR) -> list[int]:
    """Waits without those of the probe, of which there is one an epoch."""
    assert isinstance(model, CountedProbe) and len(model.in_probe) == EPOCHS == len(waits.between)
    return [len(counts.waits) - probe for counts, probe in zip(waits.between, model.in_probe, strict=True)]


def test_a_step_waits_for_the_loss_of_the_library_alone(tmp_path: Path) -> None:
    waits, _, _ = fit(tmp_path, **on_the_device())
    projections = [torch.rand(BATCH, 4).to(DEVICE).requires_grad_() for _ in range(2)]
    with counting() as loss:
        NTXentLoss(0.2)(*projections).backward()
    assert len(waits.steps) == EPOCHS * STEPS
    for number, step in enumerate(waits.steps):
        assert step.copies == []
        if (number + 1) % STEPS:  # at the last one of an epoch the loss is looked at
            assert len(step.waits) == len(loss.waits) == 4


@pytest.mark.parametrize("method", ["adam", "gradient_descent", "diagonal_newton"])
def test_a_network_on_two_views_waits_for_nothing(tmp_path: Path, method: str) -> None:
    write_mnist(tmp_path, IMAGES)
    data, waits = MNISTTwoViewDataModule(str(tmp_path), batch_size=BATCH, val_fraction=1 / 3), Waits()
    trainer = make_trainer(EPOCHS, waits, log_every_n_steps=STEPS, **on_the_device())
    trainer.fit(MLP((784, 8, 10), optimizer=METHODS[method]), data)
    # The first steps find out what stays the same; at the last one of an epoch the loss is looked at.
    later = [step for number, step in enumerate(waits.steps, 1) if number > 2 and number % STEPS]
    assert len(later) == 4 and all(step.waits == step.copies == [] for step in later)


def test_between_epochs_waits_are_few_and_do_not_grow_with_the_batches(tmp_path: Path) -> None:
    for batch_size in (BATCH, BATCH // 3):
        waits, _, model = fit(tmp_path, batch_size, **on_the_device())
        assert all(count <= MOST_BETWEEN_EPOCHS for count in between_epochs(waits, model))
        assert all(counts.copies == [] for counts in waits.between)


def test_batch_by_batch_torchmetrics_waits_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(measurement, "MOST_WAITING_BYTES", 0)
    monkeypatch.setattr(measurement, "_leave_unchecked", lambda metric: None)
    waits, _, model = fit(tmp_path, **on_the_device())
    assert all(count > 1.5 * MOST_BETWEEN_EPOCHS for count in between_epochs(waits, model))


def test_the_judgements_of_a_device_are_those_of_the_cpu(tmp_path: Path) -> None:
    (_, here, _), (_, there, _) = fit(tmp_path), fit(tmp_path, **on_the_device())
    assert here.values.keys() == there.values.keys() >= {"train/auroc", "test/f1", "val/knn_accuracy"}
    for name, values in here.values.items():
        assert values == pytest.approx(there.values[name], rel=1e-6), name


def test_without_plain_images_the_judgements_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit: the images that views were made of, in the same order."""
    _, plain, _ = fit(tmp_path)
    monkeypatch.delattr(MNISTTwoViewDataModule, "plain_dataloader")
    _, beside_views, _ = fit(tmp_path)
    assert plain.values == beside_views.values


@pytest.mark.parametrize("write", ["attach", "fill", "load", "copy", "train"])
def test_the_host_knows_whether_there_is_a_probe(write: str) -> None:
    """Whoever changes the flag, also in the tensor itself."""
    model = make().to(DEVICE)
    with_probe = make()
    with_probe.probe_fits.fill_(1)
    assert not model.has_probe()
    if write == "attach":
        model.attach_probe(LinearProbe(torch.ones(10, 8), torch.ones(10), 1.0, True, 0.0, {}))
    elif write == "fill":
        model.probe_fits.fill_(1)
    elif write == "load":
        model.load_state_dict(with_probe.state_dict())
    elif write == "copy":
        model.probe_fits.fill_(1)
        model = copy.deepcopy(model.cpu())
    else:
        model.probe_fits.fill_(1)
        assert model.has_probe()
        model.on_train_batch_end(None, None, 0)
        assert not model.has_probe() and not model.probe_fits
        return
    assert model.has_probe()
    with counting() as counts:
        assert model.has_probe()
    assert counts.waits == []


def test_in_inference_mode_the_flag_is_read() -> None:
    with torch.inference_mode():
        model = make()
        assert not model.has_probe()
        model.attach_probe(LinearProbe(torch.ones(10, 8), torch.ones(10), 1.0, True, 0.0, {}))
        assert model.has_probe()
        model.probe_fits.zero_()
        assert not model.has_probe()
