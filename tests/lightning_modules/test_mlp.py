"""Networks through the one training step: what they learn, minimise, report and refuse."""

import logging
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from callbacks import ConvergenceStatus
from datamodules import IrisDataModule
from lightning_modules import MLP, LinearRegression, ResidualMLP, SoftmaxRegression
from lightning_modules.objective_module import NonFiniteLossError, OptimizerCallable
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives.families import AbsoluteError, Categorical, PseudoHuber, SquaredError
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from tests.row_data import RowData
from tests.training import METHODS, ON_BATCHES, fit_iterates, make_trainer
from tests.two_view_data import TinyTwoViews

KINDS: dict[str, Any] = {"mlp": partial(MLP, (4, 5, 3)), "residual": partial(ResidualMLP, (4, 4, 4, 3))}
each_kind = pytest.mark.parametrize("kind", KINDS)
# Constant steps on a sample's curvature, and a search on a sample's loss: on mini-batches nothing promises that they descend.
UNGUARDED = ("newton_fixed", "diagonal_newton_fixed", "lbfgs")
ADAM = partial(torch.optim.Adam, lr=0.05)


def made(kind: str, optimizer: OptimizerCallable, seed: int = 0, **options: Any) -> MLP:
    torch.manual_seed(seed)
    model: MLP = KINDS[kind](**{"activation": "tanh", "l2": 1e-3, "optimizer": optimizer} | options)
    return model


def theta_of(model: MLP) -> Tensor:
    return parameters_to_vector(model.parameters()).detach().double()


def objective_of(model: MLP, data: IrisDataModule) -> float:
    return float(model.objective(data.splits["train"]).value(theta_of(model)))


def curve(rows: int = 60, targets: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A smooth function of two numbers with a few gross errors in it."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 2, dtype=torch.float64, generator=generator)
    y = torch.stack([torch.sin(x[:, 0] * (k + 1)) + x[:, 1] ** 2 for k in range(targets)], 1)
    y[::7] += 5 * torch.randn(len(y[::7]), targets, dtype=torch.float64, generator=generator)
    return x, y


# -- Learning -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
@each_kind
def test_newton_learns_iris(kind: str, activation: str, seed: int) -> None:
    data, model = IrisDataModule(), made(kind, Newton, seed, activation=activation)
    trainer = make_trainer(25)
    trainer.fit(model, data)
    x, labels = data.splits["train"]
    assert (model(x).argmax(1) == labels).double().mean() > 0.95
    (metrics,) = trainer.test(model, data, verbose=False)
    assert metrics["test/accuracy"] >= 0.9


@pytest.mark.parametrize("batch_size", [None, 30])
@pytest.mark.parametrize("method", ON_BATCHES)  # the one that refuses mini-batches refuses networks too
@each_kind
def test_every_method_lowers_the_loss(kind: str, method: str, batch_size: int | None) -> None:
    data, model = IrisDataModule(batch_size=batch_size), made(kind, METHODS[method])
    before = objective_of(model, data)
    trainer = make_trainer(6)
    trainer.fit(model, data)
    assert trainer.global_step == 6 * len(data.train_dataloader())
    assert torch.isfinite(theta_of(model)).all()
    if batch_size is None or method not in UNGUARDED:
        assert objective_of(model, data) < 0.9 * before


@pytest.mark.parametrize("precision", ["32-true", "64-true"])
@pytest.mark.parametrize("method", ["newton", "newton_cg", "diagonal_newton", "adam"])
def test_precision_of_the_trainer(method: str, precision: str) -> None:
    data, model = IrisDataModule(), made("mlp", METHODS[method])
    before = objective_of(model, data)
    make_trainer(10, precision=precision).fit(model, data)
    assert {p.dtype for p in model.parameters()} == {getattr(torch, f"float{precision[:2]}")}
    assert objective_of(model, data) < 0.8 * before


@pytest.mark.parametrize(
    "method", ["gradient_descent", "newton_fixed", "diagonal_newton_fixed", "sgd_nesterov", "adam", "lbfgs"]
)
@pytest.mark.parametrize("batch_size", [None, 30])
def test_without_hidden_layers_it_is_softmax_regression(method: str, batch_size: int | None) -> None:
    """The same iterates from the same start, through other code all the way."""
    data = [IrisDataModule(batch_size=batch_size) for _ in range(2)]
    network, linear = MLP((4, 3), l2=0.1, optimizer=METHODS[method]), SoftmaxRegression(4, 3, 0.1, optimizer=METHODS[method])
    with torch.no_grad():
        network.network.layers[0].weight.zero_()
    ours, theirs = (fit_iterates(model, module, 4) for model, module in zip((network, linear), data, strict=True))
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def test_without_hidden_layers_and_twice_the_penalty_it_is_linear_regression() -> None:
    """The squared error is twice the Gaussian loss, so twice the penalty leaves the minimiser where it is."""
    x, y = curve(targets=2)
    network = MLP((2, 2), loss="mse", l2=0.2, optimizer=Newton)
    linear = LinearRegression(2, 2, 0.1, optimizer=Newton)
    for model in (network, linear):
        make_trainer(60).fit(model, RowData(x, y))
        assert model.convergence().status == "converged"
    torch.testing.assert_close(theta_of(network), parameters_to_vector(linear.parameters()).detach(), rtol=1e-8, atol=1e-9)


def test_networks_of_the_two_kinds_are_not_the_same() -> None:
    """Negative control."""
    torch.manual_seed(0)
    residual = ResidualMLP((4, 4, 3), "tanh", optimizer=Newton)
    torch.manual_seed(0)
    plain = MLP((4, 4, 3), "tanh", optimizer=Newton)
    x = torch.randn(5, 4)
    assert torch.equal(theta_of(plain), theta_of(residual))
    assert not torch.allclose(plain(x), residual(x), atol=0.1)


# -- Losses and metrics -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "pointwise"),
    [("cross_entropy", Categorical), ("mse", SquaredError), ("l1", AbsoluteError), ("pseudo_huber", PseudoHuber)],
)
def test_the_loss_is_the_one_that_was_named(loss: str, pointwise: type) -> None:
    model = MLP((2, 3, 2), loss=loss, optimizer=ADAM)  # type: ignore[arg-type]
    assert type(model.loss) is pointwise and model.loss.num_outputs == 2
    assert model.minimised_loss is model.loss


