"""The schedule of the step size: constant, or a cosine that ends with the run."""

import math
from pathlib import Path
from typing import Any

import pytest

from datamodules import IrisDataModule
from tests.lightning_modules.networks_at_hand import ADAM, made
from tests.lightning_modules.recorded_steps import Checkpoints
from tests.training import METHODS, make_trainer


@pytest.mark.parametrize("batch_size", [None, 40])
@pytest.mark.parametrize("method", ["newton", "diagonal_newton", "gradient_descent", "adam", "lbfgs"])
def test_the_cosine_falls_from_lr_to_zero_over_the_run(method: str, batch_size: int | None) -> None:
    data, seen = IrisDataModule(batch_size=batch_size), Checkpoints()
    trainer = make_trainer(8, seen)
    trainer.fit(made("mlp", METHODS[method], schedule="cosine"), data)
    total = 8 * len(data.train_dataloader())
    lr = seen.lrs[0]
    expected = [lr * 0.5 * (1 + math.cos(math.pi * t / total)) for t in range(total)]
    assert seen.lrs == pytest.approx(expected, abs=1e-12)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_the_constant_schedule_leaves_the_step_size_alone() -> None:
    """Negative control."""
    seen = Checkpoints()
    make_trainer(4, seen).fit(made("mlp", ADAM), IrisDataModule(batch_size=40))
    assert set(seen.lrs) == {0.05}


def test_max_steps_end_the_cosine_too() -> None:
    trainer = make_trainer(-1, max_steps=7)
    trainer.fit(made("mlp", ADAM, schedule="cosine"), IrisDataModule(batch_size=40))
    assert trainer.global_step == 7
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_a_run_without_an_end_has_no_cosine() -> None:
    with pytest.raises(ValueError, match=r"this one has no end: set Trainer\(max_epochs=100\)") as refusal:
        make_trainer(-1).fit(made("mlp", ADAM, schedule="cosine"), IrisDataModule())
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("method", [ADAM, METHODS["diagonal_newton"]])
def test_a_run_of_no_steps_ends_as_it_began(method: Any) -> None:
    trainer = make_trainer(3, max_steps=0)
    trainer.fit(made("mlp", method, schedule="cosine"), IrisDataModule())
    assert trainer.global_step == 0


def test_a_run_resumed_for_more_epochs_still_ends_at_zero(tmp_path: Path) -> None:
    path = tmp_path / "end.ckpt"
    make_trainer(3, Checkpoints(path, 2)).fit(made("mlp", ADAM, schedule="cosine"), IrisDataModule(batch_size=40))
    trainer = make_trainer(6)
    model = made("mlp", ADAM, schedule="cosine")
    trainer.fit(model, IrisDataModule(batch_size=40), ckpt_path=str(path), weights_only=True)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)
