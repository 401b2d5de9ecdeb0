"""Numbers that must be reached, in float64, through the trainer."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.model_selection import KFold
from torch.utils.data import DataLoader, TensorDataset

from datamodules import BreastCancerDataModule, CaliforniaHousingDataModule, IrisDataModule
from lightning_modules import LinearRegression
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from lightning_modules.training.objective_module import OptimizerCallable
from tests.training import fit_iterates, make_model, make_trainer

# The published rows divide by the *summed* loss's curvature; its damping per mean loss is that over 398 training rows.
S3: dict[str, tuple[OptimizerCallable, int, float, float]] = {
    "gradient descent": (partial(GradientDescent, lr=0.1), 60, 0.1152, 0.9708),
    "Newton": (partial(Newton, lr=0.1, damping=1e-6 / 398), 20, 0.1455, 0.9825),
    "diagonal Newton": (partial(DiagonalNewton, lr=0.1, damping=1e-8 / 398), 60, 0.0466, 0.9825),
}


@pytest.mark.parametrize("method", S3)
def test_s3_breast_cancer(method: str) -> None:
    optimizer, epochs, loss, accuracy = S3[method]
    data = BreastCancerDataModule(val_fraction=0.0, test_fraction=0.3, seed=7)
    assert len(data.splits["train"][1]) == 398
    model, trainer = make_model(data, optimizer, l2=0.0), make_trainer(epochs)
    trainer.fit(model, data)
    (metrics,) = trainer.test(model, data, verbose=False)
    assert trainer.current_epoch == epochs
    assert round(metrics["test/loss"], 4) == loss
    assert round(metrics["test/accuracy"], 4) == accuracy


@pytest.mark.parametrize("data_class", [BreastCancerDataModule, IrisDataModule])
@pytest.mark.parametrize("solver", ["cholesky", "cg"])
def test_coefficients_equal_scikit_learn(data_class: type[BreastCancerDataModule], solver: str) -> None:
    data = data_class(val_fraction=0.0)
    model = make_model(data, partial(Newton, solver=solver), l2=0.01)
    trainer = make_trainer(50)
    trainer.fit(model, data)
    assert model.convergence().status == "converged"
    features, targets = data.splits["train"]
    peer = SklearnLogisticRegression(C=1 / (0.01 * len(targets)), tol=1e-10, max_iter=100_000).fit(features, targets)
    weight, bias = model.linear.weight.detach().numpy(), model.linear.bias.detach().numpy()
    np.testing.assert_allclose(weight, peer.coef_, atol=1e-6)
    np.testing.assert_allclose(bias, peer.intercept_, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_newton_solves_least_squares_in_one_step_from_anywhere(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    features, targets = (torch.randn(200, k, generator=generator, dtype=torch.float64) for k in (7, 2))
    model = LinearRegression(7, 2, optimizer=Newton)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(1e3 * torch.randn(parameter.shape, generator=generator))
    loader = DataLoader(TensorDataset(features, targets), batch_size=200)
    make_trainer(1).fit(model, loader)
    extended = torch.cat([features, torch.ones(200, 1)], 1)
    theta = torch.cat([model.linear.weight, model.linear.bias[:, None]], 1).detach().T
    right = extended.T @ targets
    assert (extended.T @ extended @ theta - right).norm() <= 1e-10 * right.norm()


def test_s16_gradient_descent_iterates_have_their_closed_form() -> None:
    """w_k = (I − αXᵀX)ᵏ w₀ + Σ_{i<k} (I − αXᵀX)ⁱ αXᵀy for the summed loss: α = lr / n for the mean."""
    data = BreastCancerDataModule(val_fraction=0.0)
    features = data.splits["train"][0]
    targets = (features[:, :5].sum(1, keepdim=True).sin() + 0.3).contiguous()
    n, alpha = len(features), 0.1 / len(features)
    extended = torch.cat([features, torch.ones(n, 1)], 1)
    model = LinearRegression(30, optimizer=partial(GradientDescent, lr=0.1))
    loader = DataLoader(TensorDataset(features, targets), batch_size=n)
    iterates = fit_iterates(model, loader, 20)
    contraction = torch.eye(31, dtype=torch.float64) - alpha * extended.T @ extended
    expected, power = torch.zeros(31, 1, dtype=torch.float64), torch.eye(31, dtype=torch.float64)
    for theta in iterates:
        expected = expected + power @ (alpha * extended.T @ targets)
        power = power @ contraction
        torch.testing.assert_close(theta, expected[:, 0], rtol=0, atol=1e-10)


def test_california_linear_r2(data_dir: str) -> None:
    """5-fold, standardised in each fold: an exact solver must equal the known 0.6037 (and an MAE of 0.5316)."""
    table = CaliforniaHousingDataModule(data_dir).table
    scores = []
    for train, test in KFold(5, shuffle=True, random_state=0).split(table.features):
        mean, scale = table.features[train].mean(0), table.features[train].std(0)
        features, targets = torch.from_numpy((table.features - mean) / scale), torch.from_numpy(table.targets)
        model, trainer = LinearRegression(8, optimizer=Newton), make_trainer(5)
        trainer.fit(model, DataLoader(TensorDataset(features[train], targets[train]), batch_size=len(train)))
        assert trainer.current_epoch == 2, "one step, and one look that finds nothing left to do"
        (metrics,) = trainer.test(
            model, DataLoader(TensorDataset(features[test], targets[test]), batch_size=999), verbose=False
        )
        scores.append((metrics["test/r2"], metrics["test/mae"]))
    r2, mae = np.mean(scores, 0)
    assert r2 == pytest.approx(0.6037, abs=1e-3)
    assert mae == pytest.approx(0.5316, abs=1e-3)


def test_r2_survives_targets_far_from_zero() -> None:
    """In float32 torchmetrics returned 0.9992 where the truth is 0.99."""
    generator = torch.Generator().manual_seed(0)
    targets = 1e4 + torch.randn(5000, 1, generator=generator, dtype=torch.float64)
    features = targets - 1e4 + 0.1 * torch.randn(5000, 1, generator=generator, dtype=torch.float64)
    model, trainer = LinearRegression(1, optimizer=Newton), make_trainer(3)
    loader = DataLoader(TensorDataset(features, targets), batch_size=5000)
    trainer.fit(model, loader)
    (metrics,) = trainer.test(model, DataLoader(TensorDataset(features, targets), batch_size=77), verbose=False)
    with torch.no_grad():
        residual = targets - model(features)
    truth = 1 - residual.square().sum() / (targets - targets.mean()).square().sum()
    assert metrics["test/r2"] == pytest.approx(float(truth), abs=1e-6)
