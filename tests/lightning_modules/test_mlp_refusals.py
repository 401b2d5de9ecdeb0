"""Options, data and precisions that a network cannot take are refused in one line."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules import IrisDataModule
from lightning_modules import MLP, ResidualMLP
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from lightning_modules.training.objective_module import OptimizerCallable
from tests.lightning_modules.networks_at_hand import made
from tests.training import make_trainer


@pytest.mark.parametrize("kind", [MLP, ResidualMLP])
@pytest.mark.parametrize(
    ("options", "cause", "remedy"),
    [
        ({"widths": (4, 0, 3)}, r"widths=\[4, 0, 3\]", "a whole number ≥ 1"),
        ({"widths": (4,)}, r"widths=\[4\]", "give at least the number of features and the number of outputs"),
        ({"widths": (4, 2.5, 3)}, r"widths=\[4, 2.5, 3\]", "a whole number"),
        ({"activation": "rely"}, r"no activation 'rely'", r"did you mean relu\?.*choose among relu, sigmoid"),
        ({"activation": "log_softmax"}, "log_softmax mixes the units of a layer", "loss='cross_entropy' contains it"),
        ({"output_activation": "softmax"}, "softmax mixes the units of a layer", "loss='cross_entropy' contains it"),
        ({"initialization": "kaiming"}, "no initialization 'kaiming'", "kaiming_uniform"),
        ({"initialization": -0.1}, "initialization=-0.1", "give a positive d, finite"),
        ({"loss": "mae"}, r"\(loss='mae'\)", "choose among cross_entropy, mse, l1, pseudo_huber"),
        ({"l2": -1.0}, r"\(l2=-1.0\)", "must be a number ≥ 0"),
        ({"l2": float("nan")}, r"\(l2=nan\)", "must be a number ≥ 0"),
        ({"schedule": "linear"}, r"\(schedule='linear'\)", "choose 'constant' or 'cosine'"),
        ({"widths": (4, 4, 1)}, r"\(widths=\[4, 4, 1\]\).*at least 2", "use loss='mse', 'l1' or 'pseudo_huber'"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(kind: type[MLP], options: dict[str, Any], cause: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=cause) as refusal:
        kind(**{"widths": (4, 4, 3), "optimizer": Newton} | options)
    refusal.match(remedy)
    assert "\n" not in str(refusal.value)


def test_a_residual_network_needs_a_width_that_is_kept() -> None:
    with pytest.raises(ValueError, match=r"widths=\[4, 5, 3\]: no hidden layer has as many units.*repeat a hidden width"):
        ResidualMLP((4, 5, 3), optimizer=Newton)


X, LABELS = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("options", "rows", "cause", "remedy"),
    [
        ({"widths": (5, 3)}, (X, LABELS), "network takes rows of 5 features", "make the first width the number of features"),
        ({"widths": (4, 3), "loss": "l1"}, (X, LABELS), "class labels", "or loss='cross_entropy'"),
        ({"widths": (4, 3), "loss": "mse"}, (X, torch.randn(6)), r"\(6, 1\), the model predicts \(rows, 3\)", "outputs to 1"),
        ({"widths": (4, 1), "loss": "mse"}, (X, torch.randn(6, 1, 1)), r"shape \(6, 1, 1\)", r"\(rows, 1\)"),
        ({"widths": (4, 2)}, (X, LABELS), "2 of 6 labels lie outside 0 … 1", "number of classes"),
        ({"widths": (4, 3)}, (X, torch.randn(6)), "real numbers", "use"),
        ({"widths": (4, 3)}, (X, LABELS[:5]), "6 rows of features but 5 targets", "row by row"),
    ],
)
def test_data_that_do_not_suit_the_model_are_refused_before_anything_is_computed(
    options: dict[str, Any], rows: tuple[Tensor, Tensor], cause: str, remedy: str
) -> None:
    model = MLP(**options, optimizer=DiagonalNewton)
    for refuse in (model.check_data, model.objective):
        with pytest.raises(ValueError, match=cause) as refusal:
            refuse(rows)
        refusal.match(remedy)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("targets", "remedy"), [(LABELS, "width"), (torch.randn(6), "loss='mse'")])
def test_the_remedies_are_options_of_a_network(targets: Tensor, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        MLP((4, 2), optimizer=Newton).check_data((X, targets))


@pytest.mark.parametrize("method", [Newton, DiagonalNewton, partial(GradientDescent, lr=0.1)])
def test_half_precision_is_refused(method: OptimizerCallable) -> None:
    with pytest.raises(ValueError, match=r"32 or 64 bit precision, not bf16-mixed.*64-true"):
        make_trainer(1, precision="bf16-mixed").fit(made("mlp", method), IrisDataModule())
