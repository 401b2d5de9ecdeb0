"""An undamped Newton step with more digits than C⁻¹g has, which badly conditioned columns need; and whether it is one."""

import math
from dataclasses import replace

from torch import Tensor

from lightning_modules.devices import asked
from lightning_modules.objectives import Point
from lightning_modules.optimizers.step_report import StepReport

# What is called noise of a loss, relative to it, where columns are badly conditioned: large terms of predictors cancel.
NOISE = 1e-6


def by_precise_step(report: StepReport, found: tuple[Tensor, float], lr: float) -> StepReport | None:
    """The report of a step that has begun, with where it leads; None if the damping has to decide.

    Args:
        report: of the step so far.
        found: `Point.newton_step`, the Newton step s (p,) and the squared decrement.
        lr: the share of s that is gone.
    """
    point, (step, squared) = report.point, found
    trial = point.objective.point(point.theta + lr * step)
    is_lower, size = asked(trial.value < point.value), asked(point.value.abs())
    is_noise = squared < NOISE * float(size)
    if (is_lower and not is_noise) or leads_nearer(found, point, trial):
        point.objective.hold(trial)
        return replace(report, theta=trial.theta, damping=0.0, rejected=0, step_size=lr, newton_decrement=math.sqrt(squared))
    if point.objective.is_quadratic or is_noise:
        return replace(report, status="stalled", newton_decrement=math.sqrt(squared))
    return None


def leads_nearer(found: tuple[Tensor, float], point: Point, trial: Point) -> bool:
    """Whether the Newton step, or its largest share of a coefficient, is half as long at a trial.

    That decides where the loss is lost in rounding. Coefficients rounded to their last places may leave the decrement where
    it is while the weakly determined ones still gain digits.

    Args:
        found: the Newton step and the squared decrement at the point.
        point: θ.
        trial: where the step leads.
    """
    then = trial.newton_step()
    if then is None or not (point.objective.is_quadratic or trial.value <= point.value + NOISE * point.value.abs()):
        return False

    def share(step: Tensor, theta: Tensor) -> float:
        return float((step.abs() / (step.abs() + theta.abs())).nan_to_num(0.0).max())

    return then[1] < 0.5 * found[1] or share(then[0], trial.theta) < 0.5 * share(found[0], point.theta)
