"""Networks through the one training step: what they learn, and the linear models that they are without hidden layers."""

import pytest
import torch
from torch.nn.utils import parameters_to_vector

from datamodules import IrisDataModule
from lightning_modules import MLP, LinearRegression, ResidualMLP, SoftmaxRegression
from lightning_modules.optimizers import Newton
from tests.lightning_modules.networks_at_hand import KINDS, curve, made, theta_of
from tests.row_data import RowData
from tests.training import METHODS, ON_BATCHES, fit_iterates, make_trainer

each_kind = pytest.mark.parametrize("kind", KINDS)
# Constant steps on a sample's curvature, and a search on a sample's loss: on mini-batches nothing promises that they descend.
UNGUARDED = ("newton_fixed", "diagonal_newton_fixed", "lbfgs")


def objective_of(model: MLP, data: IrisDataModule) -> float:
    return float(model.objective(data.splits["train"]).value(theta_of(model)))


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