def test_test_and_predict_of_a_classifier() -> None:
    data, model = IrisDataModule(), made("mlp", Newton, l2=0.01)
    trainer = make_trainer(10)
    trainer.fit(model, data)
    (metrics,) = trainer.test(model, data, verbose=False)
    probabilities, labels = torch.cat(trainer.predict(model, data)), data.splits["test"][1]
    torch.testing.assert_close(probabilities.sum(1), torch.ones(len(labels), dtype=torch.float64))
    assert metrics["test/accuracy"] == pytest.approx((probabilities.argmax(1) == labels).double().mean().item())
    assert metrics["test/loss"] == pytest.approx(cross_entropy(probabilities.log(), labels).item())
    assert set(metrics) == {"test/loss", "test/accuracy", "test/f1", "test/auroc"}


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("loss", ["mse", "l1", "pseudo_huber"])
@pytest.mark.parametrize("batch_size", [None, 17])
def test_test_and_predict_of_a_regression(loss: str, targets: int, batch_size: int | None) -> None:
    """The loss is summed over the targets of a row, mse and mae are means over all numbers; no penalty in any of them."""
    x, y = curve(targets=targets)
    data = RowData(x, y, batch_size=batch_size)
    model = MLP((2, 4, targets), "tanh", loss=loss, l2=0.1, optimizer=ADAM)  # type: ignore[arg-type]
    trainer = make_trainer(3)
    trainer.fit(model, data)
    (metrics,) = trainer.test(model, data, verbose=False)
    outputs = model(x)
    torch.testing.assert_close(torch.cat(trainer.predict(model, data)), outputs)
    residual = (outputs - y).detach()
    assert metrics["test/mse"] == pytest.approx(residual.square().mean().item())
    assert metrics["test/mae"] == pytest.approx(residual.abs().mean().item())
    total = (y - y.mean(0)).square().sum(0)
    assert metrics["test/r2"] == pytest.approx((1 - residual.square().sum(0) / total).mean().item())
    expected = {
        "mse": residual.square().sum(1).mean(),
        "l1": residual.abs().sum(1).mean(),
        "pseudo_huber": (0.1 * (torch.sqrt(1 + (residual / 0.1) ** 2) - 1)).sum(1).mean(),
    }
    assert metrics["test/loss"] == pytest.approx(expected[loss].item())


