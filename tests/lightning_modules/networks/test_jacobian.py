"""Forward and reverse accumulation against automatic differentiation, finite differences and their own cost formulas."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import jacrev, vmap
from torch.utils.flop_counter import FlopCounterMode

from lightning_modules.networks import ACTIVATIONS, DenseNetwork, ResidualNetwork, forward_jacobian, reverse_jacobian

Method = Callable[[DenseNetwork, Tensor], Tensor]
METHODS = pytest.mark.parametrize("method", [forward_jacobian, reverse_jacobian], ids=["forward", "reverse"])
NETWORKS = pytest.mark.parametrize(
    ("kind", "widths"),
    [
        (DenseNetwork, (3, 2)),
        (DenseNetwork, (3, 5, 4, 2)),
        (DenseNetwork, (2, 6, 7)),
        (ResidualNetwork, (3, 3, 2)),
        (ResidualNetwork, (4, 4, 3, 3, 3, 5)),
    ],
    ids=str,
)


def make(kind: type[DenseNetwork], widths: tuple[int, ...], activation: str, output: str) -> tuple[DenseNetwork, Tensor]:
    torch.manual_seed(0)
    network = kind(widths, activation, 1.0, output).double()
    for layer in network.layers:
        layer.bias.data.uniform_(-0.5, 0.5)
    return network, torch.randn(6, widths[0], dtype=torch.float64)


def oracle(network: DenseNetwork, x: Tensor) -> Tensor:
    return vmap(jacrev(lambda row: network(row[None])[0]))(x)


@METHODS
@NETWORKS
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_equal_to_automatic_differentiation(
    method: Method, kind: type[DenseNetwork], widths: tuple[int, ...], activation: str
) -> None:
    for output in ("identity", activation):
        network, x = make(kind, widths, activation, output)
        jacobian = method(network, x)
        assert jacobian.shape == (6, widths[-1], widths[0])
        torch.testing.assert_close(jacobian, oracle(network, x), rtol=1e-13, atol=1e-13)


@METHODS
def test_equal_to_differences(method: Method) -> None:
    network, x = make(ResidualNetwork, (3, 3, 5, 2), "tanh", "softplus")
    step = 1e-6 * torch.eye(3, dtype=torch.float64)
    columns = [(network(x + e) - network(x - e)) / 2e-6 for e in step]
    torch.testing.assert_close(method(network, x), torch.stack(columns, 2), rtol=1e-7, atol=1e-8)


@METHODS
def test_skips_count(method: Method) -> None:
    """Negative control: the oracle notices a forgotten skip."""
    network, x = make(ResidualNetwork, (3, 3, 2), "tanh", "identity")
    with_skips = oracle(network, x)
    network.skips = (False,)
    assert (method(network, x) - with_skips).abs().max() > 0.1


@METHODS
def test_no_rows_and_single_precision(method: Method) -> None:
    network = DenseNetwork((3, 4, 2), "sigmoid")
    assert method(network, torch.zeros(0, 3)).shape == (0, 2, 3)
    assert method(network, torch.zeros(1, 3)).dtype == torch.float32


@METHODS
def test_rows_of_another_length_are_refused(method: Method) -> None:
    with pytest.raises(ValueError, match="the network takes rows of 3 features"):
        method(DenseNetwork((3, 2)), torch.zeros(4, 2))


@pytest.mark.parametrize("outputs", [1, 8, 30])
def test_costs_are_those_of_the_formulas(outputs: int) -> None:
    """D or P rows through every matrix but one, beside one row through all for φ′: no product with a diagonal matrix."""
    inputs, widths = 8, (8, 10, 12, outputs)
    network, x = DenseNetwork(widths, "tanh"), torch.randn(1, inputs)
    sizes = [layer.weight.numel() for layer in network.layers]
    expected = {forward_jacobian: inputs * sum(sizes[1:]), reverse_jacobian: outputs * sum(sizes[:-1])}
    for method, products in expected.items():
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            method(network, x)
        assert counter.get_total_flops() == 2 * (products + sum(sizes))


def test_jacobians_can_be_trained_through() -> None:
    """A penalty on the Jacobian has gradients, the same either way."""
    network, x = make(ResidualNetwork, (3, 3, 4, 2), "tanh", "identity")
    first, second = (
        torch.autograd.grad(method(network, x).square().sum(), [layer.weight for layer in network.layers])
        for method in (forward_jacobian, reverse_jacobian)
    )
    torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)
