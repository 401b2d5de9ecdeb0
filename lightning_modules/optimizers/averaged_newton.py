"""What methods share that average their curvature over mini-batches: three settings, the step on a sample, and two modes."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective, flattened
from lightning_modules.optimizers.damped_optimizer import ChosenKind, DampedOptimizer
from lightning_modules.optimizers.draws import Draws
from lightning_modules.optimizers.kept_values import KeptValues
from lightning_modules.optimizers.mean_iterate import mean_iterate
from lightning_modules.optimizers.running_model import RunningModel
from lightning_modules.optimizers.running_state import RunningState
from lightning_modules.optimizers.step_report import StepReport


class AveragedNewton(DampedOptimizer):
    """Damped steps where all rows are seen; on mini-batches, with adaptive damping, those of an averaged model.

    Of a network's mini-batches there is a mean of the points that the steps lead to, which is better than each of them
    (`mean_iterate.py`). In the mode `eval` the parameters are the mean, in the mode `train`, where steps begin, the last of
    those points. A Trainer changes the mode by itself; by hand, call `optimizer.eval()` before the network is measured or
    saved. A step calls `train` by itself.

    Args:
        params, lr, damping, curvature, search, tolerance: as in `DampedOptimizer`.
        momentum, refresh, weight_decay: as in `DiagonalNewton`.

    Attributes:
        model_class: the averaged model.
        network_decay: the weight decay "auto" of a network; of any other loss it is 0, whose minimiser it would move.
        draws: what the curvature was estimated from, where its exact form takes too long; None where it is exact.

    Raises:
        ValueError: a hyper-parameter out of its range.
    """

    state_class: ClassVar[type[RunningState]] = RunningState
    model_class: ClassVar[type[RunningModel]] = RunningModel
    network_decay: ClassVar[float]
    draws: Draws | None = None
    _values: KeptValues | None = None

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float,
        damping: float | Literal["adaptive"],
        curvature: ChosenKind,
        search: Literal["backtracking"] | None,
        tolerance: float | None,
        momentum: float,
        refresh: int,
        weight_decay: float | Literal["auto"],
    ) -> None:
        name = type(self).__name__
        if not 0 <= momentum < 1:
            raise ValueError(f"{name}(momentum={momentum}): the share kept of the last direction lies in [0, 1)")
        if not (isinstance(refresh, int) and refresh >= 1):
            raise ValueError(f"{name}(refresh={refresh}): give the number of steps between updates, 1 or more")
        if weight_decay != "auto" and not (isinstance(weight_decay, (int, float)) and 0 <= weight_decay < 1):
            raise ValueError(
                f"{name}(weight_decay={weight_decay!r}): the share taken off at a step lies in [0, 1), or is 'auto'"
            )
        settings = {"momentum": momentum, "refresh": refresh, "weight_decay": weight_decay}
        super().__init__(params, lr, damping, curvature, search, tolerance, **settings)

    @property
    def kept(self) -> RunningState:
        return self.state_class(**self._kept)

    @torch.no_grad()
    def eval(self) -> None:
        """Make the parameters the mean of the points that the steps led to, if there is one."""
        state = self.kept
        if state.mean is not None and state.iterate is None:
            state.iterate = flattened(self._params).clone()
            self._put(state.mean)
            self.keep(state)

    @torch.no_grad()
    def train(self) -> None:
        """Make them the last of these points again, or leave them as somebody has set them since, and go on from there."""
        state = self.kept
        if state.iterate is None:
            return
        shown = flattened(self._params)
        assert state.mean is not None
        # A choice of numbers, not a branch, for which the host would wait.
        is_mean = (shown == state.mean).all()
        self._put(torch.where(is_mean, state.iterate, shown))
        state.mean = torch.where(is_mean, state.mean, shown)
        state.iterate = None
        self.keep(state)

    def step(self, closure: Callable[[], Tensor] | None = None, *, objective: Objective | None = None) -> Tensor:  # type: ignore[override]
        self.train()
        return super().step(closure, objective=objective)

    def advance(self, report: StepReport, gradient: Tensor) -> StepReport:
        group, objective = self.param_groups[0], report.point.objective
        if group["damping"] != "adaptive" or not objective.is_sample:
            return super().advance(report, gradient)
        model = self._model(objective)
        direction = model.step(report.point, gradient)
        step_size = group["lr"] * model.length
        theta = model.moved(report.point.theta, direction, step_size, group["lr"])
        self.draws = model.draws or self.draws
        if model.of_network:
            model.state.mean = mean_iterate(model.state.mean, theta, model.state.steps)
        self.keep(model.state)
        return replace(report, theta=theta, damping=model.state.damping, step_size=step_size)

    def curvature_diagonal(self) -> Tensor | None:
        """diag C (p,) that the last step was computed by, without damping: of a sample's step the average.

        None before the first step, and of one that did not need a curvature.
        """
        report = self.report
        if report is None or report.theta is None:
            return None
        return self._model(report.point.objective).diagonal() if report.solver is None else report.solver.diagonal()

    def curvature_age(self) -> int:
        """How many steps ago the curvature of the last step was last changed: 0 if in that step."""
        report = self.report
        return 0 if report is None or report.solver is not None else self._model(report.point.objective).age

    def _model(self, objective: Objective) -> RunningModel:
        """The averaged model of a sample's loss, as it stands."""
        group, of_network = self.param_groups[0], objective.is_redundant
        decay = group["weight_decay"]
        if decay == "auto":
            decay = self.network_decay if of_network else 0.0
        self._values = self._values or KeptValues()
        return self.model_class(
            self.kept,
            group["momentum"],
            group["refresh"],
            self.kind(objective),
            decay,
            of_network,
            [parameter.numel() for parameter in self._params],
            self._values,
        )
