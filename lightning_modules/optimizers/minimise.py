"""Minimise an objective, and judge where it ended, without a trainer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.objectives import Objective
from lightning_modules.optimizers.curvature_optimizer import CurvatureOptimizer
from lightning_modules.optimizers.descent import Descent, Method, descend
from lightning_modules.optimizers.doubts import doubts
from lightning_modules.optimizers.ending import Ending, concluded, counted, ran_out, stopped_itself
from lightning_modules.optimizers.known_to import known_to
from lightning_modules.optimizers.newton import Newton
from lightning_modules.optimizers.start import check_first_point, check_start
from lightning_modules.optimizers.step_report import StepReport
from lightning_modules.optimizers.verdict import Convergence, Status, diagnose


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a method ended.

    Attributes:
        objective: what was minimised.
        theta: the parameters (p,) it ended at.
        steps: how many it took.
        optimizer: the method as the last step left it.
        ending: why there were no more steps.
    """

    objective: Objective
    theta: Tensor
    steps: int
    optimizer: torch.optim.Optimizer
    ending: Ending

    @cached_property
    def verdict(self) -> Convergence:
        """The judgement on `theta`, as at the end of a fit; computed when first asked for."""
        verdict = diagnose(self.objective, self.theta, **known_to(self.optimizer))
        if verdict.status in ("budget", "stalled") and (doubt := doubts(self.objective, self.theta)) is not None:
            verdict = replace(verdict, message=f"{verdict.message}; {doubt}")
        self.objective.forget()
        return concluded(verdict, self.ending, isinstance(self.optimizer, CurvatureOptimizer))

    @property
    def optimizer_status(self) -> str | None:
        """What the method itself said of its last step: "converged", "stalled" or None; not yet a proof."""
        status: str | None = getattr(self.optimizer, "status", None)
        return status

    @property
    def status(self) -> Status:
        """`converged`, `separated`, `rank_deficient`, `stalled`, `budget` or `stopped`, see `Convergence`."""
        return self.verdict.status

    @property
    def message(self) -> str:
        """One sentence with the numbers behind the status."""
        return self.verdict.message

    @property
    def value(self) -> float:
        """The objective at `theta`."""
        return float(self.objective.point(self.theta).value)


def minimise(
    objective: Objective,
    start: Tensor,
    method: Method = Newton,
    max_steps: int = 500,
    is_enough: Callable[[StepReport], bool] | None = None,
) -> Minimum:
    """Minimise an objective from a start, until the method says that it is done.

        minimum = minimise(LeastSquares(lambda theta: theta[0] * torch.exp(-theta[1] * t) - y), torch.tensor([1.0, 1.0]))

    Args:
        objective: the loss; of functions, see `LeastSquares` and `FunctionObjective`.
        start: θ (p,), in the precision that is computed in; it is left as it is.
        method: `Newton`, `partial(GradientDescent, lr=0.1)`, a method of torch.optim, …
        max_steps: after so many steps it ends in any case, with the status `budget` if it is not at the minimum.
        is_enough: looks at the report of each step of a method of this project, and may end it.

    Raises:
        ValueError: a start that is no vector of real numbers of at least 32 bits, or not finite; a number of steps below 0; a
            function that does not take the start, or is not differentiable there.
        NonFiniteLossError: the loss or its gradient is not finite at a point that a step led to, or at the start.
    """
    if not isinstance(objective, Objective):
        raise ValueError(
            f"minimise(objective) got a {type(objective).__name__}: wrap a function of torch in FunctionObjective(function) "
            "or LeastSquares(residuals)"
        )
    check_start(start)
    if not callable(method):
        raise ValueError(f"minimise(method={method!r}): give a class of optimizers, such as Newton, or a partial of one")
    if is_enough is not None and not callable(is_enough):
        raise ValueError(f"minimise(is_enough={is_enough!r}): give a function of the report of a step, or None")
    if not isinstance(max_steps, int) or max_steps < 0:
        raise ValueError(f"minimise(max_steps={max_steps!r}): give a whole number ≥ 0")
    descent = descend(objective, start, method, max_steps, is_enough, check_first_point)
    return Minimum(objective, *descent, _ending(descent, max_steps))


def _ending(descent: Descent, max_steps: int) -> Ending:
    said, steps = getattr(descent.optimizer, "status", None), descent.steps
    if said is not None:
        return stopped_itself(type(descent.optimizer).__name__, said, counted(steps, "step"))
    return (
        ran_out(max_steps, "step")
        if steps == max_steps
        else Ending("stopped", f"is_enough stopped it {counted(steps, 'step')}")
    )
