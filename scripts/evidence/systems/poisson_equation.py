r"""A partial differential equation solved by a network: the residuals at points are least squares in its parameters.

    −Δu = f  in (0, 1)²,    u = 0  on the boundary,    f = 2π² sin πx₁ sin πx₂,    so that  u = sin πx₁ sin πx₂

    u(x; θ) = Σ_j c_j h_j + d,    h_j = tanh(w_jᵀ(2x − 1) + b_j),    Δu = 4 Σ_j c_j ‖w_j‖² φ″_j,    φ″ = −2 h (1 − h²)

    r_i(θ) = Δu(x_i) + f(x_i)  at points within,    r_i(θ) = 10 u(x_i)  at points of the boundary

Nothing of the solution is put into the network: not its boundary, nor its symmetry. The first weights are drawn so that the
units bend within the square, each elsewhere.

Source: M. Raissi, P. Perdikaris and G. Karniadakis, Physics-informed neural networks (2019); that the method decides on the
digits: J. Müller and M. Zeinhofer, Achieving high accuracy with PINNs via energy natural gradient descent (2023).
"""

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_modules.objectives import LeastSquares
from lightning_modules.optimizers import Newton, StepReport, minimise

# Of the residuals at the boundary beside those of a second derivative, which is about 2π² times the function.
BOUNDARY_WEIGHT = 10.0
# What the first weights and biases are about, where inputs reach from −1 to 1.
FIRST_WEIGHTS = 1.5
GRID = 101


@dataclass(frozen=True)
class Moment:
    """Where a method was.

    Attributes:
        seconds: since its start.
        theta: θ (p,) there.
    """

    seconds: float
    theta: Tensor


class PoissonEquation:
    """The equation at random points, for a network with one hidden layer.

    Args:
        width: how many hidden units.
        interior: how many points within the square.
        boundary: how many on its sides.
        seed: of points and first weights.
    """

    def __init__(self, width: int = 64, interior: int = 400, boundary: int = 100, seed: int = 0) -> None:
        self.width = width
        generator = torch.Generator().manual_seed(seed)
        within = torch.rand(interior, 2, dtype=torch.float64, generator=generator)
        along = torch.rand(boundary, dtype=torch.float64, generator=generator)
        side = torch.arange(boundary) % 4
        across = (side % 2).to(along)
        edge = torch.where((side < 2)[:, None], torch.stack([along, across], 1), torch.stack([across, along], 1))
        is_within = torch.arange(interior + boundary) < interior
        self.objective = LeastSquares(residual, rows=(torch.cat([within, edge]), is_within))
        weights = torch.randn(2 * width, dtype=torch.float64, generator=generator) / math.sqrt(2)
        biases = 2 * torch.rand(width, dtype=torch.float64, generator=generator) - 1
        outer = torch.randn(width, dtype=torch.float64, generator=generator) / math.sqrt(width)
        self.start = torch.cat([FIRST_WEIGHTS * weights, FIRST_WEIGHTS * biases, outer, torch.zeros(1, dtype=torch.float64)])


def value_and_laplacian(theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """u (), Δu () of θ = (W, b, c, d) at a point x (2,)."""
    width = (len(theta) - 1) // 4
    first, bias, outer, offset = theta.split([2 * width, width, width, 1])
    weights = first.view(width, 2)
    h = torch.tanh(weights @ (2 * x - 1) + bias)
    bent = -2 * h * (1 - h.square()) * weights.square().sum(1)
    return outer @ h + offset[0], 4 * (outer @ bent)


def solution(x: Tensor) -> Tensor:
    """sin πx₁ sin πx₂: (…, 2) -> (…,)."""
    return torch.sin(math.pi * x).prod(-1)


def residual(theta: Tensor, row: tuple[Tensor, Tensor]) -> Tensor:
    """r () at a point x (2,), of which is said whether it lies within."""
    x, is_within = row
    u, laplacian = value_and_laplacian(theta, x)
    return torch.where(is_within, laplacian + 2 * math.pi**2 * solution(x), BOUNDARY_WEIGHT * u)


def errors(theta: Tensor) -> Tensor:
    """u(x; θ) − u(x) on a grid that reaches to the boundary (101, 101)."""
    axis = torch.linspace(0, 1, GRID, dtype=torch.float64)
    x = torch.cartesian_prod(axis, axis)
    found = torch.vmap(value_and_laplacian, in_dims=(None, 0))(theta, x)[0]
    return (found - solution(x)).view(GRID, GRID)


def relative_error(theta: Tensor) -> float:
    """‖u(·; θ) − u‖ / ‖u‖ on the grid."""
    axis = torch.linspace(0, 1, GRID, dtype=torch.float64)
    return float(errors(theta).norm() / solution(torch.cartesian_prod(axis, axis)).norm())


def by_newton(problem: PoissonEquation, seconds: float) -> list[Moment]:
    """The points of Newton's method at its defaults, for so many seconds."""
    moments: list[Moment] = []
    start = time.perf_counter()

    def is_over(report: StepReport) -> bool:
        moments.append(Moment(time.perf_counter() - start, report.point.theta if report.theta is None else report.theta))
        return moments[-1].seconds >= seconds

    minimise(problem.objective, problem.start, Newton, max_steps=10**6, is_enough=is_over)
    return moments


def by_lbfgs(problem: PoissonEquation, seconds: float) -> list[Moment]:
    """Those of torch's L-BFGS with the strong Wolfe search, each after ten of its steps."""
    theta = problem.start.clone().requires_grad_()
    method = torch.optim.LBFGS(
        [theta], max_iter=10, history_size=100, tolerance_grad=0.0, tolerance_change=0.0, line_search_fn="strong_wolfe"
    )
    moments: list[Moment] = []
    start = time.perf_counter()

    def closure() -> Tensor:
        method.zero_grad()
        value = problem.objective.value(theta)
        value.backward()
        return value

    while not moments or moments[-1].seconds < seconds:
        method.step(closure)
        moments.append(Moment(time.perf_counter() - start, theta.detach().clone()))
    return moments