SMOOTHED = "l1 has no curvature: what is minimised is the pseudo-Huber loss, l1 rounded within 0.1 of 0"


@pytest.mark.parametrize(
    ("method", "smooth"),
    [("newton", True), ("newton_cg", True), ("diagonal_newton", True), ("adam", False), ("gradient_descent", False)],
)
def test_second_order_methods_minimise_a_smoothed_l1_and_say_so(
    method: str, smooth: bool, caplog: pytest.LogCaptureFixture
) -> None:
    x, y = curve()
    data, model = RowData(x, y, batch_size=20), MLP((2, 3, 1), "tanh", loss="l1", optimizer=METHODS[method])
    with caplog.at_level(logging.INFO, "lightning_modules"):
        trainer = make_trainer(3)
        trainer.fit(model, data)
    assert [record.message for record in caplog.records].count(SMOOTHED) == smooth, "once, and only where it is true"
    objective = model.objective((x, y))
    assert type(objective.loss) is (PseudoHuber if smooth else AbsoluteError)
    (metrics,) = trainer.test(model, data, verbose=False)
    assert metrics["test/loss"] == pytest.approx((model(x) - y).abs().mean().item()), "what is reported stays l1"
    assert metrics["test/loss"] == pytest.approx(metrics["test/mae"])


def test_the_smoothed_l1_resists_gross_errors_that_the_squared_error_follows() -> None:
    x, y = curve(200)
    clean = torch.sin(x[:, :1]) + x[:, 1:] ** 2
    errors = {}
    for loss in ("mse", "l1"):
        torch.manual_seed(0)
        model = MLP((2, 6, 1), "tanh", loss=loss, l2=1e-4, optimizer=Newton)  # type: ignore[arg-type]
        make_trainer(60).fit(model, RowData(x, y))
        errors[loss] = float((model(x) - clean).detach().abs().mean())
    assert errors["l1"] < 0.5 * errors["mse"]


def test_newton_on_l1_ends_where_the_smoothed_loss_is_stationary() -> None:
    x, y = curve(30)
    torch.manual_seed(0)
    model = MLP((2, 1), loss="l1", l2=0.1, optimizer=Newton)
    make_trainer(200).fit(model, RowData(x, y))
    theta = theta_of(model)
    smoothed = NetworkObjective(model.network, PseudoHuber(1), x, y, 0.1)
    assert smoothed.gradient(theta).abs().max() < 1e-9
    assert torch.linalg.eigvalsh(smoothed.hessian(theta))[0] > 0


# -- Verdicts -----------------------------------------------------------------------------------------------------


def test_a_regression_network_that_converges_says_so() -> None:
    x, y = curve(40)
    torch.manual_seed(0)
    model = MLP((2, 3, 1), "tanh", loss="mse", l2=0.1, optimizer=partial(Newton, curvature="hessian"))
    trainer = make_trainer(100)
    trainer.fit(model, RowData(x, y))
    assert trainer.current_epoch < 100 and model.convergence().status == "converged"


def test_a_classifying_network_that_converges_says_so() -> None:
    data, model = IrisDataModule(), made("mlp", partial(Newton, curvature="hessian"), l2=0.03)
    make_trainer(100).fit(model, data)
    verdict = model.convergence()
    assert verdict.gradient_max < 1e-10
    assert verdict.status == "converged"


def test_a_network_of_signs_is_fitted_by_first_order_methods_to_the_end() -> None:
    status = ConvergenceStatus()
    make_trainer(3, status).fit(made("mlp", ADAM, activation="sign"), IrisDataModule())
    assert status.status == "budget"


def test_steps_that_are_too_long_name_step_and_remedy() -> None:
    with pytest.raises(NonFiniteLossError, match=r"at step \d+.*lower .*lr"):
        make_trainer(5).fit(made("mlp", partial(GradientDescent, lr=1e200), activation="relu"), IrisDataModule())


# -- Checkpoints --------------------------------------------------------------------------------------------------


