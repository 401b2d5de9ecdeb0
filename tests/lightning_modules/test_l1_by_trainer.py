"""l1 through a Trainer: the minimiser of others, what the logs say, refusals, resumed runs, and the choice of l1."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from pytorch_lightning import Callback
from sklearn.linear_model import ElasticNet
from sklearn.linear_model import LogisticRegression as ScikitLogisticRegression
from torch.nn.utils import parameters_to_vector

import lightning_modules
from datamodules import ArrayDataModule, TabularDataModule
from lightning_modules import (
    GammaRegression,
    LinearRegression,
    LogisticRegression,
    NegativeBinomialRegression,
    PoissonRegression,
    SoftmaxRegression,
    TweedieRegression,
)
from lightning_modules.lasso import cross_validated, minimise_l1
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from tests.training import make_trainer

ROWS, FEATURES = 200, 12
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, FEATURES))
Z = X[:, 0] - 0.7 * X[:, 1] + 0.3
TARGETS: dict[type, Any] = {
    LinearRegression: Z + RNG.normal(size=ROWS),
    LogisticRegression: (Z + RNG.logistic(size=ROWS) > 0).astype(int),
    SoftmaxRegression: (X[:, :3] + RNG.gumbel(size=(ROWS, 3))).argmax(1),
    PoissonRegression: RNG.poisson(np.exp(0.5 * Z)),
    GammaRegression: RNG.gamma(2.0, np.exp(0.5 * Z)) + 1e-3,
    TweedieRegression: RNG.poisson(np.exp(0.5 * Z)) * 0.7,
    NegativeBinomialRegression: RNG.poisson(np.exp(0.5 * Z) * RNG.gamma(2.0, 0.5, ROWS)),
}


def data_of(model: type, **options: Any) -> ArrayDataModule:
    task: Any = "classification" if model in (LogisticRegression, SoftmaxRegression) else "regression"
    return ArrayDataModule(X, TARGETS[model], task=task, val_fraction=0, test_fraction=0, standardize=False, **options)


def made(model: type, **options: Any) -> Any:
    sizes = {"num_classes": 3} if model is SoftmaxRegression else {}
    return model(FEATURES, **sizes, **{"optimizer": Newton, **options})


def theta_of(model: Any) -> torch.Tensor:
    return parameters_to_vector(model.parameters()).detach().clone()


@pytest.mark.parametrize("kind", TARGETS, ids=lambda kind: kind.__name__)
def test_every_linear_model(kind: type) -> None:
    model, data = made(kind, l1=0.05, l2=0.01), data_of(kind)
    make_trainer(100).fit(model, data)
    verdict = model.convergence()
    assert verdict.status == "converged" and 0 < model.zeros < model.linear.weight.numel()
    assert f"{model.zeros} of {model.linear.weight.numel()} coefficients are 0" in verdict.message
    assert (verdict.gap is None) == (kind is TweedieRegression) and (verdict.gap or 0) < 1e-10
    smooth = GLMObjective(model.family, torch.from_numpy(X), torch.from_numpy(TARGETS[kind]), 0.01)
    found = minimise_l1(smooth, 0.05)
    assert_allclose(theta_of(model), found.theta, atol=1e-6)
    assert all(row.standard_error is None for row in model.coefficients([f"x{j}" for j in range(FEATURES)]))
    assert model.fit_statistics() is None


def test_the_elastic_net_and_the_logistic_regression_of_scikit_learn() -> None:
    ours = made(LinearRegression, l1=0.06, l2=0.04)
    make_trainer(100).fit(ours, data_of(LinearRegression))
    theirs = ElasticNet(0.1, l1_ratio=0.6, tol=1e-14, max_iter=100_000).fit(X, TARGETS[LinearRegression])
    assert_allclose(theta_of(ours), [*theirs.coef_, theirs.intercept_], atol=1e-8)
    ours = made(LogisticRegression, l1=0.03)
    make_trainer(100).fit(ours, data_of(LogisticRegression))
    settings: dict[str, Any] = {"solver": "saga", "tol": 1e-12, "max_iter": 100_000, "random_state": 0}
    peer = ScikitLogisticRegression(C=1 / (ROWS * 0.03), l1_ratio=1.0, **settings)
    peer.fit(X, TARGETS[LogisticRegression])
    assert_allclose(theta_of(ours), [*peer.coef_[0], *peer.intercept_], atol=1e-6)


class Seen(Callback):
    """θ after each step, and what is logged of it."""

    def __init__(self) -> None:
        self.thetas: list[torch.Tensor] = []
        self.largest: list[float] = []
        self.values: list[float] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.thetas.append(theta_of(pl_module))
        self.largest.append(float(trainer.optimizers[0].report.gradient_max))
        self.values.append(float(trainer.callback_metrics["train/objective"]))


def test_a_step_of_the_method_is_a_step_of_the_trainer() -> None:
    seen = Seen()
    model = made(LogisticRegression, l1=0.02)
    trainer = make_trainer(100, seen)
    trainer.fit(model, data_of(LogisticRegression))
    assert trainer.global_step == len(seen.values) > 3
    assert all(after < before for before, after in zip(seen.values[:-2], seen.values[1:-1], strict=True))
    # The shortest subgradient goes to 0; the gradient of the loss alone would stay at l1.
    assert seen.largest[0] > 0.05 and seen.largest[-1] < 1e-9
    smooth = GLMObjective(Bernoulli(), torch.from_numpy(X), torch.from_numpy(TARGETS[LogisticRegression]))
    assert float(smooth.point(seen.thetas[-1]).gradient.abs().max()) > 0.0199


@pytest.mark.parametrize("l1", [0.02, "cv-1se"])
def test_resumed_bit_for_bit(l1: Any, tmp_path: Path) -> None:
    whole = made(LogisticRegression, l1=l1, folds=2)
    make_trainer(100).fit(whole, data_of(LogisticRegression))
    begun = made(LogisticRegression, l1=l1, folds=2)
    trainer = make_trainer(2)
    trainer.fit(begun, data_of(LogisticRegression))
    trainer.save_checkpoint(tmp_path / "two.ckpt")
    assert not torch.equal(theta_of(begun), theta_of(whole))
    resumed = made(LogisticRegression, l1=l1, folds=2)
    make_trainer(100).fit(resumed, data_of(LogisticRegression), ckpt_path=tmp_path / "two.ckpt", weights_only=True)
    assert torch.equal(theta_of(resumed), theta_of(whole)) and resumed.convergence().status == "converged"
    assert resumed.chosen_l1 == whole.chosen_l1 == begun.chosen_l1
    loaded = LogisticRegression.load_from_checkpoint(tmp_path / "two.ckpt", optimizer=Newton, weights_only=True)
    assert loaded.chosen_l1 == begun.chosen_l1 and loaded.l1 == l1


@pytest.mark.slow
def test_the_choice_is_that_of_the_package_and_made_anew_for_other_rows() -> None:
    smooth = GLMObjective(Bernoulli(), torch.from_numpy(X), torch.from_numpy(TARGETS[LogisticRegression]))
    curve, told = cross_validated(smooth, 3), []
    for l1, place in (("cv", curve.best), ("cv-1se", curve.one_standard_error)):
        model = made(LogisticRegression, l1=l1, folds=3)
        make_trainer(100).fit(model, data_of(LogisticRegression))
        assert model.chosen_l1 == curve.path[place].l1 and model.convergence().status == "converged"
        assert_allclose(theta_of(model), curve.path[place].theta, atol=1e-6)
        told.append(model.chosen_l1)
    assert told[1] > told[0]
    before = model.chosen_l1
    make_trainer(100).fit(model, ArrayDataModule(X[:100], TARGETS[LogisticRegression][:100], task="classification"))
    assert model.chosen_l1 != before


def test_weights_by_name_and_by_place() -> None:
    names = tuple(f"x{j}" for j in range(FEATURES))
    by_name = made(LinearRegression, l1=0.3, penalty_weights={"x3": 0, "x0": 0.5})
    make_trainer(100).fit(by_name, data_of(LinearRegression, feature_names=names))
    by_place = made(LinearRegression, l1=0.3, penalty_weights=[0.5, 1, 1, 0] + 8 * [1])
    make_trainer(100).fit(by_place, data_of(LinearRegression))
    assert torch.equal(theta_of(by_name), theta_of(by_place)) and float(theta_of(by_name)[3]) != 0
    # Of l2 alone too.
    ridge = made(LinearRegression, l2=5.0, penalty_weights=[0.0] + 11 * [1])
    make_trainer(100).fit(ridge, data_of(LinearRegression))
    even = made(LinearRegression, l2=5.0)
    make_trainer(100).fit(even, data_of(LinearRegression))
    assert ridge.convergence().status == "converged" and theta_of(ridge)[0] > 2 * theta_of(even)[0]


REFUSED: dict[str, tuple[type, dict[str, Any], dict[str, Any]]] = {
    "LinearRegression(l1=-1): give a finite number ≥ 0": (LinearRegression, {"l1": -1}, {}),
    "PoissonRegression(l1=nan)": (PoissonRegression, {"l1": float("nan")}, {}),
    "GammaRegression(l1=inf)": (GammaRegression, {"l1": float("inf")}, {}),
    "LinearRegression(l1='lasso')": (LinearRegression, {"l1": "lasso"}, {}),
    "LinearRegression(l1=True)": (LinearRegression, {"l1": True}, {}),
    "LinearRegression(folds=1)": (LinearRegression, {"l1": "cv", "folds": 1}, {}),
    "that of 'x0' is -1": (LinearRegression, {"l1": 0.1, "penalty_weights": {"x0": -1}}, {}),
    "that of 2 is nan": (LinearRegression, {"l1": 0.1, "penalty_weights": [1, 1, float("nan")]}, {}),
    "3 for 12 features": (LinearRegression, {"l1": 0.1, "penalty_weights": [1, 1, 1]}, {}),
    "there is no feature 'age'": (LinearRegression, {"l1": 0.1, "penalty_weights": {"age": 0}}, {}),
    "GradientDescent cannot step": (LinearRegression, {"l1": 0.1, "optimizer": partial(GradientDescent, lr=0.1)}, {}),
    "DiagonalNewton cannot step": (LinearRegression, {"l1": "cv", "optimizer": DiagonalNewton}, {}),
    "Adam cannot step": (LinearRegression, {"l1": 0.1, "optimizer": partial(torch.optim.Adam, lr=0.1)}, {}),
    "LBFGS cannot step": (LinearRegression, {"l1": 0.1, "optimizer": torch.optim.LBFGS}, {}),
    "Newton(lr=0.5) with an l1 penalty": (LinearRegression, {"l1": 0.1, "optimizer": partial(Newton, lr=0.5)}, {}),
    "on mini-batches": (LinearRegression, {"l1": 0.1}, {"batch_size": 50}),
    "LinearRegression(l1=cv) on mini-batches": (LinearRegression, {"l1": "cv"}, {"batch_size": 50}),
    "firth=True) with l1": (LogisticRegression, {"l1": 0.1, "firth": True}, {}),
    "chooses l1 for one dispersion": (NegativeBinomialRegression, {"l1": "cv"}, {}),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused_in_one_line(message: str) -> None:
    kind, options, of_data = REFUSED[message]
    with pytest.raises(ValueError) as refused:
        make_trainer(2).fit(made(kind, **options), data_of(kind, **of_data))
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_frozen_weights_are_refused() -> None:
    model = made(LinearRegression, l1=0.1)
    model.linear.bias.requires_grad_(False)
    with pytest.raises(ValueError, match="leave none frozen"):
        make_trainer(2).fit(model, data_of(LinearRegression))


def test_a_choice_that_memory_does_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_modules.linear.l1_choice._free_bytes", lambda: 1000)
    with pytest.raises(ValueError, match="choose it on a part of the table"):
        make_trainer(2).fit(made(LinearRegression, l1="cv"), data_of(LinearRegression))
    make_trainer(2).fit(made(LinearRegression, l1=0.1), data_of(LinearRegression))


def test_a_strength_that_is_changed_between_fits_counts() -> None:
    model = made(LinearRegression, l1=0.05)
    make_trainer(100).fit(model, data_of(LinearRegression))
    before, model.l1 = model.zeros, 0.4
    make_trainer(100).fit(model, data_of(LinearRegression))
    assert model.zeros > before and model.convergence().status == "converged"


def test_every_model_with_l2_and_an_intercept_takes_l1() -> None:
    assert {kind.__name__ for kind in TARGETS} == {
        name for name in lightning_modules.__all__ if hasattr(getattr(lightning_modules, name), "choose_l1")
    }


@pytest.mark.parametrize("option", ["groups", "clusters"])
def test_rows_of_a_group_are_held_out_together(option: str, tmp_path: Path) -> None:
    """Features that are a patient's tell its rows apart from others, and nothing else."""
    patients = np.repeat(np.arange(30), 6)
    features = RNG.normal(size=(30, 8))[patients]
    lines = [
        ",".join(map(str, (f"p{patient}", noise, *row)))
        for patient, noise, row in zip(
            patients, (RNG.normal(size=30)[patients] + 0.1 * RNG.normal(size=180)), features, strict=True
        )
    ]
    path = tmp_path / "patients.csv"
    path.write_text("\n".join(["patient,y," + ",".join(f"x{j}" for j in range(8)), *lines]))
    chosen = {}
    for given in ({option: "patient"}, {"exclude": ["patient"]}):
        data = TabularDataModule(str(path), "y", val_fraction=0, test_fraction=0, **given)
        model = LinearRegression(data.num_features, l1="cv", optimizer=Newton)
        make_trainer(epochs=30, precision="64-true").fit(model, data)
        chosen[next(iter(given))] = model.chosen_l1
    assert chosen[option] > 3 * chosen["exclude"]
