"""Any twice differentiable function of torch as an objective."""

from collections.abc import Callable

from torch import Tensor

from lightning_modules.objectives.objective import Objective


class FunctionObjective(Objective):
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
        if value.numel() != 1:
            raise ValueError(
                f"the function returned a tensor of shape {tuple(value.shape)}: a FunctionObjective takes a function (p,) -> "
                "(); for residuals (n,) use LeastSquares"
            )
        return value.reshape(())

    def outputs(self, theta: Tensor) -> Tensor:
        return theta

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.value(outputs)


class LeastSquares(Objective):
    """1/n Σ_i ½ r_i(θ)²: half the mean square of any residuals, `minimise(LeastSquares(residuals), start)`.

    Its Gauss–Newton matrix is JᵀJ / n, J = ∂r/∂θ. Fitting a curve y ≈ f(t; θ), the residuals are f(t; θ) − y.

    Args:
        residuals: θ (p,) -> r (n,), made of differentiable torch operations.
    """

    def __init__(self, residuals: Callable[[Tensor], Tensor]) -> None:
        self.residuals = residuals

    def value(self, theta: Tensor) -> Tensor:
        return self.output_loss(self.outputs(theta))

    def outputs(self, theta: Tensor) -> Tensor:
        residuals = self.residuals(theta)
        if residuals.ndim == 0 or residuals.numel() == 0:
            raise ValueError(
                f"the residuals have shape {tuple(residuals.shape)}: LeastSquares takes a function (p,) -> (n,), n ≥ 1; for a "
                "function (p,) -> () use FunctionObjective"
            )
        return residuals.reshape(-1, 1)

    def output_loss(self, outputs: Tensor) -> Tensor:
        return 0.5 * outputs.square().mean()
