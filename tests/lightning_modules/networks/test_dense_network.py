"""Dense and residual networks against torch's own layers and the recursion written out."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call

from lightning_modules.networks import ACTIVATIONS, DenseNetwork, ResidualNetwork, make_activation


def test_a_dense_network_is_the_sequence_of_its_layers() -> None:
    network = DenseNetwork((5, 4, 3, 2), "tanh", 1.0, "sigmoid").double()
    first, second, last = network.layers
    sequence = nn.Sequential(first, nn.Tanh(), second, nn.Tanh(), last, nn.Sigmoid())
    x = torch.randn(7, 5, dtype=torch.float64)
    torch.testing.assert_close(network(x), sequence(x), rtol=0, atol=0)


def test_parameters_come_layer_by_layer() -> None:
    network = DenseNetwork((5, 4, 3))
    assert isinstance(network.layers, nn.ModuleList)
    assert [name for name, _ in network.named_parameters()] == [f"layers.{i}.{p}" for i in (0, 1) for p in ("weight", "bias")]
    assert [tuple(p.shape) for p in network.parameters()] == [(4, 5), (4,), (3, 4), (3,)]
    assert network.widths == (5, 4, 3)
    assert network.skips == (False,)


def test_defaults_are_relu_xavier_and_a_linear_output() -> None:
    torch.manual_seed(0)
    default = DenseNetwork([6, 5, 2])
    torch.manual_seed(0)
    named = DenseNetwork([6, 5, 2], "relu", "xavier_uniform", "identity")
    x = torch.randn(4, 6)
    assert torch.equal(default(x), named(x))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_skips_stand_where_the_width_is_kept(activation: str) -> None:
    network = ResidualNetwork((4, 4, 3, 3, 5, 3), activation, 1.0).double()
    assert network.skips == (True, False, True, False)
    w = [layer.weight for layer in network.layers]
    b = [layer.bias.data.uniform_() for layer in network.layers]
    phi = make_activation(activation)
    x = torch.randn(6, 4, dtype=torch.float64)
    h = phi(x @ w[0].T + b[0]) + x
    h = phi(h @ w[1].T + b[1])
    h = phi(h @ w[2].T + b[2]) + h
    h = phi(h @ w[3].T + b[3])
    torch.testing.assert_close(network(x), h @ w[4].T + b[4], rtol=1e-13, atol=1e-13)


def test_the_output_has_no_skip() -> None:
    """Negative control: equal widths of the output layer are no reason."""
    with pytest.raises(ValueError, match="no hidden layer has as many units"):
        ResidualNetwork((4, 3, 3))


def test_without_weights_the_skips_are_the_identity() -> None:
    network = ResidualNetwork((3, 3, 3, 2), "tanh")
    for layer in network.layers[:-1]:
        layer.weight.data.zero_()
    x = torch.randn(5, 3)
    assert torch.equal(network(x), network.layers[-1](x))
    assert not torch.equal(network(x), DenseNetwork.forward(without_skips(network), x))


def without_skips(network: ResidualNetwork) -> ResidualNetwork:
    bare = ResidualNetwork(network.widths, "tanh")
    bare.load_state_dict(network.state_dict())
    bare.skips = (False,) * len(network.skips)
    return bare


@pytest.mark.parametrize("kind", [DenseNetwork, ResidualNetwork])
def test_it_is_a_function_of_its_parameters(kind: type[DenseNetwork]) -> None:
    network = kind((3, 3, 2), "softplus")
    x, halves = torch.randn(4, 3), {name: 0.5 * p.detach() for name, p in network.named_parameters()}
    outputs = functional_call(network, halves, (x,))
    network.load_state_dict(halves)
    assert torch.equal(outputs, network(x))


def test_two_widths_are_a_linear_model() -> None:
    network = DenseNetwork((3, 2), "relu")
    x = torch.randn(4, 3)
    assert torch.equal(network(x), network.layers[0](x))
    assert network.skips == ()


@pytest.mark.parametrize("kind", [DenseNetwork, ResidualNetwork])
@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ((), r"widths=\[\]: give at least"),
        ((3,), r"widths=\[3\]: give at least the number of features and the number of outputs"),
        ((3, 0, 1), r"widths=\[3, 0, 1\]: every width is .* ≥ 1"),
        ((3, -2), "≥ 1"),
        ((3, 2.5, 1), "a whole number"),
        ((3, "4", 1), "a whole number"),
    ],
)
def test_widths_are_positive_whole_numbers(kind: type[DenseNetwork], widths: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(widths)


def test_names_are_checked() -> None:
    with pytest.raises(ValueError, match=r"no activation 'rely' \(did you mean relu\?\)"):
        DenseNetwork((3, 2), "rely")
    with pytest.raises(ValueError, match="log_softmax mixes the units of a layer"):
        DenseNetwork((3, 2), output_activation="log_softmax")
    with pytest.raises(ValueError, match="no initialization 'kaiming'"):
        DenseNetwork((3, 2), initialization="kaiming")


@pytest.mark.parametrize("shape", [(4, 2), (3,), (4, 1, 3), (4, 3, 1)])
def test_only_rows_of_features_pass(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the input has shape \(.*the network takes rows of 3 features"):
        DenseNetwork((3, 2))(torch.zeros(shape))
