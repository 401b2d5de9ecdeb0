"""Modules of torch that do more than call layers: gradients turned off, derivatives and hooks of their own, what changes."""

import threading
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.parametrizations import spectral_norm

from datamodules import ArrayDataModule
from lightning_modules import TorchModel
from lightning_modules.objectives import GraphObjective, ModuleObjective, flattened
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, KroneckerNewton, Newton
from tests.training import make_trainer

GENERATOR = torch.Generator().manual_seed(0)
X, Y = torch.randn(40, 6, dtype=torch.float64, generator=GENERATOR), torch.randint(3, (40,), generator=GENERATOR)
STEPS = 3


class Net(nn.Module):
    """Two layers, and something between them."""

    def __init__(self, between: Callable[[Any, Tensor], Tensor], **parts: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.between = nn.Linear(6, 4), nn.Linear(4, 3), between
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.last(self.between(self, x))
        return outputs


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


def data() -> ArrayDataModule:
    return ArrayDataModule(X.numpy(), Y.numpy(), val_fraction=0, test_fraction=0, standardize=False)


def fitted(net: nn.Module, optimizer: Any, epochs: int = STEPS, **options: Any) -> TorchModel:
    model = TorchModel(net, num_outputs=3, optimizer=optimizer, **options)
    make_trainer(epochs).fit(model, data())
    return model


def theta_of(module: nn.Module) -> Tensor:
    return flattened(list(module.parameters())).double()


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


@pytest.mark.parametrize("change", [{"scale": 3.0}, {"act": nn.Softplus()}], ids=["a number", "an activation"])
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


FREE: dict[str, Callable[[], nn.Module]] = {
    "batch norm": lambda: nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)),
    "dropout": lambda: nn.Sequential(nn.Linear(6, 4), nn.Dropout(0.2), nn.Linear(4, 3)),
    "rows that depend on each other": lambda: Net(lambda net, x: net.first(x) - net.first(x).mean(-2, keepdim=True)),
}


@pytest.mark.parametrize("make", FREE.values(), ids=FREE)
def test_of_what_torch_optim_trains_without_a_curvature_nothing_is_proved(make: Callable[[], nn.Module]) -> None:
    model = fitted(make(), partial(torch.optim.Adam, lr=0.01))
    buffers = [buffer.clone() for buffer in model.module.buffers()]
    verdict = model.convergence()
    assert verdict.status == "budget"
    assert "nothing is proved of it" in verdict.message and "torch.optim" not in verdict.message
    assert all(map(torch.equal, buffers, model.module.buffers()))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.last = nn.Linear(1, 4), nn.Linear(4, 3)
        self.encode = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.last(self.encode(self.embed(x[:, :, None])).mean(1))
        return outputs


def test_attention_has_a_curvature() -> None:
    torch.manual_seed(0)
    model = TorchModel(Attention(), num_outputs=3, optimizer=Newton).double()
    point = model.objective((X[:5], Y[:5])).at(theta_of(model.module))
    v = torch.randn(len(point.theta), dtype=torch.float64)
    curvature = point.curvature("hessian")
    eps = 1e-5
    ahead, behind = (point.objective.at(point.theta + sign * eps * v).gradient for sign in (1, -1))
    torch.testing.assert_close(curvature.product(v), (ahead - behind) / (2 * eps), rtol=1e-6, atol=1e-7)


def test_what_has_no_second_derivative_is_named() -> None:
    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bag, self.last = nn.EmbeddingBag(5, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            outputs: Tensor = self.last(self.bag(x))
            return outputs

    model = TorchModel(Bag(), num_outputs=3, optimizer=Newton).double()
    point = model.objective((torch.randint(5, (8, 2)), Y[:8])).at(theta_of(model.module))
    with pytest.raises(ValueError, match="torch has no second derivative of embedding_bag"):
        point.curvature("ggn").product(torch.ones_like(point.theta))


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(spectral_norm(nn.Linear(6, 4)), nn.Tanh(), nn.Linear(4, 3)),
        lambda: nn.Sequential(
            nn.Unflatten(1, (1, 6)), nn.InstanceNorm1d(1, track_running_stats=True), nn.Flatten(), nn.Linear(6, 3)
        ),
    ],
    ids=["power iteration", "running averages"],
)
def test_what_remembers_is_refused(make: Callable[[], nn.Module]) -> None:
    with pytest.raises(ValueError, match="at a second look"):
        fitted(make(), Newton)


def test_counting_calls_is_no_memory_that_matters() -> None:
    net = Net(lambda net, x: torch.tanh(net.first(x)))
    net.register_buffer("rows", torch.zeros((), dtype=torch.long))
    net.register_forward_pre_hook(lambda net, inputs: net.rows.add_(1) and None)
    fitted(net, Newton)


@pytest.mark.parametrize(
    "between", [lambda n, x: n.first(x).roll(1, 0), lambda n, x: n.first(x).softmax(-2)], ids=["roll", "softmax"]
)
def test_a_point_of_rows_that_depend_on_each_other_is_torchs(between: Callable[[Any, Tensor], Tensor]) -> None:
    model = TorchModel(Net(between), num_outputs=3, optimizer=DiagonalNewton).double()
    curvature = model.objective((X, Y)).at(theta_of(model.module)).curvature("ggn")
    v = torch.randn(len(theta_of(model.module)), dtype=torch.float64)
    torch.testing.assert_close(curvature.matrix() @ v, curvature.product(v), rtol=1e-9, atol=1e-11)


class Complex(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.complex(x, x)


def test_complex_outputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of complex\d+, which are no real numbers"):
        fitted(nn.Sequential(nn.Linear(6, 3), Complex()), Newton)


def test_a_module_need_not_be_copyable() -> None:
    net = Net(lambda net, x: torch.tanh(net.first(x)), lock=threading.Lock())
    model = fitted(net, Newton)
    assert "module" not in model.hparams and model.hparams["num_outputs"] == 3


def test_layers_that_learn_their_sizes_from_rows() -> None:
    net = nn.Sequential(nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(3))
    model = fitted(net, Newton)
    assert isinstance(model.objective((X, Y)), GraphObjective)


def test_factors_that_no_memory_holds_are_refused_before_they_are_begun() -> None:
    model = TorchModel(nn.Sequential(nn.Linear(6, 30_000), nn.ReLU(), nn.Linear(30_000, 3)), optimizer=KroneckerNewton)
    point = model.objective((X.float(), Y)).at(theta_of(model.module).float())
    with pytest.raises(ValueError, match=r"the Kronecker factors of these layers.* 20\.1 GiB"):
        point.curvature("ggn").kronecker()