@each_kind
def test_a_checkpoint_holds_plain_values_and_rebuilds_the_model(kind: str, tmp_path: Path) -> None:
    data, model = IrisDataModule(), made(kind, Newton, output_activation="tanh", initialization=0.3, schedule="cosine")
    checkpoint = ModelCheckpoint(tmp_path, save_last=True)
    make_trainer(3, checkpoint, enable_checkpointing=True).fit(model, data)
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert content["hyper_parameters"] == {
        "widths": model.network.widths,
        "activation": "tanh",
        "initialization": 0.3,
        "loss": "cross_entropy",
        "l2": 1e-3,
        "output_activation": "tanh",
        "schedule": "cosine",
    }
    loaded = type(model).load_from_checkpoint(tmp_path / "last.ckpt", optimizer=Newton)
    features = data.splits["test"][0]
    assert torch.equal(loaded(features), model(features))


class Checkpoints(Callback):
    """Saves a checkpoint after an epoch, and keeps θ and lr after every step."""

    def __init__(self, path: Path | None = None, epoch: int = -1) -> None:
        self.path, self.epoch = path, epoch
        self.thetas: list[Tensor] = []
        self.lrs: list[float] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.lrs.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.thetas.append(theta_of(pl_module))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == self.epoch:
            trainer.save_checkpoint(self.path)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("method", ["newton", "newton_cg", "diagonal_newton", "gradient_descent", "adam", "sgd_nesterov"])
def test_a_run_that_was_interrupted_resumes_to_the_last_bit(method: str, schedule: str, tmp_path: Path) -> None:
    """Mini-batches, from weights drawn anew: averaged curvature, momentum, damping and step size all come back."""
    path, options = tmp_path / "half.ckpt", {"schedule": schedule}
    whole = Checkpoints(path, 2)
    make_trainer(6, whole).fit(made("mlp", METHODS[method], **options), IrisDataModule(batch_size=20))
    steps = len(whole.thetas) // 2
    resumed, model = Checkpoints(), made("mlp", METHODS[method], seed=1, **options)
    make_trainer(6, resumed).fit(model, IrisDataModule(batch_size=20), ckpt_path=str(path), weights_only=True)
    assert len(resumed.thetas) == steps
    for found, expected in zip(resumed.thetas, whole.thetas[steps:], strict=True):
        assert torch.equal(found, expected)
    assert resumed.lrs == whole.lrs[steps:]


# -- Schedule -----------------------------------------------------------------------------------------------------


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
    with pytest.raises(ValueError, match=r"ends with the run, and this one has no end: set --trainer.max_epochs") as refusal:
        make_trainer(-1).fit(made("mlp", ADAM, schedule="cosine"), IrisDataModule())
    assert "\n" not in str(refusal.value)


def test_a_run_resumed_for_more_epochs_still_ends_at_zero(tmp_path: Path) -> None:
    path = tmp_path / "end.ckpt"
    make_trainer(3, Checkpoints(path, 2)).fit(made("mlp", ADAM, schedule="cosine"), IrisDataModule(batch_size=40))
    trainer = make_trainer(6)
    model = made("mlp", ADAM, schedule="cosine")
    trainer.fit(model, IrisDataModule(batch_size=40), ckpt_path=str(path), weights_only=True)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


# -- Two views ----------------------------------------------------------------------------------------------------


def test_both_views_are_training_rows_and_the_original_is_not() -> None:
    data, model = TinyTwoViews(), MLP((64, 5, 10), optimizer=ADAM)
    labels = data.labels[data.rows["train"]]
    original = torch.full_like(data.views[0], torch.nan)
    theta = theta_of(model)
    two_views = model.objective((original, *data.views, labels))
    rows = torch.cat([view.flatten(1) for view in data.views])
    plain = model.objective((rows, torch.cat([labels, labels])))
    assert two_views.num_rows == 2 * len(labels)
    assert torch.equal(two_views.value(theta), plain.value(theta))
    assert torch.equal(two_views.gradient(theta), plain.gradient(theta))


@pytest.mark.parametrize("method", ["newton_cg", "diagonal_newton", "adam"])
def test_a_network_trains_on_two_views_and_is_tested_on_plain_images(method: str) -> None:
    torch.manual_seed(0)
    data, model = TinyTwoViews(), MLP((64, 8, 10), "tanh", l2=1e-3, optimizer=METHODS[method])
    labels = data.labels[data.rows["train"]]
    objective = model.objective((data.views[0], *data.views, labels))
    before, trainer = float(objective.value(theta_of(model))), make_trainer(12)
    trainer.fit(model, data)
    (metrics,) = trainer.test(model, data, verbose=False)
    assert trainer.global_step == 12 * 4
    assert float(objective.value(theta_of(model))) < 0.8 * before
    assert metrics["test/accuracy"] > 0.2, "twice as good as chance"


