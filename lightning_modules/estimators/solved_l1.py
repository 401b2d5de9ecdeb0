"""A generalised linear model fitted under an l1 penalty, given or chosen by cross-validation."""

import math
from typing import Any, Literal, NamedTuple, get_args

import torch

from lightning_modules.estimators.solved import Solved
from lightning_modules.lasso import CrossValidated, SparseMinimum, cross_validated, minimise_l1
from lightning_modules.objectives import GLMObjective
from lightning_modules.optimizers import Convergence

L1Choice = Literal["cv", "cv-1se"]
CHOICES = get_args(L1Choice)


class SolvedL1(NamedTuple):
    """Where the steps led.

    Attributes:
        found: the fit.
        l1: that was taken.
        curve: what it was chosen by; None where it was given.
    """

    found: Solved
    l1: float
    curve: CrossValidated | None


def solved_l1(
    objective: GLMObjective, l1: float | L1Choice, penalty_weights: Any, folds: int, tolerance: float | None, max_steps: int
) -> SolvedL1:
    """Minimise under a penalty; arguments and errors as in `minimise_l1` and `cross_validated`.

    Args:
        objective: the loss, with its l2.
        l1: strength, or "cv" for that of the least held-out deviance, "cv-1se" for the largest within a standard error of it.
        penalty_weights: of the features (d,), or None.
        folds: of the cross-validation.
        tolerance: for the duality gap; None = the default.
        max_steps: for each penalty.
    """
    given = {"penalty_weights": penalty_weights, "max_steps": max_steps}
    if tolerance is not None:
        given["tolerance"] = tolerance
    if not isinstance(l1, str):
        return SolvedL1(_solved(minimise_l1(objective, float(l1), **given)), float(l1), None)
    curve = cross_validated(objective, folds, **given)
    chosen = curve.path[curve.best if l1 == "cv" else curve.one_standard_error]
    return SolvedL1(_solved(chosen), chosen.l1, curve)


def _solved(minimum: SparseMinimum) -> Solved:
    verdict = Convergence(minimum.status, minimum.message, gradient_max=minimum.kkt, newton_decrement=math.nan)
    return Solved(minimum.theta.to(torch.float64), minimum.steps, verdict)
