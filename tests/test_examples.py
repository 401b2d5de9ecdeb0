"""The examples of the README and of docs/, run as they stand there."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import PoissonRegressor
from torch.utils.data import DataLoader, TensorDataset

from datamodules import ArrayDataModule, DigitsDataModule, IrisDataModule
from lightning_modules import SoftmaxRegression
from lightning_modules.optimizers import DiagonalNewton, Newton
from tests.conftest import ROOT
from tests.training import make_model, make_trainer

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
LONGEST = 40


def blocks(text: str) -> list[str]:
    """Fenced Python blocks of a Markdown text."""
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def all_blocks() -> list[str]:
    """Those of all pages, each once."""
    return list(dict.fromkeys(code for page in PAGES for code in blocks(page.read_text(encoding="utf-8"))))


def example(defines: str, folder: Path, patch: pytest.MonkeyPatch) -> Any:
    """What the block that defines a name leaves under it."""
    (code,) = (block for block in all_blocks() if re.search(rf"^(class )?{defines}\b", block, re.M))
    assert len(code.splitlines()) <= LONGEST
    patch.chdir(folder)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "example", "exec"), names)
    return names[defines]


def test_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities = example("probabilities", tmp_path, monkeypatch)
    assert probabilities.shape == (178, 3)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(178, dtype=torch.float64))


@pytest.mark.filterwarnings("ignore:GPU available")
def test_a_module_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = example("net", tmp_path, monkeypatch)
    x, y = (data := DigitsDataModule()).convert(data.splits["test"], torch.float32)
    assert float((net(x).argmax(1) == y).float().mean()) > 0.9


def test_a_loop_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert example("accuracy", tmp_path, monkeypatch) > 0.93


def test_a_curve_in_three_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minimum = example("minimum", tmp_path, monkeypatch)
    assert minimum.status == "converged"
    torch.testing.assert_close(minimum.theta, torch.tensor([2.5, 1.3], dtype=torch.float64), rtol=0, atol=0.2)


def test_a_curve_by_a_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decay = example("decay", tmp_path, monkeypatch)
    assert decay.convergence().status == "converged"
    torch.testing.assert_close(decay.theta.detach(), torch.tensor([2.5, 1.3], dtype=torch.float64), rtol=0, atol=0.2)
    (metrics,) = make_trainer(0).test(decay, DataLoader(TensorDataset(torch.ones(3).double(), torch.ones(3).double())))
    assert {"test/mse", "test/r2"} <= set(metrics)


def test_a_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first step ends where Newton's model along the gradient has its minimum; then it goes on to the optimum."""
    data = IrisDataModule()
    model = SoftmaxRegression(4, 3, l2=1.0, optimizer=example("SteepestDescent", tmp_path, monkeypatch))
    make_trainer(200).fit(model, data)
    assert model.convergence().status == "converged"


LBFGS = partial(torch.optim.LBFGS, max_iter=100, tolerance_grad=1e-9, tolerance_change=0.0)


@pytest.mark.parametrize("method", [Newton, DiagonalNewton, LBFGS])
def test_a_model(method: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The optimum is scikit-learn's."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 3))
    y = generator.poisson(np.exp(x @ [0.5, -0.3, 0.1] + 0.2))
    data = ArrayDataModule(x, y, task="regression", val_fraction=0.0)
    model = example("RateRegression", tmp_path, monkeypatch)(data.num_features, optimizer=method)
    trainer = make_trainer(100)
    trainer.fit(model, data)
    features, targets = (part.numpy() for part in data.splits["train"])
    peer = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(features, targets[:, 0])
    np.testing.assert_allclose(model.linear.weight.detach().numpy()[0], peer.coef_, atol=1e-5)
    (metrics,) = trainer.test(model, data, verbose=False)
    assert {"test/loss", "test/r2"} <= set(metrics)


def test_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = example("WineDataModule", tmp_path, monkeypatch)(folds=5, fold=1)
    assert (data.num_features, data.class_names, data.num_rows) == (13, ("class_0", "class_1", "class_2"), 178)
    model = make_model(data, Newton)
    make_trainer(30).fit(model, data)
    assert model.convergence().status == "converged"


def test_an_estimator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    travel = example("travel", tmp_path, monkeypatch)
    assert travel.convergence_.status == "converged"
    assert list(travel.get_feature_names_out()) == ["distance", "weather_rain", "weather_snow"]


def test_standard_errors_of_a_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = example("table", tmp_path, monkeypatch)
    assert abs(table["estimate"]["x0"] - 0.04) < 3 * table["standard error"]["x0"]
