"""Any twice differentiable function of torch as an objective."""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.user_function import called, described, hint, is_real, unmoved

# Of so many parameters without a slope it is tried whether they do anything at all.
MOST_TRIED = 32


class _UserObjective(Objective):
    """A loss of which nothing is known beyond its derivatives."""

    def degeneracy(self, theta: Tensor, direction: Tensor | None = None) -> Degeneracy | None:
        """Parameters that change nothing around θ: unused, or of no effect there."""
        flat = (self.at(theta).gradient == 0).nonzero()[:, 0].tolist()
        idle = unmoved(self.value, theta, flat[:MOST_TRIED])
        if idle:
            # In a large unit all of these moves may be too short to show, but not to bend the loss.
            bends = self.at(theta).curvature("hessian").matrix().abs().amax(0)
            idle = tuple(j for j in idle if bends[j] == 0)
        if not idle:
            return None
        listed = ", ".join(f"theta[{j}]" for j in idle[:8]) + (", …" if len(idle) > 8 else "")
        return Degeneracy(
            "rank_deficient",
            f"the value does not change with {listed} around this point, so nothing tells where the minimum is: leave out of "
            "the start what the function does not use; what is rounded or compared has no slope",
            columns=idle,
        )


class FunctionObjective(_UserObjective):
    """A function of θ, minimised as it is: `minimise(FunctionObjective(rosenbrock), start)`.

    It is all loss and no model, f(θ) = θ, so its Gauss–Newton matrix is its Hessian; where that is indefinite, methods take
    the absolute values of its eigenvalues.

    Args:
        function: θ (p,) -> (), made of differentiable torch operations.

    Raises:
        ValueError: no function; at a point, one that returns something else or takes another θ.
    """

    is_split = False

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        check_callable("FunctionObjective", "function", function)
        self.function = function

    def value(self, theta: Tensor) -> Tensor:
        value = called(self.function, theta)
        if not isinstance(value, Tensor) or not is_real(value) or value.numel() != 1:
            raise ValueError(
                f"the function returned {described(value)}{hint(value)}: a FunctionObjective takes a function (p,) -> () of "
                "torch; for residuals (n,) use LeastSquares"
            )
        return value.reshape(())

    def outputs(self, theta: Tensor) -> Tensor:
        return theta

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.value(outputs)


class LeastSquares(_UserObjective):
    """1/n Σ_i ½ r_i(θ)²: half the mean square of any residuals, `minimise(LeastSquares(residuals), start)`.

    Its Gauss–Newton matrix is JᵀJ / n, J = ∂r/∂θ. Fitting a curve y ≈ f(t; θ), the residuals are f(t; θ) − y.

    Args:
        residuals: θ (p,) -> r (n,), made of differentiable torch operations.

    Raises:
        ValueError: no function; at a point, one that returns something else, not a single residual, or takes another θ.
    """

    infimum = 0.0

    def __init__(self, residuals: Callable[[Tensor], Tensor]) -> None:
        check_callable("LeastSquares", "residuals", residuals)
        self.residuals = residuals

    def value(self, theta: Tensor) -> Tensor:
        return self.output_loss(self.outputs(theta))

    def outputs(self, theta: Tensor) -> Tensor:
        residuals = called(self.residuals, theta)
        if not isinstance(residuals, Tensor) or not is_real(residuals) or residuals.ndim == 0:
            raise ValueError(
                f"the residuals are {described(residuals)}{hint(residuals)}: LeastSquares takes a function (p,) -> (n,) of "
                "torch, n ≥ 1; for a function (p,) -> () use FunctionObjective"
            )
        if residuals.numel() == 0:
            raise ValueError(
                f"the residuals are {described(residuals)}, of no row: LeastSquares takes a function (p,) -> (n,), n ≥ 1; "
                "check that the data are not empty"
            )
        if residuals.ndim == 2 and residuals.shape[0] == residuals.shape[1] > 1:
            raise ValueError(
                f"the residuals are {described(residuals)}, each of one row less each of another: subtract (n,) from "
                "(n,), not from (n, 1); LeastSquares takes a function (p,) -> (n,)"
            )
        return residuals.reshape(-1, 1)

    def output_loss(self, outputs: Tensor) -> Tensor:
        return 0.5 * outputs.square().mean()

    def non_finite_part(self, theta: Tensor) -> str | None:
        with torch.no_grad():
            residuals = self.outputs(theta)[:, 0]
        bad = (~torch.isfinite(residuals)).nonzero()[:, 0].tolist()
        if not bad:
            return None
        more = f" ({len(bad)} of them are not finite)" if len(bad) > 1 else ""
        return f"residual {bad[0]} of {len(residuals)} is {float(residuals[bad[0]]):g}{more}"


def check_callable(who: str, what: str, given: object) -> None:
    """Refuse what cannot be called.

    Raises:
        ValueError: it is no function.
    """
    if not callable(given):
        raise ValueError(f"{who}({what}) got no function but {type(given).__name__}: give one of θ, such as lambda theta: …")
