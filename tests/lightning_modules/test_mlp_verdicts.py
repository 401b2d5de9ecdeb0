"""How the fit of a network ends, and what it says then."""

from functools import partial

import pytest
import torch

from callbacks import ConvergenceStatus
from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import GradientDescent, Newton
from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError
from tests.lightning_modules.networks_at_hand import ADAM, curve, made
from tests.row_data import RowData
from tests.training import make_trainer


def test_a_regression_network_that_converges_says_so() -> None:
    x, y = curve(40)
    torch.manual_seed(0)
    model = MLP((2, 3, 1), "tanh", loss="mse", l2=0.1, optimizer=partial(Newton, curvature="hessian"))
    trainer = make_trainer(100)
    trainer.fit(model, RowData(x, y))
    assert trainer.current_epoch < 100 and model.convergence().status == "converged"


def test_a_classifying_network_that_converges_says_so() -> None:
    data, model = IrisDataModule(), made("mlp", partial(Newton, curvature="hessian"), l2=0.03)
    make_trainer(100).fit(model, data)
    verdict = model.convergence()
    assert verdict.gradient_max < 1e-10
    assert verdict.status == "converged"


def test_a_network_of_signs_is_fitted_by_first_order_methods_to_the_end() -> None:
    status = ConvergenceStatus()
    make_trainer(3, status).fit(made("mlp", ADAM, activation="sign"), IrisDataModule())
    assert status.status == "budget"


def test_steps_that_are_too_long_name_step_and_remedy() -> None:
    with pytest.raises(NonFiniteLossError, match=r"at step \d+.*lower .*lr"):
        make_trainer(5).fit(made("mlp", partial(GradientDescent, lr=1e200), activation="relu"), IrisDataModule())
