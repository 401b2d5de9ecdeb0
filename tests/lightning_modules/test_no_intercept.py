"""Models without an intercept: NIST's certified lines through the origin, and what else such a model needs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules import ArrayDataModule
from lightning_modules import LinearRegression, LogisticRegression, PoissonRegression, SoftmaxRegression
from lightning_modules.linear.coefficients import coefficients
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Gaussian
from lightning_modules.optimizers import Newton, minimise
from tests.training import make_trainer

# Data, and the certified slope, its standard error and the residual standard deviation.
CERTIFIED = {
    "NoInt1": (range(60, 71), range(130, 141), 2.07438016528926, 0.165289256198347e-01, 3.56753034006338),
    "NoInt2": (range(4, 7), (3, 4, 4), 0.727272727272727, 0.420827318078432e-01, 0.369274472937998),
}


@pytest.mark.parametrize("name", CERTIFIED)
def test_nist_lines_through_the_origin(name: str) -> None:
    x, y, slope, error, deviation = CERTIFIED[name]
    features, targets = (torch.tensor(list(each), dtype=torch.float64)[:, None] for each in (x, y))
    objective = GLMObjective(Gaussian(1), features, targets, intercept=False)
    found = minimise(objective, torch.zeros(1, dtype=torch.float64), Newton, 20)
    assert found.status == "converged"
    np.testing.assert_allclose(float(found.theta), slope, rtol=1e-14)
    (told,) = coefficients(objective, found.theta, ["x"])
    assert told.name == "x" and told.standard_error is not None
    np.testing.assert_allclose(told.standard_error, error, rtol=1e-13)
    residuals = (features @ found.theta[:, None] - targets).norm() / (len(targets) - 1) ** 0.5
    np.testing.assert_allclose(float(residuals), deviation, rtol=1e-13)


def rows(labels: bool) -> ArrayDataModule:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2))
    y = (rng.random(120) < 1 / (1 + np.exp(-x[:, 0]))).astype(int) if labels else rng.poisson(np.exp(0.3 * x[:, 0]))
    task = "classification" if labels else "regression"
    return ArrayDataModule(x, y, task=task, val_fraction=0, test_fraction=0, standardize=False)


@pytest.mark.parametrize(
    ("make", "labels"),
    [
        (lambda: LogisticRegression(2, intercept=False, optimizer=Newton), True),
        (lambda: SoftmaxRegression(2, 2, intercept=False, optimizer=Newton), True),
        (lambda: LinearRegression(2, intercept=False, optimizer=Newton), False),
        (lambda: PoissonRegression(2, intercept=False, optimizer=Newton), False),
    ],
    ids=["logistic", "softmax", "linear", "poisson"],
)
def test_a_fit_ends_at_the_optimum_and_tells_the_slopes_alone(make, labels: bool, tmp_path: Path) -> None:
    data, model = rows(labels), make().double()
    make_trainer(40).fit(model, data)
    assert model.convergence().status == "converged"
    assert [told.name.rpartition(": ")[2] for told in model.coefficients(["a", "b"], ["no", "yes"] if labels else [])] == [
        "a",
        "b",
    ]
    assert not bool(model.forward(torch.zeros(1, 2, dtype=torch.float64)).any())


def test_centred_features_are_refused_before_the_fit() -> None:
    rng = np.random.default_rng(0)
    data = ArrayDataModule(rng.normal(size=(60, 2)), rng.normal(size=60), task="regression")
    model = LinearRegression(2, intercept=False, optimizer=Newton)
    with pytest.raises(ValueError, match="set standardize=False in the data module"):
        make_trainer(2).fit(model, data)
