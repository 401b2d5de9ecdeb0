"""The absolute error of a network, which second-order methods minimise rounded near 0."""

import logging

import pytest
import torch

from lightning_modules import MLP
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives.families import AbsoluteError, PseudoHuber
from lightning_modules.optimizers import Newton
from tests.lightning_modules.networks_at_hand import curve, theta_of
from tests.row_data import RowData
from tests.training import METHODS, make_trainer

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
    assert smoothed.at(theta).gradient.abs().max() < 1e-9
    assert torch.linalg.eigvalsh(smoothed.at(theta).curvature("hessian").matrix())[0] > 0
