"""Newton's method with the diagonal of the curvature only."""

from collections.abc import Iterable
from typing import ClassVar, Literal

from torch import Tensor
from torch.nn import Parameter

from lightning_modules.devices import is_asynchronous
from lightning_modules.objectives import Point
from lightning_modules.objectives.curvature import DRAWS
from lightning_modules.optimizers.averaged_newton import AveragedNewton
from lightning_modules.optimizers.damped_optimizer import ChosenKind
from lightning_modules.optimizers.draws import of_products
from lightning_modules.optimizers.step_report import StepReport
from lightning_modules.optimizers.trial import Trial
from lightning_modules.solvers import Solver


class DiagonalNewton(AveragedNewton):
    """θ ← θ − lr ∇f(θ) / (diag C + μ), entry by entry.

    It costs hardly more than gradient descent, and where all rows are seen it needs no common scale of the features. But it
    does not see correlations: with k nearly equal features the full step goes k times too far, hence the adaptive length and
    damping, the default:

    - where all rows are seen at every step, μ adapts by the gain ratio until the loss falls (`damping.py`);
    - on mini-batches the curvature is averaged over steps, the direction has momentum, and the step goes to the minimiser of
      the averaged quadratic model. The gradients of a network are divided by the root of the curvature, and its weights
      decay (`running_model.py`). Nothing has to be chosen, no step size and no schedule: of a network no step sets out to take
      most of the loss away (`within_loss.py`), and the mean of the points that they lead to is measured and saved, which a
      Trainer sees to (`mean_iterate.py`); of any other loss the steps become shorter by themselves where they are made of noise
      (`next_slope.py`). Its damping follows from the mean curvature,
      so features should be in one scale, standardised or pixels, say: in a scale of its own, a pixel that one image has would
      count as much as others.

    A loss that torch alone can differentiate has no diagonal below a product for each parameter. For more than 4096 of them, on
    mini-batches for more than 256, it is an unbiased estimate then, from random draws, and `draws` says so.

    A fixed damping is the plain equation, and then lr must be small enough.

    Args:
        params: the parameters, one group.
        lr: step size, > 0; 1 is the full step to the minimiser of the model.
        damping: μ ≥ 0 added to the diagonal of the curvature of the *mean* loss, or "adaptive".
        curvature: "ggn" for the generalised Gauss–Newton matrix (never negative), or "hessian", of which the absolute values
            count where it is negative; the same for a network of piecewise linear activations. "auto" is the Hessian of a
            generalised linear model, with a canonical link the same too, and the former of networks.
        search: null for the constant step lr, "backtracking" to halve it until the loss decreases enough (Armijo); needs a
            fixed damping.
        tolerance: how small gradient and Newton decrement have to be in units of the loss (`optimality.py`) for it to stop;
            null = 3.7e-11 (float64).
        momentum: share of the past steps that is kept, in [0, 1); for mini-batches with adaptive damping.
        refresh: the averaged curvature takes in every so many steps' mini-batch, ≥ 1; for the same case.
        weight_decay: share of the parameters that is taken off at every step, times lr, in [0, 1); for the same case. "auto" is
            0.001 of a network, where many parameters say the same, and 0 of any other loss, whose minimiser it would move.

    Raises:
        ValueError: a hyper-parameter out of its range.
    """

    # At lr 1, in a thousand steps a weight that no gradient asks for falls to a third of what it was.
    network_decay: ClassVar[float] = 1e-3

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1.0,
        damping: float | Literal["adaptive"] = "adaptive",
        curvature: ChosenKind = "auto",
        search: Literal["backtracking"] | None = None,
        tolerance: float | None = None,
        momentum: float = 0.9,
        refresh: int = 4,
        weight_decay: float | Literal["auto"] = "auto",
    ) -> None:
        super().__init__(params, lr, damping, curvature, search, tolerance, momentum, refresh, weight_decay)

    def solver(self, point: Point, gradient: Tensor) -> Solver:
        group = self.param_groups[0]
        # A singular diagonal gives a step of nan, which is rejected; on a sample nobody waits for that, but for a search.
        is_judged_later = group["damping"] == "adaptive" or (point.objective.is_sample and group["search"] is None)
        awaited = not (is_judged_later and is_asynchronous(gradient))
        curvature = point.curvature(self.kind(point.objective))
        self.draws = None if curvature.has_diagonal else of_products(DRAWS, len(point.theta))
        return curvature.solver("diagonal", awaited=awaited)

    def _is_optimal(self, report: StepReport, gradient: Tensor) -> bool:
        is_optimal = super()._is_optimal(report, gradient)
        if is_optimal:
            self._foreseen = None
        return is_optimal

    def _foresee(self, report: StepReport, gradient: Tensor) -> None:
        group, point = self.param_groups[0], report.point
        if group["damping"] != "adaptive" or not is_asynchronous(gradient):
            return
        solver = self.solver(point, gradient)
        scale, _ = self._scales(point, solver.diagonal(), gradient)
        direction = self.rule(point, solver, gradient, scale).direction(solver, gradient, scale)
        if direction is not None:
            self._foreseen = Trial(point, direction.to(point.theta), group["lr"], gradient, solver, scale)
