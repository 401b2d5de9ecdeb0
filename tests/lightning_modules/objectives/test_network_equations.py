"""Backpropagation as it stands in print, written out with explicit loops in numpy, and a chain of neurons by hand."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_modules.networks import DenseNetwork, ResidualNetwork
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives.families import AbsoluteError, Gaussian, SquaredError
from tests.lightning_modules.objectives.queries import first_order

Array = NDArray[np.float64]
Function = Callable[[Array], Array]


def flat(weights: list[Array], biases: list[Array]) -> Tensor:
    """W_1, b_1, … as θ; the equations' W_ℓ maps by its transpose, (in, out)."""
    return torch.tensor(np.concatenate([part for w, b in zip(weights, biases, strict=True) for part in (w.T.ravel(), b)]))


# -- A residual network under the mean squared error --------------------------------------------------------------


def residual_loss_and_gradient(
    weights: list[Array], biases: list[Array], x: Array, y: Array, g: Function, slope: Function
) -> tuple[float, list[Array], list[Array]]:
    """Columns are examples: x (d, N), y (K, N). a_ℓ = W_ℓᵀ h_{ℓ−1} + b_ℓ, h_ℓ = g(a_ℓ) + h_{ℓ−1}, ŷ = W_kᵀ h_{k−1} + b_k."""
    layers, examples = len(weights), x.shape[1]
    loss = 0.0
    weight_gradients = [np.zeros_like(w) for w in weights]
    bias_gradients = [np.zeros_like(b) for b in biases]
    for i in range(examples):
        h, a = [x[:, i]], []
        for layer in range(layers - 1):
            a.append(weights[layer].T @ h[-1] + biases[layer])
            h.append(g(a[-1]) + h[-1])
        prediction = weights[-1].T @ h[-1] + biases[-1]
        loss += float(((prediction - y[:, i]) ** 2).sum()) / examples
        top = 2 / examples * (prediction - y[:, i])  # column i of G
        weight_gradients[-1] += np.outer(h[-1], top)
        bias_gradients[-1] += top
        e = weights[-1] @ top
        for layer in reversed(range(layers - 1)):
            delta = e * slope(a[layer])
            weight_gradients[layer] += np.outer(h[layer], delta)
            bias_gradients[layer] += delta
            e = e + weights[layer] @ delta  # the first summand is the skip
    return loss, weight_gradients, bias_gradients


def relu(a: Array) -> Array:
    return np.maximum(a, 0)


def step(a: Array) -> Array:
    return (a > 0).astype(float)


def logistic(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    "relu": (relu, step),
    "sigmoid": (logistic, lambda a: logistic(a) * logistic(-a)),
    "softplus": (lambda a: np.log1p(np.exp(a)), logistic),
}


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("hidden", [1, 2, 5])
@pytest.mark.parametrize(("width", "outputs"), [(1, 1), (4, 1), (3, 2)])
def test_the_gradient_of_a_residual_network_is_that_of_its_equations(
    activation: str, hidden: int, width: int, outputs: int
) -> None:
    random = np.random.default_rng(hidden)
    widths = [width] * (hidden + 1) + [outputs]
    weights = [random.normal(size=(widths[i], widths[i + 1])) / width for i in range(hidden + 1)]
    biases = [random.normal(size=after) for after in widths[1:]]
    x, y = random.normal(size=(width, 7)), random.normal(size=(outputs, 7))
    loss, weight_gradients, bias_gradients = residual_loss_and_gradient(weights, biases, x, y, *FUNCTIONS[activation])
    network = ResidualNetwork(widths, activation)
    objective = NetworkObjective(network, SquaredError(outputs), torch.tensor(x.T), torch.tensor(y.T))
    value, gradient = first_order(objective.at(flat(weights, biases)))
    torch.testing.assert_close(float(value), loss, rtol=1e-13, atol=0)
    torch.testing.assert_close(gradient, flat(weight_gradients, bias_gradients), rtol=1e-11, atol=1e-13)


def test_without_its_skips_the_gradient_is_another() -> None:
    """Negative control: the equations tell the two networks apart."""
    random = np.random.default_rng(0)
    weights = [random.normal(size=(3, 3)), random.normal(size=(3, 3)), random.normal(size=(3, 1))]
    biases = [random.normal(size=3), random.normal(size=3), random.normal(size=1)]
    x, y = random.normal(size=(3, 7)), random.normal(size=(1, 7))
    _, weight_gradients, bias_gradients = residual_loss_and_gradient(weights, biases, x, y, *FUNCTIONS["tanh"])
    plain = NetworkObjective(DenseNetwork((3, 3, 3, 1), "tanh"), SquaredError(1), torch.tensor(x.T), torch.tensor(y.T))
    expected = flat(weight_gradients, bias_gradients)
    assert (plain.at(flat(weights, biases)).gradient - expected).norm() > 0.1 * expected.norm()


# -- Two layers under the absolute error --------------------------------------------------------------------------


