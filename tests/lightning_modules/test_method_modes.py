"""Methods that stand for other weights than those they take their steps at: at the one it is measured and saved."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor
from torch.nn import Parameter

from datamodules import IrisDataModule
from lightning_modules.training.method_modes import SwitchesModes
from tests.lightning_modules.networks_at_hand import made, theta_of
from tests.lightning_modules.recorded_steps import Checkpoints
from tests.training import make_trainer

LR, BETA = 0.2, 0.9


class ScheduleFree(torch.optim.Optimizer):
    """z ← z − lr ∇f(y),  x the mean of the z,  y = (1 − β) z + β x: schedule-free SGD, with both modes."""

    has_turned = True

    def __init__(self, params: Iterable[Parameter]) -> None:
        super().__init__(params, {"lr": LR, "steps": 0, "mode": "train"})

    def train(self) -> None:
        self._turn("train")

    def eval(self) -> None:
        self._turn("eval")

    def _turn(self, mode: str) -> None:
        group = self.param_groups[0]
        if mode != group["mode"] and self.has_turned:
            for parameter in group["params"]:
                if self.state[parameter]:
                    parameter.data.copy_(self.state[parameter]["x" if mode == "eval" else "y"])
        group["mode"] = mode

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        with torch.enable_grad():
            loss = closure()
        group = self.param_groups[0]
        assert group["mode"] == "train", "the step is taken in its own mode"
        group["steps"] += 1
        for parameter in group["params"]:
            state = self.state[parameter] or {name: parameter.clone() for name in "xyz"}
            z = state["z"] - LR * parameter.grad
            x = state["x"] + (z - state["x"]) / group["steps"]
            state.update(x=x, z=z, y=(1 - BETA) * z + BETA * x)
            self.state[parameter] = state
            parameter.copy_(state["y"])
        return loss


class Stubborn(ScheduleFree):
    """Negative control: in the mode `eval` its weights stay where they are."""

    has_turned = False


class Seen(Checkpoints):
    """The weights that validation sees, and the mean then."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.validated: list[tuple[Tensor, Tensor]] = []

    def on_validation_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.validated.append((theta_of(pl_module), joined(trainer.optimizers[0], "x")))


def joined(optimizer: torch.optim.Optimizer, name: str) -> Tensor:
    parameters = optimizer.param_groups[0]["params"]
    return torch.cat([optimizer.state[parameter][name].flatten() for parameter in parameters]).double()


@pytest.mark.parametrize("settings", [{}, {"max_steps": 8}, {"limit_train_batches": 3}, {"val_check_interval": 2}], ids=str)
def test_validation_and_the_end_see_the_mean(settings: dict[str, Any], tmp_path: Path) -> None:
    seen, model, last = Seen(), made("mlp", ScheduleFree), ModelCheckpoint(tmp_path, save_last=True)
    trainer = make_trainer(3, seen, last, enable_checkpointing=True, limit_val_batches=1.0, **settings)
    trainer.fit(model, IrisDataModule(batch_size=20, val_fraction=0.2))
    (optimizer,) = trainer.optimizers
    assert torch.equal(theta_of(model), joined(optimizer, "x"))
    assert seen.validated and all(torch.equal(*both) for both in seen.validated)
    assert not torch.allclose(theta_of(model), joined(optimizer, "y"), rtol=1e-6), "the example tells them apart"
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    then = seen.validated[-1][0] if "val_check_interval" in settings else theta_of(model)  # it is saved after a validation
    assert torch.equal(torch.cat([weights.flatten() for weights in saved.values()]), then)


def test_the_steps_are_those_of_the_loop_by_hand() -> None:
    """Evaluation leaves no trace in them."""
    seen, model = Seen(), made("mlp", ScheduleFree)
    make_trainer(3, seen, limit_val_batches=1.0).fit(model, IrisDataModule(batch_size=20, val_fraction=0.2))
    blind, other = Seen(), made("mlp", ScheduleFree)
    make_trainer(3, blind).fit(other, IrisDataModule(batch_size=20, val_fraction=0.2))
    assert seen.validated and not blind.validated
    assert torch.equal(theta_of(model), theta_of(other))
    stubborn = made("mlp", Stubborn)
    make_trainer(3).fit(stubborn, IrisDataModule(batch_size=20, val_fraction=0.2))
    assert not torch.allclose(theta_of(stubborn), theta_of(model), rtol=1e-6), "negative control"


def test_a_fit_that_goes_on_takes_its_steps_where_it_would_have(tmp_path: Path) -> None:
    path = tmp_path / "half.ckpt"
    whole, model = Checkpoints(path, 2), made("mlp", ScheduleFree)
    make_trainer(6, whole).fit(model, IrisDataModule(batch_size=20, val_fraction=0.2))
    resumed = made("mlp", ScheduleFree, seed=1)
    make_trainer(6).fit(resumed, IrisDataModule(batch_size=20, val_fraction=0.2), ckpt_path=str(path), weights_only=True)
    assert torch.equal(theta_of(resumed), theta_of(model))


@pytest.mark.parametrize(("method", "count"), [(ScheduleFree, 1), (torch.optim.Adam, 0)])
def test_there_is_a_callback_where_a_method_has_modes_and_only_there(method: Any, count: int) -> None:
    trainer, model = make_trainer(1), made("mlp", method)
    for _ in range(2):  # the second fit finds it there
        trainer.fit(model, IrisDataModule(batch_size=20, val_fraction=0.2))
    assert sum(isinstance(callback, SwitchesModes) for callback in trainer.callbacks) == count  # type: ignore[attr-defined]


def test_of_a_fit_that_breaks_off_the_mean_is_left() -> None:
    class Breaks(Checkpoints):
        def on_train_batch_end(self, trainer: Any, *args: Any) -> None:
            if trainer.global_step == 5:
                raise OSError("broken")

    trainer, model = make_trainer(3, Breaks()), made("mlp", ScheduleFree)
    with pytest.raises(OSError, match="broken"):
        trainer.fit(model, IrisDataModule(batch_size=20, val_fraction=0.2))
    assert torch.equal(theta_of(model), joined(trainer.optimizers[0], "x"))
