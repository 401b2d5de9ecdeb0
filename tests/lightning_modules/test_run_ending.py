"""Who ended a fit and why: the limits, callbacks, the method, Ctrl-C; a proof about the weights comes first."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EarlyStopping, Timer

from callbacks import ConvergenceStatus, StopDecision
from datamodules import BreastCancerDataModule, IrisDataModule
from lightning_modules import MLP
from lightning_modules.objectives import FunctionObjective, LeastSquares
from lightning_modules.optimizers import Convergence, GradientDescent, Newton, minimise
from lightning_modules.optimizers.ending import Ending, concluded, counted, ran_out
from tests.training import METHODS, make_model, make_trainer

ADAM = partial(torch.optim.Adam, lr=0.01)


class Stops(Callback):
    """Somebody who wants an end."""

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        trainer.should_stop = trainer.current_epoch == 1


class Interrupts(Callback):
    """Ctrl-C."""

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt


class Slow(Callback):
    def on_train_batch_end(self, *args: Any) -> None:
        time.sleep(0.1)


def ended(epochs: int, *callbacks: Callback, batch_size: int | None = 40, **options: Any) -> ConvergenceStatus:
    """A network on mini-batches of Iris."""
    torch.manual_seed(0)
    verdict = ConvergenceStatus()
    trainer = make_trainer(epochs, *callbacks, verdict, limit_val_batches=1.0, **options)
    trainer.fit(MLP((4, 5, 3), optimizer=ADAM), IrisDataModule(batch_size=batch_size))
    return verdict


def test_an_ordinary_training_on_mini_batches_ends_with_its_epochs_and_no_complaint() -> None:
    verdict = ended(6)
    assert verdict.status == "budget"
    assert verdict.message.startswith("all 6 epochs done; over all training rows, largest gradient entry ")
    assert "tolerance" not in verdict.message and "before the optimum" not in verdict.message
    assert ended(1).message.startswith("the only epoch is done; ")


def test_a_method_with_a_tolerance_is_told_that_it_is_short_of_it() -> None:
    verdict, data = ConvergenceStatus(), BreastCancerDataModule()
    make_trainer(2, verdict).fit(make_model(data, Newton), data)
    assert verdict.status == "budget"
    assert verdict.message.startswith("all 2 epochs done; ") and "tolerance" in verdict.message


def test_steps_that_ran_out_are_named() -> None:
    verdict = ended(50, max_steps=7)
    assert verdict.status == "budget" and verdict.message.startswith("all 7 steps done; ")


@pytest.mark.parametrize("by", ["max_time", "timer"])
def test_time_that_ran_out_is_named(by: str) -> None:
    limit = {"seconds": 1}
    verdict = ended(10000, Slow(), max_time=limit) if by == "max_time" else ended(10000, Slow(), Timer(limit))
    assert verdict.status == "budget"
    assert verdict.message.startswith("the time of 0:00:01 ran out after ")


def test_a_timer_that_has_time_left_is_not_named() -> None:
    assert ended(3, Timer({"hours": 1})).message.startswith("all 3 epochs done")


def test_early_stopping_is_named_with_its_reason() -> None:
    verdict = ended(50, EarlyStopping("val/loss", patience=2, min_delta=10.0))
    assert verdict.status == "stopped"
    assert verdict.message.startswith(
        "EarlyStopping stopped it after 3 epochs (val/loss did not improve in the last 2 records, best score: "
    )
    assert "Signaling" not in verdict.message
    threshold = ended(50, EarlyStopping("val/loss", stopping_threshold=5.0))
    assert threshold.status == "stopped" and "Stopping threshold reached" in threshold.message


def test_early_stopping_that_did_not_stop_is_not_named() -> None:
    """Negative control, and of one that would stop only after the last epoch."""
    assert ended(3, EarlyStopping("val/loss", patience=50)).message.startswith("all 3 epochs done")
    assert ended(3, EarlyStopping("val/loss", patience=2, min_delta=10.0)).message.startswith("all 3 epochs done")


def test_somebody_else_is_told_of_without_a_name() -> None:
    verdict = ended(50, Stops())
    assert verdict.status == "stopped"
    assert verdict.message.startswith("trainer.should_stop, set by a callback or the model, stopped it after 2 epochs")


def test_ctrl_c_is_named() -> None:
    model, data = MLP((4, 5, 3), optimizer=ADAM), IrisDataModule(batch_size=40)
    trainer = make_trainer(50, Interrupts())
    with pytest.raises(SystemExit):
        trainer.fit(model, data)
    verdict = model.convergence()
    assert verdict.status == "stopped" and verdict.message.startswith("Ctrl-C stopped it after 1 epoch; ")


def test_what_is_proved_comes_before_who_stopped() -> None:
    for l2, status in ((0.01, "converged"), (0.0, "separated")):
        verdict, data = ConvergenceStatus(), BreastCancerDataModule()
        make_trainer(100, verdict).fit(make_model(data, Newton, l2), data)
        assert verdict.status == status and "stopped" not in verdict.message and "epochs" not in verdict.message


def test_a_resumed_run_that_was_stopped_says_by_whom(tmp_path: Path) -> None:
    def fit(path: str | None) -> ConvergenceStatus:
        torch.manual_seed(0)
        verdict, data = ConvergenceStatus(), IrisDataModule(batch_size=40)
        stop = EarlyStopping("val/loss", patience=2, min_delta=10.0)
        trainer = make_trainer(50, stop, verdict, StopDecision(), limit_val_batches=1.0)
        model = MLP((4, 5, 3), optimizer=ADAM)
        trainer.fit(model, data, ckpt_path=path, weights_only=True)
        if verdict.status is None:
            verdict.judge(trainer, model)
        trainer.save_checkpoint(tmp_path / "last.ckpt")
        return verdict

    first = fit(None)
    again = fit(str(tmp_path / "last.ckpt"))
    assert (again.status, again.message) == (first.status, first.message)


@pytest.mark.parametrize("method", ["adam", "newton", "gradient_descent"])
def test_a_full_batch_ends_with_its_epochs_too(method: str) -> None:
    verdict, data = ConvergenceStatus(), IrisDataModule()
    make_trainer(2, verdict).fit(make_model(data, METHODS[method]), data)
    assert verdict.status == "budget" and verdict.message.startswith("all 2 epochs done; ")
    assert ("tolerance" in verdict.message) == (method != "adam")


# -- Without a trainer ----------------------------------------------------------------------------------------------

START = torch.tensor([-1.2, 1.0], dtype=torch.float64)
ROSENBROCK = FunctionObjective(lambda t: 100 * (t[1] - t[0] ** 2) ** 2 + (1 - t[0]) ** 2)


def test_minimise_says_who_ended_it() -> None:
    short = minimise(ROSENBROCK, START, max_steps=3)
    assert short.status == "budget" and short.message.startswith("all 3 steps done; ")
    enough = minimise(ROSENBROCK, START, is_enough=lambda report: True)
    assert enough.status == "stopped" and enough.message.startswith("is_enough stopped it after 1 step; ")
    flat = minimise(LeastSquares(lambda theta: torch.exp(-theta)), torch.zeros(1, dtype=torch.float64))
    assert flat.status == "stopped" and flat.message.startswith("Newton stopped itself after ")
    assert minimise(ROSENBROCK, START).status == "converged"
    plain = minimise(ROSENBROCK, START, partial(torch.optim.SGD, lr=1e-4), max_steps=5)
    assert plain.status == "budget" and "tolerance" not in plain.message
    assert minimise(ROSENBROCK, START, partial(GradientDescent, lr=1e-4), max_steps=5).message.startswith("all 5 steps done")


def test_only_what_is_not_proved_takes_the_ending() -> None:
    for status in ("converged", "separated", "rank_deficient", "stalled"):
        verdict = Convergence(status, "as it is", 1.0, 1.0)  # type: ignore[arg-type]
        assert concluded(verdict, Ending("stopped", "somebody")) is verdict
    assert ran_out(1, "step").message == "the only step is done" and ran_out(2, "step").message == "all 2 steps done"
    assert [counted(n, "epoch") for n in (0, 1, 2)] == ["in the first epoch", "after 1 epoch", "after 2 epochs"]
