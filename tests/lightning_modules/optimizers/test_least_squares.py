"""Newton's method and gradient descent on least squares, where their iterates have closed forms."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Gaussian
from lightning_modules.optimizers import GradientDescent, Newton
from tests.lightning_modules.optimizers.fitting import MakeOptimizer, normal, run, well_posed


def extended(x: Tensor) -> Tensor:
    return torch.cat([x, x.new_ones(len(x), 1)], 1)


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("make", "steps"),
    [(Newton, 1), (lambda p: Newton(p, damping=0.0), 1), (lambda p: Newton(p, solver="cg"), 20)],
    ids=["adaptive", "undamped", "cg"],
)
def test_newton_solves_least_squares(make: MakeOptimizer, steps: int, seed: int, targets: int):
    """In one step from anywhere; conjugate gradients, which solve for the step roughly, in a few."""
    objective = well_posed(Gaussian(targets), seed=seed)
    x, y = extended(objective.features), objective.targets
    begin = 100 * normal(4 * targets, seed=seed + 50)
    theta = run(objective, make, steps, begin).theta
    solution = torch.linalg.lstsq(x, y).solution  # (d + 1, K), the bias last
    expected = torch.cat([solution[:-1].T.flatten(), solution[-1]])
    assert (theta - expected).norm() <= 1e-10 * (begin - expected).norm()
    assert objective.at(theta).gradient.norm() <= 1e-10 * objective.at(begin).gradient.norm()


def quadratic(seed: int = 0) -> tuple[GLMObjective, Tensor, Tensor]:
    """Least squares with one target, its Hessian A = X̃ᵀX̃ / n and b = X̃ᵀy / n, so that the gradient is Aθ − b."""
    objective = well_posed(Gaussian(1), seed=seed)
    x, y = extended(objective.features), objective.targets[:, 0]
    return objective, x.T @ x / len(x), x.T @ y / len(x)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99, 1.01], ids=lambda share: f"lr={share}*2/L")
@pytest.mark.parametrize("seed", range(3))
def test_gradient_descent_iterates_have_a_closed_form(share: float, seed: int):
    """θ_k = (I − αA)^k θ_0 + Σ_{i<k} (I − αA)^i αb."""
    objective, a, b = quadratic(seed)
    lr, begin = share * 2 / float(torch.linalg.eigvalsh(a)[-1]), normal(4, seed=seed + 50)
    result = run(objective, lambda p: GradientDescent(p, lr=lr), 30, begin)
    contraction = torch.eye(4, dtype=torch.float64) - lr * a
    for k, theta in enumerate(result.iterates):
        powers = [torch.linalg.matrix_power(contraction, i) for i in range(k + 1)]
        expected = powers[k] @ begin + sum((power @ (lr * b) for power in powers[:k]), torch.zeros_like(b))
        assert (theta - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("share", "converges"), [(0.999, True), (1.001, False), (1.5, False)])
def test_gradient_descent_converges_iff_lr_is_below_two_over_the_largest_curvature(share, converges, seed):
    """Along the top eigenvector the error is multiplied by 1 − αL = 1 − 2 share in each step."""
    objective, a, b = quadratic(seed)
    eigenvalues, vectors = torch.linalg.eigh(a)
    optimum, top, lr = torch.linalg.solve(a, b), vectors[:, -1], share * 2 / float(eigenvalues[-1])
    theta = run(objective, lambda p: GradientDescent(p, lr=lr), 50, optimum + top).theta
    assert_close((theta - optimum) @ top, top.new_tensor((1 - 2 * share) ** 50), rtol=1e-6, atol=1e-9)
    assert (abs((theta - optimum) @ top) < 1) == converges
