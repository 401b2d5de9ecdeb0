"""What is said of a GPU, and of several."""

import pytest
import torch

from datamodules import IrisDataModule
from lightning_modules import SoftmaxRegression
from lightning_modules.optimizers import Newton
from lightning_modules.training import device_notes as notes
from tests.training import make_trainer

GPU = torch.device("cuda", 0)


def with_gpus(monkeypatch: pytest.MonkeyPatch, count: int, capability: tuple[int, int]) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "GPU 3000")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)


@pytest.mark.parametrize(
    "capability, dtype, is_told",
    [
        ((8, 9), torch.float64, True),
        ((12, 0), torch.float64, True),
        ((9, 0), torch.float64, False),
        ((8, 9), torch.float32, False),
    ],
)
def test_slow_float64_is_told_with_the_option(
    capability: tuple[int, int], dtype: torch.dtype, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, 1, capability)
    said = notes.device_notes(GPU, dtype, used=1)
    assert len(said) == is_told
    assert all("GPU 3000" in note and "--trainer.precision=32-true" in note for note in said)


@pytest.mark.parametrize("used, here, is_told", [(1, 4, True), (4, 4, False), (1, 1, False)])
def test_one_gpu_of_several_is_told_with_the_option(
    used: int, here: int, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, here, (9, 0))
    said = notes.device_notes(GPU, torch.float64, used)
    assert len(said) == is_told
    assert all("one of 4 GPUs" in note and "--trainer.devices=4" in note for note in said)


def test_nothing_is_said_of_the_cpu_and_a_fit_says_it_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert notes.device_notes(torch.device("cpu"), torch.float64, 1) == []
    monkeypatch.setattr("lightning_modules.training.method_module.device_notes", lambda *_: ["a note"])
    with caplog.at_level("INFO", logger="lightning_modules"):
        make_trainer(3).fit(SoftmaxRegression(4, 3, 0.1, optimizer=Newton), IrisDataModule())
    assert [record.message for record in caplog.records if record.name == "lightning_modules"].count("a note") == 1
