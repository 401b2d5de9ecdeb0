"""Modules that are not what a curvature counts on: rows that know of each other, chance, memory; and forwards that fail."""

import re
from collections.abc import Callable
from types import MethodType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout

from datamodules import ArrayDataModule
from lightning_modules import TorchModel
from lightning_modules.objectives import GraphObjective, ModuleObjective, Point, flattened
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton, Newton
from lightning_modules.training.row_by_row import differ, refuse_other_than_rows
from tests.training import make_trainer

GENERATOR = torch.Generator().manual_seed(0)
X, Y = torch.randn(40, 6, dtype=torch.float64, generator=GENERATOR), torch.arange(40) % 3


class Mine(nn.Module):
    """A layer, a function of rows, and a layer."""

    def __init__(self, function: Callable[["Mine", Tensor], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.function, self.calls = function, 0
        self.first, self.last, self.scale = nn.Linear(6, 5), nn.Linear(5, 3), nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(torch.tanh(self.function(self, self.first(x))))
        return result


def counting(module: Mine, h: Tensor) -> Tensor:
    module.calls += 1
    return h * module.calls


def fit(module: nn.Module, optimizer: Any = Newton, batch_size: int | None = None) -> None:
    data = ArrayDataModule(X, Y, batch_size=batch_size, val_fraction=0.2, test_fraction=0)
    make_trainer(1).fit(TorchModel(module.double(), optimizer=optimizer), data)


SECOND_LOOK, OTHER_ROWS = "something else of the same rows at a second look", "depends on the other rows of the batch"
REFUSED = {
    "chance in a call": (lambda m, h: dropout(h, 0.5), SECOND_LOOK),
    "noise": (lambda m, h: h + torch.randn_like(h), SECOND_LOOK),
    "memory": (counting, SECOND_LOOK),
    "rows that are turned": (lambda m, h: h.roll(1, 0), OTHER_ROWS),
    "a mean over rows": (lambda m, h: h - h.mean(0), OTHER_ROWS),
    "a softmax over rows": (lambda m, h: torch.softmax(h, 0), OTHER_ROWS),
    "sums up to a row": (lambda m, h: h.cumsum(0), OTHER_ROWS),
    "the number of rows": (lambda m, h: h * h.shape[0], OTHER_ROWS),
}


@pytest.mark.parametrize("optimizer", [Newton, DiagonalNewton])
@pytest.mark.parametrize("name", REFUSED)
def test_a_curvature_method_refuses_what_is_no_function_of_a_row(name: str, optimizer: Any) -> None:
    function, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        fit(Mine(function), optimizer)


@pytest.mark.parametrize("name", REFUSED)
def test_a_method_of_torch_trains_it(name: str) -> None:
    fit(Mine(REFUSED[name][0]), torch.optim.Adam)


def test_to_look_draws_no_random_number_of_the_run() -> None:
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match=SECOND_LOOK):
        refuse_other_than_rows(lambda x: x + torch.randn_like(x), X, "Noise")
    refuse_other_than_rows(lambda x: x * 2, X, "Twice")
    refuse_other_than_rows(lambda x: x * 2, X[:1], "Twice")
    assert torch.equal(torch.get_rng_state(), before)


def test_rounding_is_no_difference() -> None:
    f = torch.tensor([[1.0, 1e-9]], dtype=torch.float32)
    assert not differ(f * (1 + 1e-6), f) and differ(f * 1.01, f) and differ(f[:, :1], f) and not differ(f[:0], f[:0])


# -- What is not in the layers ---------------------------------------------------------------------------------------


def other_forward_of_a_layer() -> nn.Module:
    net = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    own = net[0].forward
    net[0].forward = lambda x: own(x) * 2  # type: ignore[method-assign]
    return net


def other_forward_of_all() -> nn.Module:
    net = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    net.forward = MethodType(lambda self, x: self[2](self[0](x)), net)  # type: ignore[method-assign]
    return net


OTHERS = {
    "a layer with another forward": other_forward_of_a_layer,
    "a network with another forward": other_forward_of_all,
    "a count of calls": lambda: Mine(lambda m, h: counting(m, h) if m.calls < 1 else h * 3),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_layers_do_not_hold_is_differentiated_by_torch(name: str) -> None:
    module = OTHERS[name]().double()
    model = TorchModel(module, num_outputs=3, optimizer=Newton)
    objective = model.objective((X, Y))
    assert isinstance(objective, ModuleObjective)
    value = objective.value(flattened(list(model.parameters())).detach())
    torch.testing.assert_close(value, cross_entropy(module(X), Y), rtol=1e-12, atol=1e-14)


def test_kronecker_newton_says_which_layer_is_the_reason() -> None:
    with pytest.raises(ValueError, match=r"inputs and outputs of layers: detach\(\) .*DiagonalNewton"):
        fit(Mine(lambda m, h: h + h.detach()), KroneckerNewton)


def test_a_parameter_of_one_number_is_a_parameter() -> None:
    model = TorchModel(Mine(lambda m, h: m.scale * h).double(), optimizer=KroneckerNewton)
    objective, theta = model.objective((X, Y)), flattened(list(model.parameters())).detach()
    assert isinstance(objective, GraphObjective)
    ours, oracle = objective.at(theta), Point(objective, theta)
    torch.testing.assert_close(ours.gradient, oracle.gradient, rtol=1e-10, atol=1e-12)
    found, expected = ours.curvature("ggn"), oracle.curvature("ggn").matrix()
    torch.testing.assert_close(found.diagonal(), expected.diagonal(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.product(theta), expected @ theta, rtol=1e-10, atol=1e-12)
    fit(model.module, KroneckerNewton)


def test_layers_that_learn_their_sizes_have_them_before_they_are_followed() -> None:
    module = nn.Sequential(nn.LazyLinear(5), nn.Tanh(), nn.LazyLinear(3)).double()
    model = TorchModel(module, optimizer=Newton)
    module.train()
    assert isinstance(model.objective((X, Y)), GraphObjective)
    assert module.training and sum(p.numel() for p in module.parameters()) == 53
    pixels = TorchModel(nn.Sequential(nn.LazyLinear(3)), optimizer=Newton).objective((X.to(torch.uint8), Y))
    assert isinstance(pixels, GraphObjective), "bytes, as images are stored in, are numbers"


# -- Forwards that fail ----------------------------------------------------------------------------------------------


def missing(module: Mine, h: Tensor) -> Tensor:
    values = {"logit": h}
    return values["logits"]


FAILING = {
    "a missing key": (
        missing,
        r"fails on features float64 of shape \(\d+, 6\): KeyError: 'logits' \(test_modules_of_others.py, ",
    ),
    "another type": (
        lambda m, h: m.last(h.float()),
        r"fails on features .*: RuntimeError: .*dtype.*\(test_modules_of_others.py",
    ),
    "a division": (lambda m, h: h[:, : 1 // 0], r"ZeroDivisionError: integer division or modulo by zero"),
}


@pytest.mark.parametrize("optimizer", [Newton, torch.optim.Adam])
@pytest.mark.parametrize("name", FAILING)
def test_an_error_in_a_forward_says_where(name: str, optimizer: Any) -> None:
    function, message = FAILING[name]
    with pytest.raises(ValueError, match=f"the forward of Mine {message}" if message.startswith("fails") else message):
        fit(Mine(function), optimizer)


@pytest.mark.parametrize("optimizer", [Newton, torch.optim.Adam])
def test_weights_that_are_no_numbers_are_named(optimizer: Any) -> None:
    module = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3))
    with torch.no_grad():
        module[2].weight[0, 1:3] = torch.nan
    with pytest.raises(ValueError, match=r"2 of 12 weights in '2.weight' of Sequential are not finite before the first step"):
        fit(module, optimizer)


def test_a_shape_of_other_numbers_than_a_row_has_is_refused() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(8, 3))
    model = TorchModel(module.double(), input_shape=[1, 3, 3], optimizer=Newton)
    with pytest.raises(ValueError, match=re.escape("input_shape=[1, 3, 3] takes 9 numbers of a row, and the data have 6")):
        model.objective((X, Y))
