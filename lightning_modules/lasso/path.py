"""Minimisers for a row of falling l1 penalties, each begun from the one before."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lightning_modules.lasso.penalty import check_strength
from lightning_modules.lasso.problem import TOLERANCE, PenalisedProblem
from lightning_modules.lasso.sparse_minimum import SparseMinimum
from lightning_modules.objectives.linear import GLMObjective

# The smallest penalty beside the largest; with fewer rows than features more of the path would be interpolation.
SMALLEST, SMALLEST_OF_FEW_ROWS = 1e-3, 1e-2


def penalties_from(largest: float, num: int, smallest: float) -> list[float]:
    """`num` penalties from the largest to `smallest` times it, each the same factor below the one before."""
    return [largest] if num == 1 else (largest * np.geomspace(1.0, smallest, num)).tolist()


def penalty_path(
    objective: GLMObjective,
    num: int = 100,
    smallest: float | None = None,
    *,
    penalties: Sequence[float] | None = None,
    penalty_weights: Any = None,
    tolerance: float = TOLERANCE,
    max_steps: int = 500,
    progress: Callable[[], None] | None = None,
) -> list[SparseMinimum]:
    """The path from the least l1 at which every penalised coefficient is 0 downwards, with warm starts and strong rules.

    Args:
        objective: the loss; its l2 holds all along.
        num: how many penalties.
        smallest: the last of them beside the first, in (0, 1); None = 1e-3, or 1e-2 for fewer rows than features.
        penalties: these instead, taken from the largest to the smallest.
        penalty_weights: v (d,), ≥ 0; None = 1 for each.
        tolerance: for the gap of each, in units of the loss.
        max_steps: for each.
        progress: is called when one of them is done.

    Raises:
        ValueError: no number of penalties ≥ 1, `smallest` outside (0, 1), a penalty that is no finite number ≥ 0, what
            `minimise_l1` refuses.
    """
    if not isinstance(num, int) or num < 1:
        raise ValueError(f"num={num!r}: give the number of penalties, a whole number ≥ 1")
    if smallest is None:
        smallest = SMALLEST_OF_FEW_ROWS if objective.num_rows < objective.num_features else SMALLEST
    if not 0 < smallest < 1:
        raise ValueError(f"smallest={smallest!r}: give the last penalty beside the first, a number between 0 and 1")
    for l1 in penalties or ():
        check_strength("l1", l1)
    problem = PenalisedProblem(objective, penalty_weights, tolerance)
    given = penalties_from(problem.largest_l1, num, smallest) if penalties is None else sorted(penalties, reverse=True)
    path = []
    for l1 in given:
        path.append(problem.minimise(l1, max_steps))
        if progress is not None:
            progress()
    return path


def minimise_l1(
    objective: GLMObjective,
    l1: float,
    *,
    penalty_weights: Any = None,
    tolerance: float = TOLERANCE,
    max_steps: int = 500,
) -> SparseMinimum:
    """Minimise  f(θ) + l2/2 Σ v_j θ_j² + l1 Σ v_j |θ_j|,  f the mean loss of a generalised linear model, biases not penalised.

    Features are taken in the units they are in: standardise them first, or give `penalty_weights` in their units.

    Args:
        objective: the loss; its l2 counts.
        l1: strength ≥ 0, relative to the *mean* loss: `Lasso(alpha)` of scikit-learn is l1=alpha,
            `LogisticRegression(l1_ratio=1, C=c)` is l1=1/(n·c).
        penalty_weights: v (d,), ≥ 0, 0 for a coefficient that is not penalised; None = 1 for each.
        tolerance: for the duality gap, in units of the loss; for families without a gap, for the violation of the conditions.
        max_steps: after so many steps it ends in any case.

    Raises:
        ValueError: l1 below 0 or not finite; penalty weights of another length, negative or not
            finite; a tolerance or a number of steps that is none.
    """
    check_strength("l1", l1)
    return PenalisedProblem(objective, penalty_weights, tolerance).minimise(l1, max_steps)
