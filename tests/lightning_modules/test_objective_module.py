"""The one training step, under every method."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from torch.nn.utils import parameters_to_vector

from datamodules import BreastCancerDataModule, CaliforniaHousingDataModule, IrisDataModule
from lightning_modules import LogisticRegression, SoftmaxRegression
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError
from tests.training import METHODS, ON_BATCHES, make_model, make_trainer


class ClosureCalls(Callback):
    """Counts how often the gradient is evaluated; Lightning calls this hook inside the closure it wraps."""

    def __init__(self) -> None:
        self.count = 0

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        self.count += 1
        assert all(p.grad is not None for p in pl_module.parameters())


@pytest.mark.parametrize(("method", "batch_size"), [*[(name, None) for name in METHODS], *[(name, 30) for name in ON_BATCHES]])
def test_every_method_lowers_the_loss(method: str, batch_size: int | None) -> None:
    data = IrisDataModule(batch_size=batch_size)
    model, calls = make_model(data, METHODS[method]), ClosureCalls()
    trainer = make_trainer(3, calls)
    trainer.fit(model, data)
    objective = model.objective(data.splits["train"])
    theta = parameters_to_vector(model.parameters()).detach()
    assert objective.value(theta) < 0.95 * objective.value(torch.zeros_like(theta))
    steps = 3 * (1 if batch_size is None else 3)
    assert trainer.global_step == steps, "one optimizer, stepped through Lightning, counts each step once"
    if method == "lbfgs":
        assert calls.count > steps
    else:
        assert calls.count == steps


def test_full_batch_stops_by_itself_and_mini_batches_do_not() -> None:
    epochs = {}
    for batch_size in (None, 100):
        data = BreastCancerDataModule(batch_size=batch_size)
        trainer = make_trainer(20)
        trainer.fit(make_model(data, Newton), data)
        epochs[batch_size] = trainer.current_epoch
    assert epochs[None] < 12
    assert epochs[100] == 20


@pytest.mark.parametrize("precision", ["32-true", "64-true"])
def test_precision_of_the_trainer(precision: str) -> None:
    data = BreastCancerDataModule()
    model = make_model(data, Newton)
    trainer = make_trainer(30, precision=precision)
    trainer.fit(model, data)
    assert model.linear.weight.dtype is (torch.float32 if precision == "32-true" else torch.float64)
    assert model.convergence().status == "converged"


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
@pytest.mark.parametrize("method", [Newton, DiagonalNewton, partial(GradientDescent, lr=0.1)])
def test_half_precision_is_refused(precision: str, method: Any) -> None:
    data = IrisDataModule()
    with pytest.raises(ValueError, match=rf"32 or 64 bit precision, not {precision}.*64-true"):
        make_trainer(1, precision=precision).fit(make_model(data, method), data)


def test_non_finite_loss_names_step_and_remedy() -> None:
    data = IrisDataModule()
    with pytest.raises(NonFiniteLossError, match=r"at step \d+.*lower .*lr"):
        make_trainer(5).fit(make_model(data, partial(GradientDescent, lr=1e200)), data)


def test_test_and_predict_work_in_inference_mode() -> None:
    data = IrisDataModule()
    model, trainer = make_model(data, Newton), make_trainer(5)
    trainer.fit(model, data)
    (metrics,) = trainer.test(model, data, verbose=False)
    probabilities = torch.cat(trainer.predict(model, data))
    labels = data.splits["test"][1]
    assert metrics["test/accuracy"] == pytest.approx((probabilities.argmax(1) == labels).double().mean().item())
    loss = torch.nn.functional.nll_loss(probabilities.log(), labels)
    assert metrics["test/loss"] == pytest.approx(loss.item())


def test_metrics_are_exact_over_uneven_batches() -> None:
    whole, parts = (BreastCancerDataModule(batch_size=size) for size in (None, 50))
    model, trainer = make_model(whole, Newton), make_trainer(3)
    trainer.fit(model, whole)
    (expected,), (found,) = (trainer.test(model, data, verbose=False) for data in (whole, parts))
    assert found == pytest.approx(expected, abs=1e-12)


def test_checkpoint_holds_plain_values_and_rebuilds_the_model(tmp_path: Path) -> None:
    data = IrisDataModule()
    model = make_model(data, partial(Newton, lr=0.5))
    checkpoint = ModelCheckpoint(tmp_path, save_last=True)
    make_trainer(3, checkpoint, enable_checkpointing=True).fit(model, data)
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    own, of_every_linear_model = {"num_features": 4, "num_classes": 3, "l2": 0.01}, {"intercept": True}
    of_every_linear_model |= {"offset": False, "l1": 0.0, "penalty_weights": None, "folds": 5}
    assert content["hyper_parameters"] == own | of_every_linear_model
    loaded = SoftmaxRegression.load_from_checkpoint(tmp_path / "last.ckpt", optimizer=Newton)
    features = data.splits["test"][0]
    assert torch.equal(loaded(features), model(features))


@pytest.mark.parametrize("method", ["newton", "newton_fixed", "diagonal_newton", "adam", "sgd_nesterov"])
def test_resume_continues_as_if_uninterrupted(method: str, tmp_path: Path) -> None:
    """Mini-batches in a shuffled order: the order depends on seed and epoch alone."""

    def fit(name: str, epochs: int, resume: str | None = None) -> torch.Tensor:
        data = IrisDataModule(batch_size=20)
        model = make_model(data, METHODS[method])
        trainer = make_trainer(epochs)
        trainer.fit(model, data, ckpt_path=resume, weights_only=True)
        trainer.save_checkpoint(tmp_path / f"{name}.ckpt")
        return parameters_to_vector(model.parameters()).detach()

    whole = fit("whole", 6)
    fit("half", 3)
    assert torch.equal(fit("resumed", 6, str(tmp_path / "half.ckpt")), whole)


def test_sizes_are_checked() -> None:
    with pytest.raises(ValueError, match="at least one feature"):
        LogisticRegression(0, optimizer=Newton)
    with pytest.raises(ValueError, match=r"l2=-1.*≥ 0"):
        LogisticRegression(3, l2=-1, optimizer=Newton)
    with pytest.raises(ValueError, match="fewer than 2 classes"):
        SoftmaxRegression(3, 1, optimizer=Newton)
    with pytest.raises(ValueError, match="the data have 4 features, the model takes 3: set num_features=4"):
        LogisticRegression(3, optimizer=Newton).objective((torch.zeros(5, 4), torch.zeros(5)))


def test_california_fits_all_methods(data_dir: str) -> None:
    data = CaliforniaHousingDataModule(data_dir)
    for method in ("newton", "diagonal_newton", "gradient_descent", "newton_cg"):
        model, trainer = make_model(data, METHODS[method]), make_trainer(40)
        trainer.fit(model, data)
        (metrics,) = trainer.test(model, data, verbose=False)
        assert metrics["test/r2"] > 0.3


def test_the_verdict_is_asked_for_after_the_fit() -> None:
    data = IrisDataModule()
    model, trainer = make_model(data, METHODS["newton"]), make_trainer(20)
    trainer.fit(model, data)
    assert model.convergence().status == "converged"
    trainer.test(model, data, verbose=False)
    with pytest.raises(RuntimeError, match=r"after trainer\.fit, before trainer\.test"):
        model.convergence()


@pytest.mark.parametrize("batch_size", [None, 50])
def test_the_training_objective_can_be_monitored(batch_size: int | None, tmp_path: Path) -> None:
    """By Lightning's own callbacks, at the end of every epoch."""
    data = IrisDataModule(batch_size=batch_size)
    stop = EarlyStopping("train/objective", stopping_threshold=0.9, check_on_train_epoch_end=True)
    best = ModelCheckpoint(tmp_path, monitor="train/objective", save_on_train_epoch_end=True)
    trainer = make_trainer(100, stop, best, enable_checkpointing=True)
    trainer.fit(make_model(data, METHODS["gradient_descent"]), data)
    assert 1 < trainer.current_epoch < 100
    assert best.best_model_score == trainer.callback_metrics["train/objective"] < 0.9


def test_steps_that_an_earlier_version_took_by_hand_are_counted_on(tmp_path: Path) -> None:
    make = partial(SoftmaxRegression, 4, 3, 0.01, optimizer=METHODS["adam"])
    trainer = make_trainer(2)
    trainer.fit(make(), IrisDataModule(batch_size=30))
    trainer.save_checkpoint(path := tmp_path / "old.ckpt")
    checkpoint = torch.load(path, weights_only=True)
    loop = checkpoint["loops"]["fit_loop"]
    steps = loop["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]
    loop["epoch_loop.manual_optimization.optim_step_progress"] = {part: dict(counts) for part, counts in steps.items()}
    for counts in steps.values():
        counts.update(ready=0, completed=0)
    torch.save(checkpoint, path)
    trainer = make_trainer(3)
    trainer.fit(make(), IrisDataModule(batch_size=30), ckpt_path=path, weights_only=True)
    assert trainer.global_step == 9
