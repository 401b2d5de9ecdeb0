"""φ, φ′ and φ″ against formulas written another way, automatic differentiation and finite differences."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import softplus

from lightning_modules.networks import ACTIVATIONS, make_activation

KINKS = {"relu": [0.0], "sign": [0.0], "hard_tanh": [-1.0, 1.0], "leaky_tanh": [0.0]}
# Contains every kink; away from them, no point is nearer than 0.01.
GRID = torch.linspace(-6, 6, 1201, dtype=torch.float64)
REFERENCE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda z: (z + z.abs()) / 2,
    "sigmoid": lambda z: (1 + torch.tanh(z / 2)) / 2,
    "identity": lambda z: z,
    "sign": lambda z: (z > 0).double() - (z < 0).double(),
    "tanh": lambda z: (z.exp() - (-z).exp()) / (z.exp() + (-z).exp()),
    "hard_tanh": lambda z: ((z + 1).abs() - (z - 1).abs()) / 2,
    "leaky_tanh": lambda z: torch.where(z > 0, torch.tanh(z), 0.01 * z),
    "softplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)),
}


def smooth(name: str) -> Tensor:
    """The grid without kinks."""
    return GRID[torch.stack([(GRID - kink).abs() > 1e-3 for kink in KINKS.get(name, [99.0])]).all(0)]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value(name: str) -> None:
    torch.testing.assert_close(make_activation(name)(GRID), REFERENCE[name](GRID), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_that_of_automatic_differentiation_at_kinks_too(name: str) -> None:
    phi = make_activation(name)
    torch.testing.assert_close(phi.derivative(GRID, phi(GRID)), vmap(grad(phi))(GRID), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("vectors", [(), (3,)], ids=["one", "several"])
def test_what_is_pulled_back_is_multiplied_by_the_derivative(name: str, vectors: tuple[int, ...]) -> None:
    phi = make_activation(name)
    e = torch.randn(*vectors, len(GRID), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    h = phi(GRID)
    torch.testing.assert_close(phi.pull_back(e, GRID, h), e * phi.derivative(GRID, h), rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_derivative_is_that_of_automatic_differentiation(name: str) -> None:
    phi, z = make_activation(name), smooth(name)
    torch.testing.assert_close(phi.second_derivative(z, phi(z)), vmap(grad(grad(phi)))(z), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_are_limits_of_differences(name: str) -> None:
    phi, z, step = make_activation(name), smooth(name), 1e-5

    def derivative(z: Tensor) -> Tensor:
        return phi.derivative(z, phi(z))

    for value, derived in ((phi, derivative(z)), (derivative, phi.second_derivative(z, phi(z)))):
        torch.testing.assert_close(derived, (value(z + step) - value(z - step)) / (2 * step), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_flags_say_what_the_derivatives_are(name: str) -> None:
    """φ″ = 0 exactly where φ is piecewise linear; ∫φ′ is the change of φ unless φ jumps."""
    phi = make_activation(name)
    h = phi(GRID)
    assert phi.piecewise_linear == (phi.second_derivative(GRID, h) == 0).all()
    change = torch.trapezoid(phi.derivative(GRID, h), GRID)
    assert phi.twice_differentiable == (abs(float(change - (h[-1] - h[0]))) < 0.02)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_derivative_is_0_at_kinks(name: str) -> None:
    phi, kinks = make_activation(name), torch.tensor(KINKS.get(name, []), dtype=torch.float64)
    assert (phi.second_derivative(kinks, phi(kinks)) == 0).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_shape_and_type_are_kept(name: str) -> None:
    phi, z = make_activation(name), torch.randn(2, 3, 4)
    h = phi(z)
    for made in (h, phi.derivative(z, h), phi.second_derivative(z, h)):
        assert (made.shape, made.dtype) == (z.shape, z.dtype)
    assert not list(phi.parameters())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nothing_overflows(name: str) -> None:
    phi, z = make_activation(name), torch.tensor([-1e4, -1e2, 1e2, 1e4])
    h = phi(z)
    assert all(made.isfinite().all() for made in (h, phi.derivative(z, h), phi.second_derivative(z, h)))


def test_softplus_is_exact_where_pytorch_is_linear() -> None:
    z = torch.linspace(20.5, 45, 50, dtype=torch.float64)
    exact = z + torch.log1p(torch.exp(-z))
    torch.testing.assert_close(make_activation("softplus")(z), exact, rtol=1e-16, atol=0)
    assert (softplus(z) - exact).abs().max() > 1e-9, "negative control: the default threshold is not enough"


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"no activation 'hardtanh' \(did you mean hard_tanh\?\); choose among relu, .*softplus"
    ):
        make_activation("hardtanh")
    with pytest.raises(ValueError, match="no activation 'xyz'; choose among relu"):
        make_activation("xyz")


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_is_sent_to_the_loss(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} mixes the units of a layer.*loss='cross_entropy' contains it"):
        make_activation(name)
