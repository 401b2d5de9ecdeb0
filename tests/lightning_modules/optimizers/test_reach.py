"""Steps of a network are bounded by those before them: what the bound does, and what happens without it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer

from datamodules import DigitsDataModule
from lightning_modules import CNN
from lightning_modules.optimizers import DiagonalNewton, NonFiniteLossError, reach, running_model
from lightning_modules.optimizers.reach import REACH, within_reach

STEP = torch.tensor([3.0, 4.0], dtype=torch.float64)


def test_a_step_is_cut_to_so_many_times_the_average_and_the_average_follows() -> None:
    first, average = within_reach(STEP, -STEP, None, 0.9)
    assert torch.equal(first, STEP) and average == 5
    as_long, average = within_reach(REACH * STEP, -REACH * STEP, average, 0.9)
    torch.testing.assert_close(as_long, REACH * STEP)
    torch.testing.assert_close(average, torch.tensor(0.9 * 5 + 0.1 * 5 * REACH, dtype=torch.float64))
    cut, after = within_reach(100 * STEP, -100 * STEP, average, 0.9)
    torch.testing.assert_close(cut, STEP / 5 * REACH * average)
    torch.testing.assert_close(after, average * (0.9 + 0.1 * REACH))


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_of_the_loss_and_of_parameters_do_not_matter(scale: float) -> None:
    """A loss and a curvature in other units leave d, and r grows with the root of the loss; parameters in others leave r."""
    before = torch.tensor(0.5, dtype=torch.float64)
    cut, _ = within_reach(STEP, -STEP, before, 0.9)
    in_loss, _ = within_reach(STEP, -scale * STEP, scale**0.5 * before, 0.9)
    in_theta, _ = within_reach(scale * STEP, -STEP / scale, before, 0.9)
    torch.testing.assert_close(in_loss, cut)
    torch.testing.assert_close(in_theta, scale * cut)


def test_no_gradient_and_no_number_are_left_as_they_are() -> None:
    nothing, average = within_reach(torch.zeros(2), torch.zeros(2), torch.tensor(1.0), 0.9)
    assert not nothing.any() and average == pytest.approx(0.9)
    lost, _ = within_reach(torch.tensor([torch.nan, 1.0]), torch.ones(2), torch.tensor(1.0), 0.9)
    assert lost.isnan().any()


def test_samples_without_a_gradient_bound_nothing_that_follows() -> None:
    """As of a network whose units are all dead on the first rows."""
    _, nothing = within_reach(torch.zeros(2), torch.zeros(2), None, 0.9)
    step, average = within_reach(STEP, -STEP, nothing.double(), 0.9)
    assert torch.equal(step, STEP) and average == 5


def fitted(seed: int, folder: Path) -> float:
    """Accuracy on the test rows of a small network that starts on a plateau."""
    torch.manual_seed(seed)
    data = DigitsDataModule(batch_size=128)
    model = CNN((8, 8), 10, channels=(4, 8), hidden=(16,), optimizer=DiagonalNewton)
    options: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(max_epochs=15, accelerator="cpu", default_root_dir=folder, enable_model_summary=False, **options)
    trainer.fit(model, data)
    x, y = data.convert(data.splits["test"], torch.float32)
    return float(model.predict(x).argmax(1).eq(y).float().mean())


@pytest.mark.slow
def test_a_network_that_begins_to_learn_does_not_run_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of sixteen starts, of which five are lost where neither steps are bounded nor directions measured by their norm."""
    starts = (2, 10, 12)
    assert all(fitted(seed, tmp_path) > 0.8 for seed in starts)
    monkeypatch.setattr(reach, "REACH", 1e9)
    monkeypatch.setattr(running_model, "averaged_norm", lambda direction, *_: torch.ones((), dtype=direction.dtype))
    lost = 0
    for seed in starts:
        try:
            lost += fitted(seed, tmp_path) < 0.5
        except NonFiniteLossError:
            lost += 1
    assert lost >= 2, "negative control of both"
