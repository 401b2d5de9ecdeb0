"""A generalised linear model fitted without a trainer."""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

from torch import Tensor

from lightning_modules.estimators.small_table import SmallTable
from lightning_modules.objectives import GLMObjective
from lightning_modules.optimizers import Convergence, Newton, diagnose, minimise
from lightning_modules.optimizers.ending import ran_out


class Solved(NamedTuple):
    """Where the steps led.

    Attributes:
        theta: (p,), in the objective's layout.
        steps: how many there were.
        verdict: on θ; None where it is known to be at the optimum, and not yet how near.
    """

    theta: Tensor
    steps: int
    verdict: Convergence | None


def solved(objective: GLMObjective, start: Tensor, tolerance: float, max_steps: int, table: SmallTable | None) -> Solved:
    """Minimise an objective from a start (p,); errors as in `minimise`.

    On a small table plain steps come first; if nothing is proved of where they end, `Newton` goes on. Under a penalty there is
    a minimiser unless a bias runs away, and none other: where that is sure and the loss is flat to tolerance, nothing else has
    to be proved.

    Args:
        objective: the loss.
        start: θ (p,).
        tolerance: τ, see `optimality.py`.
        max_steps: after so many steps it ends in any case.
        table: the same loss, if it is a small one.
    """
    steps, is_done = 0, False
    if table is not None:
        start, steps, is_done, is_last = table.minimise(tolerance, max_steps, start)
        if is_last and objective.l2 > 0 and objective.attains_minimum(start, 0.0, None):
            return Solved(start, steps, None)
    if is_done:
        verdict = diagnose(objective, start, tolerance)
        is_flat = verdict.newton_decrement**2 <= 2 * tolerance * objective.unit
        if verdict.status == "separated" and is_flat:  # every further step would lower the loss by as little again
            return Solved(start, steps, verdict)
        if verdict.status == "converged" and objective.at_full_precision(start).newton_step() is None:
            return Solved(start, steps, verdict)
    minimum = minimise(objective, start, partial(Newton, tolerance=tolerance), max_steps - steps)
    if minimum.ending.status == "budget":  # with the steps before
        minimum = replace(minimum, ending=ran_out(max_steps, "step"))
    point = objective.at_full_precision(minimum.theta)
    verdict = minimum.verdict
    objective.hold(point)  # standard errors come from what the verdict has computed there
    return Solved(minimum.theta, steps + minimum.steps, verdict)
