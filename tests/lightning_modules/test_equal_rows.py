"""Equal rows get equal predictions to the last bit, whatever their place, the batch, and the rows beside them."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from lightning_modules import MLP, LinearRegression, LogisticRegression, ObjectiveModule, ResidualMLP, SoftmaxRegression
from lightning_modules.training.area_under_roc import BinaryAreaUnderROC, MulticlassAreaUnderROC, area_under_roc
from lightning_modules.training.equal_rows import OUTPUTS, in_blocks, whole_linear
from tests.training import make_trainer

SGD = partial(torch.optim.SGD, lr=0.1)
DISTINCT = 36
MODELS: dict[str, Any] = {
    "logistic": lambda d: LogisticRegression(d, optimizer=SGD),
    "linear": lambda d: LinearRegression(d, optimizer=SGD),
    "linear of 3 targets": lambda d: LinearRegression(d, 3, optimizer=SGD),
    "softmax of 3": lambda d: SoftmaxRegression(d, 3, optimizer=SGD),
    "softmax of 26": lambda d: SoftmaxRegression(d, 26, optimizer=SGD),
    "relu": lambda d: MLP((d, 50, 7), optimizer=SGD),
    "sigmoid": lambda d: MLP((d, 16, 20, 3), "sigmoid", optimizer=SGD),
    "softplus": lambda d: MLP((d, 12, 1), "softplus", loss="mse", optimizer=SGD),
    "tanh with skips": lambda d: ResidualMLP((d, 20, 20, 4), "tanh", optimizer=SGD),
}


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Threads, by which rows are shared out."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def problem(name: str, features: int, dtype: torch.dtype) -> tuple[ObjectiveModule, Tensor, Tensor]:
    """A model with random weights, distinct rows, and which of them 1300 rows are."""
    generator = torch.Generator().manual_seed(features)
    model: ObjectiveModule = MODELS[name](features).to(dtype)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator)
    rows = 2 * torch.randn(DISTINCT, features, dtype=torch.float64, generator=generator).to(dtype)
    return model, rows, torch.randint(DISTINCT, (1300,), generator=generator)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
@pytest.mark.parametrize("features", [1, 5, 13, 64])
@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_a_prediction_is_a_function_of_its_row(name: str, features: int, dtype: torch.dtype, threads: int) -> None:
    model, rows, which = problem(name, features, dtype)
    alone = torch.cat([model.predict(row[None]) for row in rows])
    assert torch.equal(model.predict(rows), alone)
    for start, count in ((0, 1300), (3, 700), (11, 37), (1, 257)):
        taken = which[start : start + count]
        # Rows that do not begin where the memory of the batch does.
        store = torch.empty(count + 1, features, dtype=dtype)
        store[1:] = rows[taken]
        assert torch.equal(model.predict(store[1:]), alone[taken]), (start, count)


def test_the_check_sees_a_last_bit() -> None:
    """Negative control."""
    numbers = torch.rand(5, dtype=torch.float64)
    other = numbers.clone()
    other[3] = torch.nextafter(other[3], torch.tensor(2.0, dtype=torch.float64))
    assert not torch.equal(numbers, other)


@pytest.mark.parametrize("name", ["logistic", "softmax of 3", "relu"])
def test_predictions_are_those_of_forward_up_to_rounding(name: str) -> None:
    model, rows, _ = problem(name, 13, torch.float64)
    z = model(rows)
    expected = torch.sigmoid(z[:, 0]) if name == "logistic" else torch.softmax(z, 1)
    torch.testing.assert_close(model.predict(rows), expected, rtol=1e-13, atol=1e-15)


@torch.no_grad()
def test_no_batch_size_changes_what_a_trainer_measures_or_predicts() -> None:
    """36 different rows have 36 different probabilities, and one area under the curve."""
    model, rows, which = problem("logistic", 5, torch.float64)
    labels = torch.randint(2, (len(which),), generator=torch.Generator().manual_seed(1))
    for batch_size in (1300, 100, 7):
        loader = DataLoader(TensorDataset(rows[which], labels), batch_size)
        trainer = make_trainer(1)
        predicted = torch.cat(trainer.predict(model, loader))
        assert len(predicted.unique()) == DISTINCT
        assert torch.equal(predicted, model.predict(rows)[which])
        (metrics,) = trainer.test(model, loader, verbose=False)
        assert metrics["test/auroc"] == pytest.approx(roc_auc_score(labels, model.predict(rows)[which]), rel=1e-14)


def test_blocks_have_one_size_and_leave_no_row_out() -> None:
    seen = []

    def double(block: Tensor) -> Tensor:
        seen.append(block.shape)
        return 2 * block

    rows = torch.arange(23.0).view(-1, 1)
    assert torch.equal(in_blocks(double, rows, 10), 2 * rows)
    assert set(seen) == {(10, 1)} and len(seen) == 3
    assert in_blocks(double, rows[:0], 10).shape == (0, 1)
    x, w, b = torch.randn(4, 3), torch.randn(OUTPUTS + 1, 3), torch.randn(OUTPUTS + 1)
    torch.testing.assert_close(whole_linear(x, w, b), torch.nn.functional.linear(x, w, b))


# -- The area under the ROC curve -----------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [2, 9, 10**6], ids=["many ties", "ties", "hardly a tie"])
def test_the_area_is_scikit_learns_to_all_digits(levels: int) -> None:
    generator = torch.Generator().manual_seed(levels)
    scores = torch.randint(levels, (501,), generator=generator).double() / levels
    labels = (scores + torch.rand(501, generator=generator) > 0.9).long()
    binary = BinaryAreaUnderROC()
    for part in range(0, 501, 100):
        binary.update(scores[part : part + 100], labels[part : part + 100])
    expected = roc_auc_score(labels, scores)
    assert float(binary.compute()) == pytest.approx(expected, rel=1e-14)
    assert float(np.float32(expected)) != expected, "in single precision the digits would be lost"


def test_of_several_classes_it_is_the_mean_of_one_against_the_others() -> None:
    generator = torch.Generator().manual_seed(0)
    preds = torch.rand(300, 4, dtype=torch.float64, generator=generator).softmax(1)
    labels = torch.randint(4, (300,), generator=generator)
    metric = MulticlassAreaUnderROC(4)
    metric.update(preds, labels)
    assert float(metric.compute()) == pytest.approx(roc_auc_score(labels, preds, multi_class="ovr"), rel=1e-14)


def test_without_both_kinds_of_rows_there_is_none() -> None:
    assert area_under_roc(torch.rand(5), torch.ones(5, dtype=torch.bool)).isnan()
    assert area_under_roc(torch.rand(5), torch.zeros(5, dtype=torch.bool)).isnan()
