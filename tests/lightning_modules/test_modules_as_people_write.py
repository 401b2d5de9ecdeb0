"""Modules of torch that do more than call layers: gradients turned off, derivatives and hooks of their own, what changes."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules import TorchModel
from lightning_modules.objectives import ModuleObjective
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, KroneckerNewton, Newton
from lightning_modules.training.module_form import form_of
from tests.lightning_modules.own_modules import STEPS, Net, X, Y, data, fitted, theta_of
from tests.training import make_trainer


class Clip(torch.autograd.Function):
    """Its derivative is 1 everywhere."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clamp(-0.5, 0.5)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient


def off(net: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        h = net.first(x)
    return torch.tanh(h)


def turned_off(net: Any, x: Tensor) -> Tensor:
    previous = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    h = net.first(x)
    torch.set_grad_enabled(previous)
    return torch.tanh(h)


OWN: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "no_grad": off,
    "set_grad_enabled": turned_off,
    "detach": lambda net, x: torch.tanh(net.first(x).detach()),
    "a derivative of its own": lambda net, x: Clip.apply(net.first(x)),
}


def by_torch(net: nn.Module, lr: float) -> Tensor:
    """θ after gradient descent in torch."""
    net = net.double()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for _ in range(STEPS):
        optimizer.zero_grad()
        cross_entropy(net(X), Y).backward()
        optimizer.step()
    return theta_of(net)


@pytest.mark.parametrize("between", OWN.values(), ids=OWN)
def test_gradients_are_those_of_torch(between: Callable[[Any, Tensor], Tensor]) -> None:
    net = Net(between)
    expected = by_torch(deepcopy(net), 0.3)
    model = fitted(net, partial(GradientDescent, lr=0.3))
    torch.testing.assert_close(theta_of(net), expected, rtol=1e-10, atol=1e-12)
    assert isinstance(model.objective((X, Y)), ModuleObjective)


@pytest.mark.parametrize("method", [Newton, DiagonalNewton])
def test_what_has_no_gradient_stays(method: Any) -> None:
    net = Net(off)
    before = net.first.weight.detach().clone(), net.last.weight.detach().clone()
    fitted(net, method)
    assert torch.equal(net.first.weight, before[0].to(net.first.weight))
    assert not torch.equal(net.last.weight, before[1].to(net.last.weight))


def test_kronecker_says_what_turns_gradients_off() -> None:
    with pytest.raises(ValueError, match="a part of forward turns gradients off"):
        fitted(Net(off), KroneckerNewton)


@pytest.mark.parametrize("method", [Newton, DiagonalNewton, KroneckerNewton, GradientDescent])
def test_a_hook_on_a_parameters_gradient_is_refused(method: Any) -> None:
    net = Net(lambda net, x: torch.tanh(net.first(x)))
    net.first.weight.register_hook(lambda gradient: gradient * 0)
    with pytest.raises(ValueError, match=r"'first\.weight' of Net has a hook on its gradient"):
        fitted(net, partial(method, lr=0.5))


def test_torch_optim_calls_hooks_on_gradients() -> None:
    net = Net(lambda net, x: torch.tanh(net.first(x)))
    net.first.weight.register_hook(lambda gradient: gradient * 0)
    before = net.first.weight.detach().clone()
    fitted(net, partial(torch.optim.SGD, lr=0.1))
    assert torch.equal(net.first.weight, before.to(net.first.weight))


def test_a_backward_hook_is_called() -> None:
    net = Net(lambda net, x: torch.tanh(net.first(x)))
    for module in (net, deepcopy(net)):
        module.first.register_full_backward_pre_hook(lambda module, gradients: (2 * gradients[0],))
        if module is net:
            model = fitted(net, partial(GradientDescent, lr=0.3))
        else:
            expected = by_torch(module, 0.3)
    torch.testing.assert_close(theta_of(net), expected, rtol=1e-10, atol=1e-12)
    assert isinstance(model.objective((X, Y)), ModuleObjective)


def scaled(net: Any, x: Tensor) -> Tensor:
    scaled: Tensor = net.act(net.first(x)) * net.scale
    return scaled