@pytest.mark.parametrize("units", [1, 6])
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_under_the_absolute_error_is_that_of_its_equations(units: int, seed: int) -> None:
    """z = W₁x + b₁, a = tanh z, ŷ = w₂ᵀa + b₂, J = mean |ŷ − y|, number by number."""
    random = np.random.default_rng(seed)
    features, examples = 3, 9
    w1, b1 = random.normal(size=(units, features)), random.normal(size=units)
    w2, b2 = random.normal(size=units), float(random.normal())
    x, y = random.normal(size=(examples, features)), random.normal(size=examples)
    dw1, db1, dw2, db2, loss = np.zeros_like(w1), np.zeros_like(b1), np.zeros_like(w2), 0.0, 0.0
    for i in range(examples):
        z = [sum(w1[j, k] * x[i, k] for k in range(features)) + b1[j] for j in range(units)]
        a = [np.tanh(z_j) for z_j in z]
        prediction = sum(w2[j] * a[j] for j in range(units)) + b2
        loss += abs(prediction - y[i]) / examples
        top = np.sign(prediction - y[i]) / examples
        db2 += top
        for j in range(units):
            dw2[j] += top * a[j]
            below = top * w2[j] * (1 - a[j] ** 2)
            db1[j] += below
            for k in range(features):
                dw1[j, k] += below * x[i, k]
    objective = NetworkObjective(DenseNetwork((features, units, 1), "tanh"), AbsoluteError(1), torch.tensor(x), torch.tensor(y))
    value, gradient = first_order(objective.at(flat([w1.T, w2[:, None]], [b1, np.array([b2])])))
    torch.testing.assert_close(float(value), loss, rtol=1e-13, atol=0)
    torch.testing.assert_close(gradient, flat([dw1.T, dw2[:, None]], [db1, np.array([db2])]), rtol=1e-11, atol=1e-14)


# -- A chain of single neurons ------------------------------------------------------------------------------------

CHAIN = (0.460, 0.500, -0.139, 0.496)
CHAIN_GRADIENT = (0.1150, 0.1765, -0.6922, 0.1943)
CHAIN_HESSIAN = [
    [-0.3718, 0.1720, -0.8277, 0.2330],
    [0.1720, -0.0891, -1.2700, 0.3576],
    [-0.8277, -1.2700, 0.0006, -1.4022],
    [0.2330, 0.3576, -1.4022, 0.0019],
]
# Half a unit of the last printed digit.
ROUNDED = 0.5e-4 + 1e-12


def chain() -> tuple[NetworkObjective, Tensor]:
    """tanh(w₄ tanh(w₃ tanh(w₂ tanh(w₁ x)))) at x = 2 for y = 4 under ½ (ŷ − y)²; weights stand at 0, 2, 4, 6 of θ."""
    network = DenseNetwork((1, 1, 1, 1, 1), "tanh", output_activation="tanh")
    x, y = torch.tensor([[2.0]], dtype=torch.float64), torch.tensor([4.0], dtype=torch.float64)
    theta = torch.zeros(8, dtype=torch.float64)
    theta[::2] = torch.tensor(CHAIN, dtype=torch.float64)
    return NetworkObjective(network, Gaussian(1), x, y), theta


def test_the_chain_of_neurons_has_the_known_gradient_and_hessian() -> None:
    objective, theta = chain()
    gradient, hessian = (torch.tensor(known, dtype=torch.float64) for known in (CHAIN_GRADIENT, CHAIN_HESSIAN))
    torch.testing.assert_close(objective.at(theta).gradient[::2], gradient, rtol=0, atol=ROUNDED)
    torch.testing.assert_close(objective.at(theta).curvature("hessian").matrix()[::2, ::2], hessian, rtol=0, atol=ROUNDED)
    torch.testing.assert_close(
        objective.at(theta).curvature("hessian").diagonal()[::2], hessian.diagonal(), rtol=0, atol=ROUNDED
    )


def test_the_chain_by_hand() -> None:
    """Its second derivatives from h_ℓ alone: in a chain E_{ℓ−1} = w_ℓ² (φ′² E_ℓ + φ″ e_ℓ), all of them numbers."""
    objective, theta = chain()
    h = [2.0]
    for w in CHAIN:
        h.append(float(np.tanh(w * h[-1])))
    e, bend = h[-1] - 4, 1.0
    slopes, curvatures = [], []
    for layer in reversed(range(4)):
        first, second = 1 - h[layer + 1] ** 2, -2 * h[layer + 1] * (1 - h[layer + 1] ** 2)
        delta, inner = first * e, first**2 * bend + second * e
        slopes.append(delta * h[layer])
        curvatures.append(inner * h[layer] ** 2)
        e, bend = CHAIN[layer] * delta, CHAIN[layer] ** 2 * inner
    expected = [torch.tensor(values[::-1], dtype=torch.float64) for values in (slopes, curvatures)]
    torch.testing.assert_close(objective.at(theta).gradient[::2], expected[0], rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(objective.at(theta).curvature("hessian").diagonal()[::2], expected[1], rtol=1e-11, atol=1e-15)


def test_the_published_slips_are_not_reproduced() -> None:
    """Entry (2, 4) was once printed as 2.449 and entry (4, 4) as 0.0004."""
    objective, theta = chain()
    hessian = objective.at(theta).curvature("hessian").matrix()[::2, ::2]
    assert abs(hessian[1, 3] - 2.449) > 2 and abs(hessian[3, 3] - 0.0004) > 1e-3
