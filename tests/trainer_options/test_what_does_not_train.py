"""What does not train stays as it is, bit for bit, under every method."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from datamodules import IrisDataModule
from lightning_modules import MLP, SoftmaxRegression
from tests.trainer_options.expectations import METHODS
from tests.trainer_options.global_state import same_process_after
from tests.trainer_options.walking import optimizer_of
from tests.training import make_trainer


def softmax(method: str) -> Any:
    return SoftmaxRegression(4, 3, l2=0.01, optimizer=optimizer_of(method))


def network(method: str) -> Any:
    return MLP((4, 6, 3), activation="tanh", l2=0.01, optimizer=optimizer_of(method))


def linear_bias(model: Any) -> list[torch.nn.Parameter]:
    return [model.linear.bias]


def linear_weight(model: Any) -> list[torch.nn.Parameter]:
    return [model.linear.weight]


def first_layer(model: Any) -> list[torch.nn.Parameter]:
    return list(model.network.layers[0].parameters())


def last_bias(model: Any) -> list[torch.nn.Parameter]:
    return [model.network.layers[-1].bias]


CELLS = [
    *((softmax, which, method) for which in (linear_bias, linear_weight) for method in METHODS),
    *((network, which, method) for which in (first_layer, last_bias) for method in METHODS if method != "SubsampledNewton"),
]


def fit(model: Any, epochs: int = 3) -> None:
    with same_process_after():
        torch.set_num_threads(1)
        make_trainer(epochs).fit(model, IrisDataModule())


@pytest.mark.parametrize(("make", "which", "method"), CELLS)
def test_only_what_trains_moves(make: Callable[[str], Any], which: Callable[[Any], list[Any]], method: str) -> None:
    torch.manual_seed(0)
    model = make(method)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    for parameter in which(model):
        parameter.requires_grad_(False)
    start = {name: parameter.detach().double().clone() for name, parameter in model.named_parameters()}
    fit(model)
    for name, parameter in model.named_parameters():
        moved = not torch.equal(parameter.double(), start[name])
        assert moved == parameter.requires_grad, f"{name} {'moved' if moved else 'did not move'}"


@pytest.mark.parametrize("method", METHODS)
def test_a_model_of_which_nothing_trains_is_refused(method: str) -> None:
    model = softmax(method)
    model.requires_grad_(False)
    with pytest.raises(ValueError, match=r"requires_grad|frozen|nothing|no parameter|empty parameter list") as refusal:
        fit(model, 1)
    assert "\n" not in str(refusal.value)
