"""The bundled digits, and what all image data modules share, on them."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

from datamodules import DigitsDataModule, MNISTDataModule
from tests.training import METHODS, fit_iterates, make_model, make_trainer


@pytest.fixture(scope="module")
def data() -> DigitsDataModule:
    return DigitsDataModule()


def test_sizes_and_types(data: DigitsDataModule) -> None:
    assert (data.num_features, data.num_classes, data.num_targets, data.num_rows) == (64, 10, 1, 1797)
    assert data.class_names == tuple("0123456789")
    assert data.feature_names[:2] == ("pixel 0,0", "pixel 0,1")
    assert data.feature_names[63] == "pixel 7,7"
    assert str(data) == "DigitsDataModule: 64 features, 10 classes, rows: 1077 train, 360 val, 360 test"
    for images, labels in data.splits.values():
        assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)
        assert images.max() == 16


def test_test_images_are_those_of_scikit_learn(data: DigitsDataModule) -> None:
    x, y = load_digits(return_X_y=True)
    _, expected, _, labels = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    images, targets = data.splits["test"]
    np.testing.assert_array_equal(images.numpy(), expected)
    np.testing.assert_array_equal(targets.numpy(), labels)


def test_digits_keep_their_shares(data: DigitsDataModule) -> None:
    whole = np.bincount(load_digits().target) / 1797
    for _, labels in data.splits.values():
        np.testing.assert_allclose(np.bincount(labels) / len(labels), whole, atol=1 / len(labels))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pixels_are_in_the_unit_interval(data: DigitsDataModule, dtype: torch.dtype) -> None:
    images = data.splits["train"][0]
    pixels = data.to_pixels(images, dtype)
    assert pixels.dtype == dtype
    assert torch.equal(pixels, images.to(dtype) / 16)
    assert images.dtype == torch.uint8, "the images in memory are left alone"


def test_normalized_pixels_have_mean_0_and_variance_1() -> None:
    data = DigitsDataModule(normalize=True)
    pixels = data.to_pixels(torch.cat([images for images, _ in data.splits.values()]), torch.float64)
    assert float(pixels.mean()) == pytest.approx(0, abs=1e-3)
    assert float(pixels.std()) == pytest.approx(1, abs=1e-3)


def test_to_pixels_takes_any_shape(data: DigitsDataModule) -> None:
    """A subclass that augments works on (n, h, w)."""
    images = data.splits["train"][0][:5]
    square = data.to_pixels(images.view(5, 8, 8), torch.float32)
    assert torch.equal(square.flatten(1), data.to_pixels(images, torch.float32))


@pytest.mark.parametrize("precision", ["32-true", "64-true"])
def test_batches_arrive_in_the_type_of_the_model(data: DigitsDataModule, precision: str) -> None:
    model = make_model(data, METHODS["gradient_descent"])
    fed: list[Tensor] = []
    objective = model.objective
    model.objective = lambda batch: fed.append(batch[0]) or objective(batch)  # type: ignore[method-assign,func-returns-value]
    make_trainer(1, precision=precision).fit(model, data)
    assert fed[0].dtype == model.linear.weight.dtype == getattr(torch, f"float{precision[:2]}")
    assert torch.equal(fed[0], data.to_pixels(data.splits["train"][0], fed[0].dtype))


@pytest.mark.parametrize("digits", [[9, 4], [4, 9]], ids=str)
def test_chosen_digits_are_relabelled_in_increasing_order(digits: list[int]) -> None:
    data = DigitsDataModule(digits=digits)
    assert (data.class_names, data.num_classes) == (("4", "9"), 2)
    x, y = load_digits(return_X_y=True)
    found = np.concatenate([torch.column_stack([labels, images]).numpy() for images, labels in data.splits.values()])
    expected = np.column_stack([y == 9, x])[(y == 4) | (y == 9)]
    np.testing.assert_array_equal(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("digits", [[0, 1], None], ids=["logistic", "softmax"])
def test_every_method_fits_them(method: str, digits: list[int] | None) -> None:
    data = DigitsDataModule(digits=digits)
    model = make_model(data, METHODS[method])
    trainer = make_trainer(2 if digits is None else 5)
    trainer.fit(model, data)
    assert trainer.callback_metrics["train/objective"] < np.log(data.num_classes)


def test_newton_converges_where_pixels_are_always_black() -> None:
    """Pixels that are 0 in every image: without the penalty the curvature is singular."""
    data = DigitsDataModule(digits=[3, 5, 8])
    assert (data.splits["train"][0].amax(0) == 0).any()
    for method in ("newton", "newton_cg"):
        model = make_model(data, METHODS[method])
        make_trainer(30).fit(model, data)
        assert model.convergence().status == "converged"


def test_mini_batches_repeat_exactly(data: DigitsDataModule) -> None:
    runs = []
    for _ in range(2):
        module = DigitsDataModule(batch_size=100, seed=3)
        runs.append(fit_iterates(make_model(module, METHODS["sgd_nesterov"]), module, 2))
    assert torch.equal(*runs)


def test_processes_share_the_batches() -> None:
    """The shares of two processes are the batch of one."""
    module = DigitsDataModule(batch_size=100)
    whole = [images for images, _ in module.train_dataloader()]
    shares = []
    for rank in range(2):
        trainer: Any = type("TwoProcesses", (), {"global_rank": rank, "world_size": 2})()
        module.trainer = trainer
        shares.append([images for images, _ in module.train_dataloader()])
    assert [len(batch) for batch in whole] == [100] * 10 + [77]
    for batch, first, second in zip(whole, *shares, strict=True):
        assert torch.equal(batch, torch.cat([first, second]))
        assert 0 <= len(second) - len(first) <= 1


@pytest.mark.parametrize("module", [DigitsDataModule, MNISTDataModule])
@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"digits": [0, 10]}, "digits=[0, 10]: 10 is no digit; choose among the integers 0 to 9"),
        ({"digits": [-1, 3]}, "digits=[-1, 3]: -1 is no digit"),
        ({"digits": ["a", 3]}, "digits=['a', 3]: 'a' is no digit"),
        ({"digits": [3, 3]}, "digits=[3, 3]: a digit is named twice"),
        ({"digits": [3]}, "digits=[3]: with fewer than two classes"),
        ({"digits": []}, "digits=[]: with fewer than two classes"),
        ({"batch_size": 0}, "batch_size=0: a batch needs at least one row"),
        ({"seed": -1}, "seed=-1: the seed must be an integer"),
        ({"val_fraction": 1.0}, "val_fraction=1.0: the share of rows for validation must be in [0, 1)"),
        ({"test_fraction": 1.0}, "test_fraction=1.0: the share of rows for the test must be in [0, 1)"),
        ({"val_fraction": 0.6, "test_fraction": 0.4}, "leave no rows for training"),
    ],
    ids=str,
)
def test_bad_settings_are_refused_at_once(module: Any, bad: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError) as refusal:
        module(**bad)
    assert says in str(refusal.value)