# -- Refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MLP, ResidualMLP])
@pytest.mark.parametrize(
    ("options", "cause", "remedy"),
    [
        ({"widths": (4, 0, 3)}, r"widths=\[4, 0, 3\]", "a whole number ≥ 1"),
        ({"widths": (4,)}, r"widths=\[4\]", "give at least the number of features and the number of outputs"),
        ({"widths": (4, 2.5, 3)}, r"widths=\[4, 2.5, 3\]", "a whole number"),
        ({"activation": "rely"}, r"no activation 'rely'", r"did you mean relu\?.*choose among relu, sigmoid"),
        ({"activation": "log_softmax"}, "log_softmax mixes the units of a layer", "loss='cross_entropy' contains it"),
        ({"output_activation": "softmax"}, "softmax mixes the units of a layer", "loss='cross_entropy' contains it"),
        ({"initialization": "kaiming"}, "no initialization 'kaiming'", "kaiming_uniform"),
        ({"initialization": -0.1}, "initialization=-0.1", "give a positive d, finite"),
        ({"loss": "mae"}, r"\(loss='mae'\)", "choose among cross_entropy, mse, l1, pseudo_huber"),
        ({"l2": -1.0}, r"\(l2=-1.0\)", "must be a number ≥ 0"),
        ({"l2": float("nan")}, r"\(l2=nan\)", "must be a number ≥ 0"),
        ({"schedule": "linear"}, r"\(schedule='linear'\)", "choose 'constant' or 'cosine'"),
        ({"widths": (4, 4, 1)}, r"\(widths=\[4, 4, 1\]\).*at least 2", "use loss='mse', 'l1' or 'pseudo_huber'"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(kind: type[MLP], options: dict[str, Any], cause: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=cause) as refusal:
        kind(**{"widths": (4, 4, 3), "optimizer": Newton} | options)
    refusal.match(remedy)
    assert "\n" not in str(refusal.value)


def test_a_residual_network_needs_a_width_that_is_kept() -> None:
    with pytest.raises(ValueError, match=r"widths=\[4, 5, 3\]: no hidden layer has as many units.*repeat a hidden width"):
        ResidualMLP((4, 5, 3), optimizer=Newton)


X, LABELS = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("options", "rows", "cause", "remedy"),
    [
        ({"widths": (5, 3)}, (X, LABELS), "network takes rows of 5 features", "make the first width the number of features"),
        ({"widths": (4, 3), "loss": "l1"}, (X, LABELS), "class labels", "or loss='cross_entropy'"),
        ({"widths": (4, 3), "loss": "mse"}, (X, torch.randn(6)), r"\(6, 1\), the model predicts \(rows, 3\)", "outputs to 1"),
        ({"widths": (4, 1), "loss": "mse"}, (X, torch.randn(6, 1, 1)), r"shape \(6, 1, 1\)", r"\(rows, 1\)"),
        ({"widths": (4, 2)}, (X, LABELS), "2 of 6 labels lie outside 0 … 1", "number of classes"),
        ({"widths": (4, 3)}, (X, torch.randn(6)), "real numbers", "use"),
        ({"widths": (4, 3)}, (X, LABELS[:5]), "6 rows of features but 5 targets", "row by row"),
    ],
)
def test_data_that_do_not_suit_the_model_are_refused_before_anything_is_computed(
    options: dict[str, Any], rows: tuple[Tensor, Tensor], cause: str, remedy: str
) -> None:
    model = MLP(**options, optimizer=DiagonalNewton)
    for refuse in (model.check_data, model.objective):
        with pytest.raises(ValueError, match=cause) as refusal:
            refuse(rows)
        refusal.match(remedy)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("targets", "remedy"), [(LABELS, "width"), (torch.randn(6), "loss='mse'")])
def test_the_remedies_are_options_of_a_network(targets: Tensor, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        MLP((4, 2), optimizer=Newton).check_data((X, targets))


@pytest.mark.parametrize("method", [Newton, DiagonalNewton, partial(GradientDescent, lr=0.1)])
def test_half_precision_is_refused(method: OptimizerCallable) -> None:
    with pytest.raises(ValueError, match=r"32 or 64 bit precision, not bf16-mixed.*64-true"):
        make_trainer(1, precision="bf16-mixed").fit(made("mlp", method), IrisDataModule())
