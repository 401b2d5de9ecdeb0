"""Newton's method."""

from collections.abc import Iterable
from functools import partial
from typing import Literal

from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective
from lightning_modules.optimizers.curvature import AbsoluteCurvature, Curvature, DenseCurvature, MatrixFreeCurvature
from lightning_modules.optimizers.damped_optimizer import DampedOptimizer

DENSE_BYTES = 4 * 2**30
# Up to so many parameters a matrix is formed if nothing is said. For logistic regression conjugate gradients with their
# preconditioner take about as long at 100 and half as long from 500 on (`benchmark.py scaling`). Networks have a diagonal for
# one, and least squares need the matrix once.
DENSE_PARAMETERS, DENSE_OTHERWISE = 128, 2048


class Newton(DampedOptimizer):
    """θ ← θ − lr (H + μI)⁻¹ ∇f(θ), H = ∇²f(θ) or its Gauss–Newton part.

    With the defaults it is the pure Newton step wherever the quadratic model predicts well, and damped where it does not.
    One step minimises a least-squares loss; on smooth convex losses the number of correct digits doubles per step.

    Args:
        params: the parameters, one group.
        lr: step size, > 0; 1 is the full Newton step.
        damping: μ ≥ 0 added to the diagonal of the curvature of the *mean* loss, or "adaptive" (Levenberg–Marquardt by the
            gain ratio; see `damping.py`). For the curvature of a *summed* loss divide its damping by the number of rows.
        curvature: "ggn" for the generalised Gauss–Newton matrix (never indefinite), or "hessian", of which the absolute
            eigenvalues count where it is indefinite; the same for a generalised linear model.
        solver: "cholesky" forms the p × p matrix; "cg" needs products with it only; "auto" is the former for few parameters,
            up to 128 in logistic and softmax regression and 2048 otherwise, and the latter for more.
        search: null for the constant step lr, "backtracking" to halve it until the loss decreases enough (Armijo); needs a
            fixed damping.
        tolerance: stop at ‖∇‖∞ ≤ tolerance and half the squared Newton decrement ≤ tolerance; null = 3.7e-11 (float64).

    Raises:
        ValueError: a hyper-parameter out of its range; at the first step, a dense matrix above 4 GiB.
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1.0,
        damping: float | Literal["adaptive"] = "adaptive",
        curvature: Literal["hessian", "ggn"] = "ggn",
        solver: Literal["auto", "cholesky", "cg"] = "auto",
        search: Literal["backtracking"] | None = None,
        tolerance: float | None = None,
    ) -> None:
        if solver not in ("auto", "cholesky", "cg"):
            raise ValueError(f"Newton(solver={solver!r}): choose 'cholesky' (dense), 'cg' (matrix-free) or 'auto'")
        super().__init__(params, lr=lr, damping=damping, curvature=curvature, search=search, tolerance=tolerance, solver=solver)

    def local_curvature(self, theta: Tensor, gradient: Tensor, objective: Objective) -> Curvature:
        group = self.param_groups[0]
        hessian = group["curvature"] == "hessian"
        most = DENSE_PARAMETERS if objective.is_convex and not objective.is_quadratic else DENSE_OTHERWISE
        if group["solver"] == "cg" or (group["solver"] == "auto" and len(theta) > most):
            product = objective.hessian_vector_product if hessian else objective.ggn_vector_product
            preconditioner = objective.hessian_preconditioner(theta) if hessian else objective.ggn_preconditioner(theta)
            # Residuals that shrink like √‖g‖ keep the convergence superlinear (Nocedal and Wright, theorem 7.2), and what is
            # below a tenth of the tolerance nobody asked for.
            floor = 0.1 * self.tolerance(theta) / (float(gradient.abs().max()) or 1.0)
            forcing = max(min(0.1, float(gradient.norm()) ** 0.5), floor)
            # A network's are as many numbers as its parameters times its last layer's inputs, and its damping keeps them out.
            invariant = objective.invariant_directions(theta) if objective.is_convex else theta.new_zeros(len(theta), 0)
            return MatrixFreeCurvature(partial(product, theta), preconditioner, invariant, forcing)
        refuse_dense(len(theta), group["curvature"])
        invariant = objective.invariant_directions(theta)
        if not hessian:
            return DenseCurvature(objective.ggn(theta), invariant)
        dense = DenseCurvature if objective.is_convex else AbsoluteCurvature
        return dense(objective.hessian(theta), invariant)


def refuse_dense(parameters: int, name: str) -> None:
    """Refuse what no memory holds.

    Raises:
        ValueError: a matrix of so many parameters takes more than 4 GiB.
    """
    if (size := 8 * parameters**2) > DENSE_BYTES:
        raise ValueError(
            f"a dense {name} of {parameters} parameters takes {size / 2**30:.1f} GiB: "
            "use Newton(solver='cg'), which needs products only, or DiagonalNewton"
        )