@pytest.mark.parametrize(
    "change",
    [{"scale": 3.0}, {"scale": torch.tensor(3.0)}, {"act": nn.Softplus()}],
    ids=["a number", "a tensor", "an activation"],
)
def test_what_changes_between_two_fits_is_followed(change: dict[str, Any]) -> None:
    net = Net(scaled, act=nn.Tanh(), scale=1.0)
    model = fitted(net, Newton, 300, l2=0.01)
    for name, value in change.items():
        setattr(net, name, value)
    make_trainer(300).fit(model, data())
    net = net.double()
    loss = cross_entropy(net(X), Y) + 0.005 * (net.first.weight.square().sum() + net.last.weight.square().sum())
    loss.backward()
    assert max(float(p.grad.abs().max()) for p in net.parameters() if p.grad is not None) < 1e-4


def test_what_a_callback_changes_within_a_fit_is_followed() -> None:
    class Anneal(Callback):
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            pl_module.module.scale = 1.0 + trainer.current_epoch

    net = Net(scaled, act=nn.Tanh(), scale=1.0)
    twin = deepcopy(net).double()
    model = TorchModel(net, num_outputs=3, optimizer=partial(GradientDescent, lr=0.1))
    trainer = make_trainer(STEPS)
    trainer.callbacks.append(Anneal())
    trainer.fit(model, data())
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    for epoch in range(STEPS):
        twin.scale = 1.0 + epoch
        optimizer.zero_grad()
        cross_entropy(twin(X), Y).backward()
        optimizer.step()
    torch.testing.assert_close(theta_of(net), theta_of(twin), rtol=1e-10, atol=1e-12)


def changed_list(net: Any) -> None:
    net.parts["factors"][0] = 3.0


def another_forward(net: Any) -> None:
    first = type(net.first).forward.__get__(net.first)
    net.first.forward = lambda x: 2 * first(x)


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.__setattr__("kept", torch.tensor([0.0, 1.0, 2.0, 3.0])),
        lambda net: net.__setattr__("bent", torch.sigmoid),
        changed_list,
        lambda net: net.first.register_forward_hook(lambda module, given, made: 2 * made),
        lambda net: net.first.register_forward_pre_hook(lambda module, given: (2 * given[0],)),
        another_forward,
        lambda net: (net.float(), net.kept.mul_(2), net.double(), net.kept.mul_(3)),
    ],
    ids=["a buffer", "a function", "a list", "a hook", "a hook before", "a forward", "a buffer of another type"],
)
def test_what_changes_without_a_fit_is_followed(change: Callable[[Any], Any]) -> None:
    """By who studies a loss, or writes a loop of his own."""
    net = Net(lambda net, x: net.bent(net.first(x)) * net.kept * net.parts["factors"][0], bent=torch.tanh)
    net.parts = {"factors": [1.0]}
    net.register_buffer("kept", torch.ones(4))
    net.double()
    model = TorchModel(net, num_outputs=3, optimizer=Newton)
    before = model.objective((X, Y)).at(theta_of(net)).value
    change(net)
    after = model.objective((X, Y)).at(theta_of(net)).value
    torch.testing.assert_close(after, cross_entropy(net(X), Y).detach(), rtol=1e-12, atol=0)
    assert before != after


def test_a_list_that_holds_itself_has_a_form() -> None:
    net = Net(scaled, act=nn.Tanh(), scale=1.0)
    net.parts = [net]
    net.parts.append(net.parts)
    assert form_of(net) == form_of(net)


def test_a_form_tells_one_tensor_from_another() -> None:
    net = Net(scaled, act=nn.Tanh(), scale=torch.ones(()))
    first = form_of(net)
    assert form_of(net) == first and hash(form_of(net)) == hash(first)
    net.scale.mul_(2)
    changed = form_of(net)
    assert changed != first
    forms = [first, changed]
    for _ in range(5):  # each often where the one before the last was
        net.scale = torch.ones(())
        assert form_of(net) not in forms
        forms.append(form_of(net))
    net.eval()
    assert form_of(net) not in forms
