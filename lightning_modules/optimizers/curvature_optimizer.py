"""What every method of the project shares: one point a step, one closure call, one honest stop, one report."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.devices import full_float32
from lightning_modules.objectives import Objective, Point, flattened
from lightning_modules.optimizers.closure import closure_of, given, of_held
from lightning_modules.optimizers.kinks import check_kinks
from lightning_modules.optimizers.method_state import STATUSES, MethodState, refuse_state_of_another
from lightning_modules.optimizers.newton_decrement import DENSE_DECISION, newton_decrement
from lightning_modules.optimizers.optimality import (
    Stationarity,
    default_tolerance,
    is_lowest,
    is_minimal,
    scale_at,
    sizes,
)
from lightning_modules.optimizers.parameter_scale import measured_scale
from lightning_modules.optimizers.search import backtracking
from lightning_modules.optimizers.step_report import StepReport


class CurvatureOptimizer(torch.optim.Optimizer, ABC):
    """θ ← θ + t d: a direction d from the objective's derivatives, a step size t from `lr` or a search.

    It moves on whatever rows its objective holds, and knows nothing of chunks or processes; of batches only that an
    objective `is_sample`.

    Args:
        params: the parameters, one group, in the order of `module.parameters()`.
        lr: step size, or the longest step a search tries; unitless, > 0.
        search: None for the constant step `lr`, "backtracking" for Armijo's rule.
        tolerance: τ, to which gradient and Newton decrement have to be 0 in units of the loss, see `optimality.py` (of the
            decrement: Boyd and Vandenberghe, Convex Optimization (2004), section 9.5.1). Default: ε^⅔ of the parameters'
            type, 3.7e-11 in float64 and 2.4e-5 in float32.
        defaults: further hyper-parameters for the group.

    Attributes:
        report: what the last step did; None before the first.

    Raises:
        ValueError: a hyper-parameter out of its range, or more than one parameter group.
    """

    state_class: ClassVar[type[MethodState]] = MethodState

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float,
        search: Literal["backtracking"] | None = None,
        tolerance: float | None = None,
        **defaults: Any,
    ) -> None:
        name = type(self).__name__
        if not 0 < lr < float("inf"):
            raise ValueError(f"{name}(lr={lr}): the step size must be a positive number")
        if search not in (None, "backtracking"):
            raise ValueError(f"{name}(search={search!r}): choose None (constant lr) or 'backtracking'")
        if tolerance is not None and not 0 <= tolerance < float("inf"):
            raise ValueError(f"{name}(tolerance={tolerance}): the tolerance must be a number ≥ 0, or None for the default")
        super().__init__(params, {"lr": lr, "search": search, "tolerance": tolerance, **defaults})
        self.report: StepReport | None = None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """The one group that the constructor makes.

        Raises:
            ValueError: it is a second one, as of a callback that unfreezes parameters in the midst of a fit.
        """
        if self.param_groups:
            raise ValueError(
                f"{type(self).__name__} takes one parameter group: its curvature couples all parameters, so they share lr and "
                "all else, from the start of the fit to its end; for groups use a method of torch.optim"
            )
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None, *, objective: Objective | None = None) -> Tensor:  # type: ignore[override]
        """Evaluate the gradient at θ, then move unless θ is optimal.

        Args:
            closure: evaluates the objective at the parameters, sets their `.grad` and returns the loss. If it asks
                `objective.at(θ)` and returns that point's value, nothing is computed twice. None = that of the objective.
            objective: the loss as a function of θ; of a mini-batch `objective.as_sample()`.

        Returns:
            The loss before the step.

        Raises:
            ValueError: no objective; without a closure, parameters that are frozen, or none of the model's.
        """
        objective = given(objective, self)
        if closure is None:
            objective = of_held(objective, self._params, type(self).__name__)
            closure = closure_of(objective, self._params)
        check_kinks(objective, self)
        self.report = None  # what the last one holds, of another batch perhaps, is not needed beside this one
        with full_float32(self._params[0].dtype):
            with torch.enable_grad():
                loss = closure()
            point = self._point(objective, loss)
            # As somebody may have left it: a callback may clip it.
            gradient = flattened(cast(list[Tensor], [p.grad for p in self._params]))
            report = StepReport(point, gradient.abs().amax())  # the norm of torch takes twenty times as long
            # On a sample a small gradient means nothing for the rest of the data.
            if not objective.is_sample and self._is_optimal(report, gradient):
                report = replace(report, status="converged")
            else:
                report = self.advance(report, gradient)
        if report.theta is not None:
            self._put(report.theta)
            if (last := objective.last) is not None and last.theta is not report.theta:
                objective.forget()  # nobody has been there yet, so there is nothing to be compared with
        self._kept["ended"] = STATUSES.index(report.status)
        self.report = report
        return loss.detach()

    @abstractmethod
    def direction(self, point: Point, gradient: Tensor) -> Tensor:
        """d, a descent direction at a point for the gradient there: (p,) -> (p,)."""

    def advance(self, report: StepReport, gradient: Tensor) -> StepReport:
        """The report of a step that has begun, with where it leads: θ + t d, or "stalled" if no t decreases the loss."""
        return self.along(report, gradient, self.direction(report.point, gradient))

    def along(self, report: StepReport, gradient: Tensor, direction: Tensor) -> StepReport:
        """`advance` with a direction d (p,) that is chosen already."""
        group, point = self.param_groups[0], report.point
        direction = direction.to(point.theta)
        size, slope = group["lr"], gradient @ direction
        if group["search"] == "backtracking":
            found = backtracking(point, gradient, direction, slope, size)
            if found is None:
                return replace(report, status="stalled", slope=slope, step_size=0.0)
            return replace(report, theta=found[1].theta, slope=slope, step_size=found[0])
        return replace(report, theta=point.theta + size * direction, slope=slope, step_size=size)

    # -- what is kept --------------------------------------------------------------------------------------------------

    @property
    def kept(self) -> MethodState:
        """What is kept from step to step, in every checkpoint."""
        return self.state_class(**self._kept)

    def keep(self, state: MethodState) -> None:
        """Replace what is kept."""
        self._kept.update(vars(state))

    @property
    def status(self) -> Literal["converged", "stalled"] | None:
        """Why the last step did not move, also of a run that was resumed; None if it did."""
        return self.kept.status

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As of any optimizer, but every number keeps its precision: torch rounds them to the parameters'.

        Raises:
            ValueError: the state is of another method, or of another version of this one.
        """
        saved = state_dict["state"].get(0, {})
        refuse_state_of_another(saved, self.state_class, type(self).__name__)
        own = self.param_groups[0]
        super().load_state_dict(state_dict)
        for name in own.keys() - self.param_groups[0].keys():  # a setting that is newer than the state
            self.param_groups[0][name] = own[name]
        self._kept.update({name: _moved(value, self._params[0].device) for name, value in saved.items()})

    @property
    def _params(self) -> list[Parameter]:
        return cast(list[Parameter], self.param_groups[0]["params"])

    def _put(self, theta: Tensor) -> None:
        """Move the parameters to θ (p,)."""
        parts = theta.split([p.numel() for p in self._params])
        # Into the memory the parameters have: as views of θ they would change the point with them.
        torch._foreach_copy_(list[Tensor](self._params), [part.view_as(p) for part, p in zip(parts, self._params, strict=True)])

    @property
    def _kept(self) -> dict[str, Any]:
        # With the first parameter, as torch's LBFGS does, because `state_dict` knows state by parameter only.
        return cast(dict[str, Any], self.state[self._params[0]])

    # -- whether to stop -----------------------------------------------------------------------------------------------

    def tolerance(self, theta: Tensor) -> float:
        """τ, what is asked at θ (p,)."""
        chosen: float | None = self.param_groups[0]["tolerance"]
        return default_tolerance(theta.dtype) if chosen is None else chosen

    def _is_optimal(self, report: StepReport, gradient: Tensor) -> bool:
        """Whether the point is a minimiser to tolerance, see `optimality.py`."""
        point, state = report.point, self.kept
        objective, theta, tolerance = point.objective, point.theta, self.tolerance(point.theta)
        size = theta
        if objective.unit is None:
            size = theta.abs() if state.largest_theta is None else torch.maximum(state.largest_theta, theta.abs())
            state.largest_theta = size
        if state.scale is not None:
            # By the scale of earlier steps and the largest θ, which cost nothing, most points are told from an optimum.
            stationary = Stationarity(objective, gradient, state.scale, size, tolerance)
            self.keep(state)
            self._foresee(report, gradient)
            if not stationary:
                return False
        state.scale = measured_scale(state.scale, self.scale_at(point), objective)
        self.keep(state)
        if objective.unit is None:
            theta = sizes(point, state.largest_theta)
        stationary = Stationarity(objective, gradient, state.scale, theta, tolerance)
        if is_lowest(point, unit := stationary.unit):
            return True
        if not stationary:
            return False
        decrement = newton_decrement(point, gradient, DENSE_DECISION if objective.is_convex else None)
        return is_minimal(point, decrement, state.scale, unit, tolerance)

    def _foresee(self, report: StepReport, gradient: Tensor) -> None:
        """Begin what most likely comes next, while the host waits to learn whether the point is optimal; here nothing."""

    def scale_at(self, point: Point) -> Tensor:
        """|diag C| at a point (p,), or what is as good to measure a gradient by."""
        return scale_at(point)

    def _point(self, objective: Objective, loss: Tensor) -> Point:
        """Where the parameters are: the point whose value the closure has just returned, if it asked for one."""
        last = objective.last
        if last is not None and vars(last).get("value") is loss:
            return last
        return objective.at(flattened(self._params))


def _moved(value: Any, device: torch.device) -> Any:
    """Tensors, also in lists and tuples, on a device."""
    if isinstance(value, Tensor):
        return value.to(device, copy=True)
    if isinstance(value, (list, tuple)):
        return type(value)(_moved(part, device) for part in value)
    return value
