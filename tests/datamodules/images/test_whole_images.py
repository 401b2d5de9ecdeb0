"""A full batch of images is converted to pixels once, and what is kept is never taken for another batch."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from torch import Tensor

from callbacks import TestMetrics, TrainMetrics
from datamodules import DigitsDataModule, MNISTDataModule
from lightning_modules import SoftmaxRegression
from lightning_modules.optimizers import GradientDescent
from tests.callbacks.memory_logger import MemoryLogger
from tests.idx_files import write_mnist
from tests.training import make_trainer


class Conversions(Callback):
    """Counts conversions to pixels, and keeps what reaches the model."""

    def __init__(self, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.converted: list[int] = []
        self.fed: list[Tensor] = []
        self.validated: list[Tensor] = []
        convert = data.to_pixels

        def counted(images: Tensor, dtype: torch.dtype) -> Tensor:
            self.converted.append(len(images))
            return convert(images, dtype)

        monkeypatch.setattr(data, "to_pixels", counted)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.fed.append(batch[0])

    def on_validation_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self.validated.append(batch[0])


def descent(data: Any) -> SoftmaxRegression:
    return SoftmaxRegression(data.num_features, data.num_classes, optimizer=partial(GradientDescent, lr=0.01))


@pytest.fixture(params=["digits", "mnist"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "mnist":
        write_mnist(tmp_path, train=120)
        return partial(MNISTDataModule, str(tmp_path))
    return DigitsDataModule


@pytest.mark.parametrize("normalize", [False, True])
def test_a_full_batch_is_converted_once(make: Any, normalize: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make(normalize=normalize)
    seen = Conversions(data, monkeypatch)
    make_trainer(4, seen, limit_val_batches=1.0).fit(descent(data), data)
    train, val = (data.splits[name][0] for name in ("train", "val"))
    assert seen.converted == [len(train), len(val)]
    assert len({pixels.data_ptr() for pixels in seen.fed}) == 1 and len(seen.fed) == 4
    expected = make(normalize=normalize).to_pixels(train, torch.float64)
    assert all(torch.equal(pixels, expected) for pixels in seen.fed)
    assert all(torch.equal(pixels, data.to_pixels(val, torch.float64)) for pixels in seen.validated)


def test_mini_batches_are_converted_every_time(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    data = make(batch_size=50)
    seen = Conversions(data, monkeypatch)
    make_trainer(2, seen).fit(descent(data), data)
    rows = len(data.splits["train"][0])
    assert sum(seen.converted) == 2 * rows and len(seen.converted) == len(seen.fed) == 2 * -(-rows // 50)
    assert not data._kept._kept, "and none of them is held"


def test_looking_at_the_test_set_meanwhile_converts_nothing_anew(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make()
    seen = Conversions(data, monkeypatch)
    make_trainer(3, seen, TestMetrics(), TrainMetrics(), logger=MemoryLogger(), limit_val_batches=1.0).fit(descent(data), data)
    assert seen.converted.count(len(data.splits["train"][0])) == 1
    assert len(seen.converted) == 3, "each part once"
    assert len({pixels.data_ptr() for pixels in seen.fed}) == 1


def test_another_precision_is_converted_anew(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make()
    seen = Conversions(data, monkeypatch)
    for precision in ("64-true", "32-true", "32-true"):
        make_trainer(2, seen, precision=precision).fit(descent(data), data)
    assert seen.converted == [len(data.splits["train"][0])] * 2
    assert [pixels.dtype for pixels in seen.fed] == [torch.float64] * 2 + [torch.float32] * 4
    for pixels in seen.fed:
        assert torch.equal(pixels, data.to_pixels(data.splits["train"][0], pixels.dtype))


def test_the_test_images_are_not_taken_for_the_kept_ones(make: Any) -> None:
    """Nor the other way round: fit, test, fit."""
    data = make()
    model, fed = descent(data), []
    for _ in range(2):
        make_trainer(2).fit(model, data)
        trainer = make_trainer(1)
        trainer.test(model, data, verbose=False)
        fed.append(torch.cat(trainer.predict(model, data)))
    pixels = data.to_pixels(data.splits["test"][0], torch.float64)
    assert torch.allclose(fed[-1], torch.softmax(model(pixels), 1))
    assert len(fed[0]) == len(data.splits["test"][0])


def test_the_verdict_at_the_end_is_on_the_same_pixels(make: Any) -> None:
    data = make()
    model = descent(data)
    make_trainer(2).fit(model, data)
    verdict = model.convergence()
    theta = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    images, labels = data.splits["train"]
    objective = model.objective((data.to_pixels(images, torch.float64), labels))
    assert verdict.gradient_max == pytest.approx(float(objective.at(theta).gradient.abs().max()), rel=1e-9)


def test_other_images_are_converted_anew(make: Any) -> None:
    data = make()
    data.trainer = type("Training", (), {"training": True, "lightning_module": descent(data).double()})()
    images, labels = (part[:40] for part in data.splits["train"])
    views = (images, images[:20], images[20:], images)
    for each in (*views, images.flip(0), images.clone(), data.splits["test"][0]):
        served = [data.transfer_batch_to_device((each, labels), torch.device("cpu"), 0)[0] for _ in range(2)]
        assert torch.equal(served[0], data.to_pixels(each, torch.float64))
        is_view = any(each is view for view in (*views, data.splits["test"][0]))
        assert (served[0] is served[1]) == is_view, "only rows as they are, not copies of some"
    images += 1
    changed, _ = data.transfer_batch_to_device((images, labels), torch.device("cpu"), 0)
    assert torch.equal(changed, data.to_pixels(images, torch.float64)), "nor are rows that were changed in place"
