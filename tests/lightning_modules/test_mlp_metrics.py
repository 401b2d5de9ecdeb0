"""The losses of networks, and what test and predict report of them."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.objectives.families import AbsoluteError, Categorical, PseudoHuber, SquaredError
from lightning_modules.optimizers import Newton
from tests.lightning_modules.networks_at_hand import ADAM, curve, made
from tests.row_data import RowData
from tests.training import make_trainer


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
