"""Newton's method with the diagonal of the curvature only."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Literal

from torch import Tensor
from torch.nn import Parameter

from lightning_modules.devices import is_asynchronous
from lightning_modules.objectives import Objective, Point
from lightning_modules.optimizers.damped_optimizer import ChosenKind, DampedOptimizer
from lightning_modules.optimizers.running_model import RunningModel, RunningState
from lightning_modules.optimizers.step_report import StepReport
from lightning_modules.optimizers.trial import Trial
from lightning_modules.solvers import Solver

# Of a network, a step at lr 1: in two thousand of them a weight that no gradient asks for falls to a third of what it was.
WEIGHT_DECAY = 5e-4


class DiagonalNewton(DampedOptimizer):
    """θ ← θ − lr ∇f(θ) / (diag C + μ), entry by entry.

    It costs hardly more than gradient descent, and where all rows are seen it needs no common scale of the features. But it
    does not see correlations: with k nearly equal features the full step goes k times too far, hence the adaptive length and
    damping, the default:

    - where all rows are seen at every step, μ adapts by the gain ratio until the loss falls (`damping.py`);
    - on mini-batches the curvature is averaged over steps, the direction has momentum, the step goes to the minimiser
      of the averaged quadratic model, and the weights of a network decay (`running_model.py`). Let lr fall towards 0 for the
      noise to die out. Its damping is the mean curvature, so features should be in one scale, standardised or pixels, say: in
      a scale of its own, a pixel that one image has would count as much as others.

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
            0.0005 of a network, where many parameters say the same, and 0 of any other loss, whose minimiser it would move.

    Raises:
        ValueError: a hyper-parameter out of its range.
    """

    state_class: ClassVar[type[RunningState]] = RunningState

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1.0,
        damping: float | Literal["adaptive"] = "adaptive",
        curvature: ChosenKind = "auto",
        search: Literal["backtracking"] | None = None,
        tolerance: float | None = None,
        momentum: float = 0.85,
        refresh: int = 4,
        weight_decay: float | Literal["auto"] = "auto",
    ) -> None:
        check_sampling(type(self).__name__, momentum, refresh, weight_decay)
        super().__init__(
            params,
            lr=lr,
            damping=damping,
            curvature=curvature,
            search=search,
            tolerance=tolerance,
            momentum=momentum,
            refresh=refresh,
            weight_decay=weight_decay,
        )

    @property
    def kept(self) -> RunningState:
        return self.state_class(**self._kept)

    def solver(self, point: Point, gradient: Tensor) -> Solver:
        group = self.param_groups[0]
        # A singular diagonal gives a step of nan, which is rejected; on a sample nobody waits for that, but for a search.
        is_judged_later = group["damping"] == "adaptive" or (point.objective.is_sample and group["search"] is None)
        awaited = not (is_judged_later and is_asynchronous(gradient))
        return point.curvature(self.kind(point.objective)).solver("diagonal", awaited=awaited)

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

    def advance(self, report: StepReport, gradient: Tensor) -> StepReport:
        group = self.param_groups[0]
        if group["damping"] != "adaptive" or not report.point.objective.is_sample:
            return super().advance(report, gradient)
        objective = report.point.objective
        decay = decay_of(group["weight_decay"], objective, WEIGHT_DECAY)
        model = RunningModel(
            self.kept, group["momentum"], group["refresh"], self.kind(objective), decay, objective.is_redundant
        )
        theta = report.point.theta + group["lr"] * model.step(report.point, gradient)
        self.keep(model.state)
        return replace(report, theta=theta, damping=model.state.damping, step_size=group["lr"] * model.length)


def check_sampling(name: str, momentum: float, refresh: int, weight_decay: float | str) -> None:
    """Refuse settings for mini-batches.

    Raises:
        ValueError: one is out of its range.
    """
    if not 0 <= momentum < 1:
        raise ValueError(f"{name}(momentum={momentum}): the share kept of the last direction lies in [0, 1)")
    if not (isinstance(refresh, int) and refresh >= 1):
        raise ValueError(f"{name}(refresh={refresh}): give the number of steps between updates, 1 or more")
    if weight_decay != "auto" and not (isinstance(weight_decay, (int, float)) and 0 <= weight_decay < 1):
        raise ValueError(f"{name}(weight_decay={weight_decay!r}): the share taken off at a step lies in [0, 1), or is 'auto'")


def decay_of(weight_decay: float | str, objective: Objective, of_network: float) -> float:
    """ω, "auto" being that of a network, and 0 of any other loss."""
    if isinstance(weight_decay, str):
        return of_network if objective.is_redundant else 0.0
    return weight_decay
