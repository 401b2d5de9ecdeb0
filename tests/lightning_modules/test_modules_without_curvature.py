"""Modules of which a curvature would mean nothing, cannot be had, or takes more than there is; and some that are odd only."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.utils.data import DataLoader, TensorDataset

from lightning_modules import MLP, TorchModel
from lightning_modules.objectives import GraphObjective, flattened
from lightning_modules.objectives.layers_without_curvature import NoFunctionError
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton, Newton, SingularCurvatureError
from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError
from tests.lightning_modules.own_modules import Net, X, Y, data, fitted, theta_of
from tests.training import make_trainer

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
    model.trainer.fit_loop._combined_loader = None
    with pytest.raises(RuntimeError):  # which is no property of the model
        model.convergence()


def overwritten(net: Any, x: Tensor) -> Tensor:
    h: Tensor = net.last(net.first(x))
    h[:, 0] = h[:, 1] * h[:, 2]
    return h


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


WRONG: dict[str, tuple[Callable[[Any, Tensor], Tensor], str]] = {
    "unused parameters": (lambda net, x: x[:, :3] * 1.0, r"does not depend on any of its parameters"),
    "written in place": (overwritten, r"overwrites in place what its derivative needs"),
    "no derivative": (lambda net, x: net.last(net.first(x) // 2), r"torch has no derivative of floor_divide"),
}


@pytest.mark.parametrize("optimizer", [Newton, DiagonalNewton, KroneckerNewton, partial(torch.optim.Adam, lr=0.1)])
@pytest.mark.parametrize(("forward", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_differentiated_says_why(forward: Any, message: str, optimizer: Any) -> None:
    class Wrong(Net):
        def forward(self, x: Tensor) -> Tensor:
            outputs: Tensor = forward(self, x)
            return outputs

    with pytest.raises(ValueError, match=message):
        fitted(Wrong(lambda net, x: x), optimizer)


@pytest.mark.parametrize("optimizer", [Newton, partial(torch.optim.Adam, lr=0.1)])
def test_of_features_that_are_no_numbers_the_first_is_named(optimizer: Any) -> None:
    x = X.clone()
    x[7, 2], x[9, 0] = torch.nan, torch.inf
    model = TorchModel(Net(lambda net, x: net.first(x)), num_outputs=3, optimizer=optimizer)
    with pytest.raises(NonFiniteLossError, match=r"feature 2 of row 7 of a batch .* is nan"):
        make_trainer(1).fit(model, DataLoader(TensorDataset(x, Y), batch_size=len(x)))


def test_a_guess_of_the_number_of_outputs_says_that_it_is_one() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.body = nn.Linear(8, 3), nn.Linear(6, 8)

        def forward(self, x: Tensor) -> Tensor:
            outputs: Tensor = self.head(torch.tanh(self.body(x)))
            return outputs

    for optimizer in (Newton, partial(torch.optim.Adam, lr=0.1)):
        model = TorchModel(Backwards(), optimizer=optimizer)
        with pytest.raises(ValueError, match="num_outputs=3"):
            make_trainer(1).fit(model, data())
    assert TorchModel(Backwards(), input_shape=[6], optimizer=Newton).loss.num_outputs == 3


@pytest.mark.parametrize("module", [None, torch.tanh, Net])
def test_what_is_no_module_is_refused(module: Any) -> None:
    with pytest.raises(ValueError, match="give a module of torch"):
        TorchModel(module, optimizer=Newton)


def test_a_curvature_that_is_no_number_is_said_to_be_none() -> None:
    net = Net(lambda net, x: torch.sqrt(torch.relu(net.first(x))))
    with pytest.raises(SingularCurvatureError, match="infinite slope at 0"):
        fitted(net, KroneckerNewton, 6)


def test_factors_that_are_not_finite_are_refused() -> None:
    model = TorchModel(Net(lambda net, x: torch.tanh(net.first(x))), num_outputs=3, optimizer=KroneckerNewton)
    loader = DataLoader(TensorDataset(1e200 * X, Y), batch_size=len(X))
    with pytest.raises(SingularCurvatureError, match=r"no numbers, or too large to be squared\. Look at the features"):
        make_trainer(1).fit(model, loader)


@pytest.mark.parametrize(
    "of_all", [lambda x: x / x.abs().max(), lambda x: x.clamp(max=x.max() - 1e-3), lambda x: x * (2 if x[0].sum() > 0 else 3)]
)
def test_a_largest_number_of_all_rows_is_seen(of_all: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(NoFunctionError, match="depends on the other rows"):
        fitted(Net(lambda net, x: net.first(of_all(x))), Newton)


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
    "between",
    [lambda n, x: n.first(x).roll(1, 0), lambda n, x: n.first(x).softmax(-2), lambda n, x: n.first(x).flip([-2])],
    ids=["roll", "softmax", "flip"],
)
def test_a_point_of_rows_that_depend_on_each_other_is_torchs(between: Callable[[Any, Tensor], Tensor]) -> None:
    model = TorchModel(Net(between), num_outputs=3, optimizer=DiagonalNewton).double()
    curvature = model.objective((X, Y)).at(theta_of(model.module)).curvature("ggn")
    v = torch.randn(len(theta_of(model.module)), dtype=torch.float64)
    torch.testing.assert_close(curvature.matrix() @ v, curvature.product(v), rtol=1e-9, atol=1e-11)


class Tokens(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.embed, self.last = nn.Embedding(5, 4, **options), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.last(self.embed(x.long().abs() % 5).mean(1))
        return outputs


@pytest.mark.parametrize("options", [{"scale_grad_by_freq": True}, {"max_norm": 1.0}])
def test_an_embedding_that_changes_what_it_reads_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'embed' with max_norm or scale_grad_by_freq"):
        fitted(Tokens(**options), Newton)
    verdict = fitted(Tokens(**options), partial(torch.optim.Adam, lr=0.01)).convergence()
    assert "the gradient of no loss" in verdict.message and verdict.status == "budget"


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


def test_those_of_a_dense_network_too() -> None:
    model = MLP([6, 30_000, 3], optimizer=KroneckerNewton)
    point = model.objective((X.float(), Y)).at(flattened(list(model.parameters())))
    with pytest.raises(ValueError, match=r"the Kronecker factors of these layers.* 20\.1 GiB"):
        point.curvature("ggn").kronecker()


def test_factors_that_no_memory_holds_are_refused_before_they_are_begun() -> None:
    model = TorchModel(nn.Sequential(nn.Linear(6, 30_000), nn.ReLU(), nn.Linear(30_000, 3)), optimizer=KroneckerNewton)
    point = model.objective((X.float(), Y)).at(theta_of(model.module).float())
    with pytest.raises(ValueError, match=r"the Kronecker factors of these layers.* 20\.1 GiB"):
        point.curvature("ggn").kronecker()


class ComplexWeights(nn.Module):
    """|x W| + b, W complex."""

    def __init__(self, is_real: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        weight = torch.randn(6, 3, dtype=torch.cfloat)
        self.weight = nn.ParameterList([weight.real.clone(), weight.imag.clone()] if is_real else [weight])
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight[0] if len(self.weight) == 1 else torch.complex(self.weight[0], self.weight[1])
        return (x.to(weight.dtype) @ weight).abs() + self.bias


@pytest.mark.parametrize("method", [DiagonalNewton, Newton, partial(torch.optim.Adam, lr=0.01)])
def test_complex_weights_are_refused_and_their_real_parts_are_not(method: Any) -> None:
    with pytest.raises(ValueError, match=r"weight.0 of TorchModel has complex numbers .*torch.complex of both"):
        fitted(ComplexWeights(is_real=False), method)
    model, before = ComplexWeights(is_real=True), ComplexWeights(is_real=True)
    fitted(model, method)
    assert not any(map(torch.equal, model.weight, before.weight))
