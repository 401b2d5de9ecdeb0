"""Of a network's mini-batches a mean of the points is measured, saved and used; the steps start from the points themselves."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules import BreastCancerDataModule, IrisDataModule
from lightning_modules import LogisticRegression
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton, averaged_newton
from lightning_modules.optimizers.mean_iterate import FORGETTING, mean_iterate
from tests.lightning_modules.networks_at_hand import made, theta_of
from tests.lightning_modules.recorded_steps import Checkpoints
from tests.training import make_trainer

METHODS = [DiagonalNewton, KroneckerNewton]


class Seen(Checkpoints):
    """The weights that each step leads to, and those that validation sees."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.points: list[Tensor] = []
        self.validated: list[Tensor] = []

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        self.points.append(trainer.optimizers[0].report.theta.double())

    def on_validation_batch_start(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.validated.append(theta_of(pl_module))


def data() -> IrisDataModule:
    return IrisDataModule(batch_size=20, val_fraction=0.2)


def fitted(method: Any, epochs: int, *callbacks: Any, **settings: Any) -> tuple[Any, Any]:
    trainer, model = make_trainer(epochs, *callbacks, **settings), made("mlp", method)
    trainer.fit(model, data())
    return trainer, model


def test_it_is_the_mean_by_weights_that_grow_like_a_power_of_the_step() -> None:
    points, mean = torch.randn(400, 3, dtype=torch.float64), None
    for steps, point in enumerate(points, 1):
        mean = mean_iterate(mean, point, steps)
    late = torch.arange(9, 401, dtype=torch.float64)
    # c = 9/t is the share of the last of t weights that are (t − 1) (t − 2) … (t − 8) each.
    weights = torch.stack([late - k for k in range(1, FORGETTING + 1)]).prod(0)
    assert mean is not None
    torch.testing.assert_close(mean, weights @ points[8:] / weights.sum(), rtol=1e-10, atol=1e-12)


def test_the_first_nine_points_are_no_mean() -> None:
    mean = None
    for steps in range(1, FORGETTING + 2):
        point = torch.randn(3)
        mean = mean_iterate(mean, point, steps)
        assert torch.equal(mean, point) and mean is not point


@pytest.mark.parametrize("method", METHODS)
def test_validation_and_the_end_see_the_mean(method: Any) -> None:
    seen = Seen()
    trainer, model = fitted(method, 4, seen, limit_val_batches=1.0)
    mean, ends = None, []
    for steps, point in enumerate(seen.points, 1):
        mean = mean_iterate(mean, point, steps)
        if steps % trainer.num_training_batches == 0:
            ends.append(mean.clone())
    torch.testing.assert_close(torch.stack(seen.validated), torch.stack(ends))
    torch.testing.assert_close(theta_of(model), ends[-1])
    assert not torch.allclose(theta_of(model), seen.points[-1], rtol=1e-3), "the example tells them apart"


@pytest.mark.parametrize("method", METHODS)
def test_evaluation_leaves_no_trace_in_the_steps(method: Any) -> None:
    seen, blind = Seen(), Seen()
    fitted(method, 4, seen, limit_val_batches=1.0, val_check_interval=2)
    fitted(method, 4, blind)
    assert seen.validated and not blind.validated
    assert torch.equal(torch.stack(seen.points), torch.stack(blind.points))


@pytest.mark.parametrize("method", METHODS)
def test_a_fit_that_goes_on_takes_its_steps_where_it_would_have(method: Any, tmp_path: Path) -> None:
    path = tmp_path / "half.ckpt"
    _, model = fitted(method, 6, Checkpoints(path, 3))
    resumed = made("mlp", method, seed=1)
    make_trainer(6).fit(resumed, data(), ckpt_path=str(path), weights_only=True)
    assert torch.equal(theta_of(resumed), theta_of(model))


def test_of_a_fit_that_breaks_off_the_mean_is_left() -> None:
    class Breaks(Seen):
        def on_train_batch_end(self, trainer: Any, *args: Any) -> None:
            super().on_train_batch_end(trainer, *args)
            if trainer.global_step == 20:
                raise OSError("broken")

    seen, model = Breaks(), made("mlp", DiagonalNewton)
    with pytest.raises(OSError, match="broken"):
        make_trainer(6, seen).fit(model, data())
    mean = None
    for steps, point in enumerate(seen.points, 1):
        mean = mean_iterate(mean, point, steps)
    torch.testing.assert_close(theta_of(model), mean)


def test_weights_that_somebody_sets_between_two_fits_are_where_it_goes_on() -> None:
    trainer, model = fitted(DiagonalNewton, 3)
    optimizer = trainer.optimizers[0]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5)
    set_to = theta_of(model)
    optimizer.train()
    assert torch.equal(theta_of(model), set_to)
    optimizer.eval()
    assert torch.equal(theta_of(model), set_to)


def test_modes_may_be_asked_for_twice_and_a_step_finds_its_own() -> None:
    trainer, model = fitted(DiagonalNewton, 3)
    optimizer = trainer.optimizers[0]
    mean = theta_of(model)
    optimizer.eval()
    assert torch.equal(theta_of(model), mean)
    optimizer.train()
    point = theta_of(model)
    assert not torch.equal(point, mean)
    optimizer.train()
    assert torch.equal(theta_of(model), point)
    optimizer.eval()
    assert torch.equal(theta_of(model), mean)

    rows = next(iter(train_batches()))
    objective = model.objective(rows)

    def closure() -> Tensor:
        there = objective.at(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
        parts = there.gradient.split([p.numel() for p in model.parameters()])
        for parameter, part in zip(model.parameters(), parts, strict=True):
            parameter.grad = part.view_as(parameter).clone()
        return there.value

    optimizer.step(closure, objective=objective)
    assert torch.equal(optimizer.report.point.theta.double(), point)


def train_batches() -> Any:
    batches = data()
    batches.setup("fit")
    return batches.train_dataloader()


def test_without_the_mean_the_noise_of_the_last_batch_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all rows the mean has a lower loss than where the steps lead."""
    seen, (_, model) = Seen(), fitted(DiagonalNewton, 12)
    whole = IrisDataModule(batch_size=None, val_fraction=0.2)
    whole.setup("fit")
    loss = model.objective(next(iter(whole.train_dataloader())))
    with_mean = float(loss.at(theta_of(model)).value)
    monkeypatch.setattr(averaged_newton, "mean_iterate", lambda mean, iterate, steps: iterate.clone())
    _, without = fitted(DiagonalNewton, 12, seen)
    assert torch.equal(theta_of(without), seen.points[-1])
    assert with_mean < float(loss.at(theta_of(without)).value)


def test_a_convex_loss_has_no_mean_for_its_steps_become_shorter_by_themselves() -> None:
    seen, model = Seen(), LogisticRegression(30, optimizer=DiagonalNewton)
    trainer = make_trainer(3, seen)
    trainer.fit(model, BreastCancerDataModule(batch_size=64))
    assert torch.equal(theta_of(model), seen.points[-1])
    trainer.optimizers[0].eval()
    assert torch.equal(theta_of(model), seen.points[-1])
