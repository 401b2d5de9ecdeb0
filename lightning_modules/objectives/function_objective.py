"""Any twice differentiable function of torch as an objective."""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.objectives.objective import Objective

# At a minimum the Newton step is nothing beside θ. Where a function only flattens out towards infinity it is not.
SMALL_STEP = 1e-4


class _SmallStepObjective(Objective):
    """A loss of which nothing is known beyond its derivatives."""

    def attains_minimum(self, theta: Tensor, decrement: float, hessian: Tensor | None) -> bool:
        """Whether H⁻¹g is nothing beside max(1, ‖θ‖): no proof of a minimum, but without it there is none nearby."""
        if hessian is None:
            return False
        step = torch.linalg.solve(hessian, self.at(theta).gradient.double())
        return bool(step.norm() <= SMALL_STEP * max(1.0, float(theta.norm())))


class FunctionObjective(_SmallStepObjective):
    """A function of θ, minimised as it is: `minimise(FunctionObjective(rosenbrock), start)`.

    It is all loss and no model, f(θ) = θ, so its Gauss–Newton matrix is its Hessian; where that is indefinite, methods take
    the absolute values of its eigenvalues.

    Args:
        function: θ (p,) -> (), made of differentiable torch operations.
    """

    is_split = False

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function

    def value(self, theta: Tensor) -> Tensor:
        value = self.function(theta)
        if not is_real(value) or value.numel() != 1:
            raise ValueError(
                f"the function returned {described(value)}: a FunctionObjective takes a function (p,) -> () of torch; for "
                "residuals (n,) use LeastSquares"
            )
        return value.reshape(())

    def outputs(self, theta: Tensor) -> Tensor:
        return theta

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.value(outputs)


class LeastSquares(_SmallStepObjective):
    """1/n Σ_i ½ r_i(θ)²: half the mean square of any residuals, `minimise(LeastSquares(residuals), start)`.

    Its Gauss–Newton matrix is JᵀJ / n, J = ∂r/∂θ. Fitting a curve y ≈ f(t; θ), the residuals are f(t; θ) − y.

    Args:
        residuals: θ (p,) -> r (n,), made of differentiable torch operations.
    """

    infimum = 0.0

    def __init__(self, residuals: Callable[[Tensor], Tensor]) -> None:
        self.residuals = residuals

    def value(self, theta: Tensor) -> Tensor:
        return self.output_loss(self.outputs(theta))

    def outputs(self, theta: Tensor) -> Tensor:
        residuals = self.residuals(theta)
        if not is_real(residuals) or residuals.ndim == 0 or residuals.numel() == 0:
            raise ValueError(
                f"the residuals are {described(residuals)}: LeastSquares takes a function (p,) -> (n,) of torch, n ≥ 1; for a "
                "function (p,) -> () use FunctionObjective"
            )
        return residuals.reshape(-1, 1)

    def output_loss(self, outputs: Tensor) -> Tensor:
        return 0.5 * outputs.square().mean()


def is_real(value: object) -> bool:
    """Whether a function returned real numbers of torch."""
    return isinstance(value, Tensor) and value.is_floating_point()


def described(value: object) -> str:
    """What a function returned, for a refusal."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and type {str(value.dtype).removeprefix('torch.')}"
    return f"a {type(value).__name__}"
