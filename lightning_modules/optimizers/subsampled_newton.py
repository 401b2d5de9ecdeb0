r"""Newton's method for tall tables: the gradient of all rows, the curvature of some.

A Hessian over n rows costs some d gradients, and rows say much the same about it: over every k-th row it is off by a
relative √(kp/n). So

    θ₀ = the minimiser over every 64th row, by Newton's method, and from there one step over every 8th
    C  = the Hessian over every 8th, there, in single precision
    θ ← θ − B⁻¹ ∇f(θ),     B = C, corrected by BFGS to agree with the gradients seen since

and each step after the start costs one gradient. It is Newton's method only nearly: instead of doubling, the digits grow by
about log₁₀ √(n/kp) a step. What it ends at is the same, since gradient and verdict are those of all rows.

Steps that do not lower the loss are halved, and where the gradient falls slowly C is formed anew, over four times the rows
and in the parameters' precision: over all of them in the end, so that what is proved of Newton's method with backtracking
holds here.

Sources: R. Byrd, G. Chin, W. Neveitt and J. Nocedal, On the use of stochastic Hessian information in optimization methods
for machine learning (2011); F. Roosta-Khorasani and M. Mahoney, Sub-sampled Newton methods (2019).
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import vector_to_parameters

from lightning_modules.objectives import GLMObjective, Objective, flattened
from lightning_modules.optimizers import secant_pairs
from lightning_modules.optimizers.convergence import newton_decrement
from lightning_modules.optimizers.curvature import DenseCurvature
from lightning_modules.optimizers.curvature_optimizer import CurvatureOptimizer
from lightning_modules.optimizers.damping import grown
from lightning_modules.optimizers.newton import Newton, refuse_dense
from lightning_modules.optimizers.search import lost_in_rounding
from lightning_modules.optimizers.solve import Cholesky, SingularCurvatureError

# The start is solved over every 64th row, the curvature renewed over four times as many rows as before.
START, RENEWAL = 64, 4
# Fewer rows than so many for each parameter say too little of them, and below so many there is nothing to be saved.
ROWS_PER_PARAMETER, FEWEST_ROWS = 8, 4096
# A step that leaves more of the gradient asks for a better curvature.
SLOW = 0.8
MOST_START_STEPS, SHORTEST = 20, 2.0**-40


class SubsampledNewton(CurvatureOptimizer):
    """θ ← θ − B⁻¹ ∇f(θ), B the Hessian over every k-th row, corrected by the gradients of all rows.

    For linear, logistic and softmax regression on many rows, full batch; below 4096 rows it is Newton's method with a line
    search. Which rows are some of them depends on how they are shared among processes; where the iterates end does not.

    Args:
        params: the parameters, one group.
        every: k ≥ 1 at the start; smaller where the rows are too few for the parameters.
        tolerance: stop at ‖∇‖∞ ≤ tolerance and half the squared Newton decrement ≤ tolerance; null = 3.7e-11 (float64).

    Raises:
        ValueError: a hyper-parameter out of its range; at the first step, a network, a mini-batch, or a dense matrix above
            4 GiB.
    """

    def __init__(self, params: Iterable[Parameter], every: int = 8, tolerance: float | None = None) -> None:
        if not (isinstance(every, int) and every >= 1):
            raise ValueError(f"SubsampledNewton(every={every!r}): give a whole number, 1 for all rows")
        super().__init__(params, lr=1.0, tolerance=tolerance, every=every)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor], *, objective: Objective) -> Tensor:  # type: ignore[override]
        """As in `CurvatureOptimizer`, but for the first step, which starts from the minimiser over some rows."""
        if not isinstance(objective, GLMObjective) or objective.is_sample:
            raise ValueError(
                "SubsampledNewton is for linear, logistic and softmax regression with all rows in one batch "
                "(--data.batch_size=null): use DiagonalNewton for mini-batches, Newton or DiagonalNewton for networks"
            )
        if not self.memory:
            self._start(objective)
        return super().step(closure, objective=objective)

    def direction(self, theta: Tensor, gradient: Tensor, objective: Objective) -> Tensor:
        return -secant_pairs.solve(self.memory["pairs"], self._solve, gradient)

    def displacement(self, theta: Tensor, gradient: Tensor, loss: Tensor, objective: Objective) -> Tensor | None:
        assert isinstance(objective, GLMObjective)
        memory = self.memory
        if "step" in memory:  # the last one has now been seen
            if not self._went_down(gradient, loss):
                return self._retreat(theta, objective)
            secant_pairs.learn(memory["pairs"], memory["step"], gradient - memory["gradient"])
            memory["fresh"] = False
            if gradient.norm() > SLOW * memory["gradient"].norm():
                self._renew(objective, theta)
        memory.update(theta=theta.clone(), gradient=gradient.clone(), loss=loss)
        return self._full_step(objective)

    def _full_step(self, objective: Objective) -> Tensor:
        """−B⁻¹g from the point and gradient that are kept."""
        memory = self.memory
        step = self.direction(memory["theta"], memory["gradient"], objective).to(memory["theta"])
        memory.update(step=step, slope=float(memory["gradient"] @ step), step_size=1.0)
        decrement = math.sqrt(max(0.0, -memory["slope"]))
        self.seen.update(newton_decrement=decrement, damping=memory["damping"], step_size=1.0, every=memory["every"])
        return step

    def _retreat(self, theta: Tensor, objective: GLMObjective) -> Tensor | None:
        """From θ (p,), where the last step led and should not have, to a better end of it; None if there is none."""
        memory = self.memory
        if not (memory["fresh"] and memory["every"] == 1):
            self._renew(objective, memory["theta"])
            return memory["theta"] - theta + self._full_step(objective)
        memory.update(step=memory["step"] / 2, step_size=memory["step_size"] / 2)
        if memory["step_size"] < SHORTEST:
            vector_to_parameters(memory["theta"], self.param_groups[0]["params"])
            return None
        self.seen.update(step_size=memory["step_size"])
        return memory["theta"] - theta + memory["step"]

    def _start(self, objective: GLMObjective) -> None:
        """Move to the minimiser over few rows, if few tell enough, and form the curvature there."""
        params, every = self.param_groups[0]["params"], self.param_groups[0]["every"]
        theta = flattened(params)
        refuse_dense(len(theta), "the curvature over some rows")
        # A row says something about each of its predictors.
        spare = objective.num_rows * objective.family.num_outputs // (ROWS_PER_PARAMETER * len(theta))
        enough = max(1, spare) if objective.num_rows >= FEWEST_ROWS else 1
        every = min(every, enough)
        self.memory.update(coarsest=min(START, enough), every=every, fresh=True, pairs=[])
        # Where rows are left out, the digits of double precision are not there to be lost.
        dtype = torch.float32 if every > 1 else theta.dtype
        sample = objective.every(every, dtype)
        if every > 1 and enough >= START:
            few = objective.every(START)
            theta = self._refined(_minimiser(few, theta), few, sample, dtype)
            vector_to_parameters(theta, params)
        matrix = sample.hessian(theta.to(dtype))
        if not bool(torch.isfinite(matrix).all()):  # squares of large features
            matrix = objective.every(every).hessian(theta)
        self._factorise(matrix, objective.invariant_directions(theta))

    def _refined(self, theta: Tensor, few: GLMObjective, more: GLMObjective, dtype: torch.dtype) -> Tensor:
        """One step from the minimiser (p,) over few rows towards that over more, in the given precision, if it leads there."""
        value, gradient = more.value_and_gradient(theta.to(dtype))
        self._factorise(few.hessian(theta), few.invariant_directions(theta))
        refined = theta - self._solve(gradient).to(theta)
        # By the way of the gradient, which the cores share.
        return refined if more.value_and_gradient(refined.to(dtype))[0] < value else theta

    def _renew(self, objective: GLMObjective, theta: Tensor) -> None:
        """Form C at θ (p,) over more rows than before, and forget what corrected the last one."""
        every = max(1, self.memory["every"] // RENEWAL)
        self._factorise(objective.every(every).hessian(theta), objective.invariant_directions(theta))
        self.memory.update(every=every, fresh=True, pairs=[])

    def _factorise(self, matrix: Tensor, invariant: Tensor) -> None:
        """C + μI, μ the least of 0 and a growing sequence for which it is positive definite."""
        curvature, damping = DenseCurvature(matrix, invariant), 0.0
        while True:
            try:
                factor, scale = curvature.factorised(damping)
                break
            except SingularCurvatureError:
                damping = grown(damping, curvature.mean())
                if not math.isfinite(damping):
                    raise
        self.memory.update(factor=factor, scale=scale, damping=damping)

    def _solve(self, rhs: Tensor) -> Tensor:
        """(C + μI)⁻¹ rhs: (p,) -> (p,)."""
        return Cholesky(self.memory["factor"], self.memory["scale"]).solve(rhs).to(rhs)

    def _went_down(self, gradient: Tensor, loss: Tensor) -> bool:
        """Whether the last step lowered the loss enough (Armijo), or the gradient where the loss is lost in rounding."""
        memory: dict[str, Any] = self.memory
        if lost_in_rounding(memory["loss"], loss):
            return bool(gradient.norm() < memory["gradient"].norm())
        return bool(loss <= memory["loss"] + 1e-4 * memory["step_size"] * memory["slope"])

    def _is_optimal(self, theta: Tensor, gradient: Tensor, objective: Objective) -> bool:
        """The rows left out have curvature too:  n H ⪰ m C  for C over m rows, so that  λ² ≤ n/m gᵀC⁻¹g ."""
        assert isinstance(objective, GLMObjective)
        tolerance = self.tolerance(theta)
        if self.seen["gradient_max"] > tolerance:
            return False
        # Most often the fewest rows are enough, and cheap.
        for every in sorted({self.memory["coarsest"], self.memory["every"]}, reverse=True):
            sample = objective.every(every)
            bound = newton_decrement(sample, theta, gradient).squared * objective.num_rows / sample.num_rows
            if bound / 2 <= tolerance:
                return True
        return super()._is_optimal(theta, gradient, objective)


def _minimiser(objective: GLMObjective, theta: Tensor) -> Tensor:
    """θ of the least loss, as far as so few rows can tell it: to where half the squared decrement is the noise p/n."""
    parameter = Parameter(theta.clone())
    newton = Newton([parameter])
    noise = len(theta) / objective.num_rows

    def closure() -> Tensor:
        value, parameter.grad = objective.value_and_gradient(parameter.detach())
        return value

    for _ in range(MOST_START_STEPS):
        newton.step(closure=closure, objective=objective)
        if newton.status is not None or newton.diagnostics["newton_decrement"] ** 2 <= noise:
            break
    return parameter.detach()
