"""Rows from Python."""

from typing import Any

import numpy as np
import pandas
import pytest
import scipy.sparse
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer

from datamodules import ArrayDataModule, BreastCancerDataModule
from lightning_modules import SoftmaxRegression
from lightning_modules.optimizers import Newton
from tests.training import make_trainer

X = np.random.default_rng(0).normal(size=(40, 3))


def test_it_is_the_bundled_data_module_of_the_same_rows() -> None:
    frame = load_breast_cancer(as_frame=True)
    for x, y in ((frame.data, frame.target), (torch.tensor(frame.data.to_numpy()), torch.tensor(frame.target.to_numpy()))):
        data, bundled = ArrayDataModule(x, y, seed=3), BreastCancerDataModule(seed=3)
        for part in ("train", "val", "test"):
            for mine, theirs in zip(data.splits[part], bundled.splits[part], strict=True):
                torch.testing.assert_close(mine, theirs, rtol=0, atol=0)
    assert ArrayDataModule(frame.data, frame.target).feature_names == bundled.feature_names


TARGETS: dict[str, tuple[Any, int, int]] = {
    "texts": (["yes", "no"] * 20, 2, 1),
    "truth": (np.arange(40) % 2 == 0, 2, 1),
    "few whole numbers": ((np.arange(40) % 3)[:, None], 3, 1),
    "many whole numbers": (np.arange(40), 0, 1),
    "real numbers": (X[:, 0], 0, 1),
    "several": (X[:, :2], 0, 2),
}


@pytest.mark.parametrize("name", TARGETS)
def test_kinds_of_targets(name: str) -> None:
    y, classes, targets = TARGETS[name]
    data = ArrayDataModule(X, y)
    assert (data.num_classes, data.num_targets, data.feature_names) == (classes, targets, ("x0", "x1", "x2"))


def test_the_task_can_be_told() -> None:
    assert ArrayDataModule(X, [0, 1] * 20, task="regression").num_classes == 0
    assert ArrayDataModule(X, [0.5, 1.5] * 20, task="classification").class_names == ("0.5", "1.5")


def test_the_rows_are_not_in_checkpoints() -> None:
    data = ArrayDataModule(X, [0, 1] * 20, seed=5)
    assert data.hparams["seed"] == 5
    assert not {"x", "y"} & {*data.hparams, *data.hparams_initial}


def test_new_rows_are_scaled_like_the_old() -> None:
    data = ArrayDataModule(X, [0, 1] * 20)
    torch.testing.assert_close(data.scaled(X[data.rows["val"]]), data.splits["val"][0], rtol=0, atol=0)
    assert data.scaled(X)[data.rows["train"]].mean(0).abs().max() < 1e-14
    with pytest.raises(ValueError, match="give rows of 3 features"):
        data.scaled(X[:, :2])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": [["a"]], "y": [1]}, "give rows of numbers"),
        ({"x": X, "y": [1, 2]}, "x of shape \\(40, 3\\) and y of shape \\(2,\\)"),
        ({"x": X[0], "y": X[0]}, "give features \\(n, d\\)"),
        ({"x": X, "y": X[:, 0], "feature_names": ["a", "a", "b"]}, "give 3 different names"),
        ({"x": X, "y": X[:, 0], "task": "ranking"}, "choose among auto"),
        ({"x": X, "y": ["a", "b"] * 20, "task": "regression"}, "use task='classification'"),
        ({"x": X, "y": X[:, :2] > 0}, "one label a row"),
        ({"x": X * np.nan, "y": X[:, 0]}, "missing or infinite"),
        ({"x": X + 1j, "y": X[:, 0]}, "x: give rows of numbers .*complex128"),
        ({"x": X, "y": [[1], [1, 2]] * 20}, "y: give one label a row"),
        ({"x": X[:0], "y": []}, "no rows"),
        ({"x": pandas.DataFrame({"a": np.ones(40)}), "y": X[:, 0]}, "'a'"),
    ],
)
def test_refusals(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ArrayDataModule(**arguments).splits  # noqa: B018


def images() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Of 4 × 4 pixels, whose first row is black in all of them."""
    pixels = np.random.default_rng(0).integers(1, 255, (40, 16)).astype(float)
    pixels[:, :4] = 0
    return pixels, np.arange(40) % 3


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_matrix])
def test_features_that_are_not_scaled_may_be_constant(form: Any) -> None:
    pixels, labels = images()
    data = ArrayDataModule(form(pixels), labels, standardize=False)
    model = SoftmaxRegression(16, 3, l2=0.1, optimizer=Newton)
    make_trainer(20).fit(model, data)
    assert model.convergence().status == "converged" and not model.linear.weight[:, :4].any()


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_matrix])
def test_features_that_are_scaled_may_not(form: Any) -> None:
    pixels, labels = images()
    with pytest.raises(ValueError, match=r"^4 columns are constant: 'x0', 'x1', 'x2', 'x3'; leave them out, or give"):
        _ = ArrayDataModule(form(pixels), labels).splits
