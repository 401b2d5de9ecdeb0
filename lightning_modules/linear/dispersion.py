r"""The factor φ of the variance of targets.

    φ_k = ‖y_k − μ_k‖² / (n − d − 1)              for the k-th real target,  n = Σ w_i
    φ   = Σ_i w_i (y_i − μ_i)² / V(μ_i) / (n − p)       Pearson's, for gamma and Tweedie amounts
    φ   = 1                                       for labels and counts

Source: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), sections 2.2.2 and 8.3.6.
"""

import torch
from torch import Tensor

from lightning_modules.counting import counted
from lightning_modules.objectives import GLMObjective

# Deviations that are no larger beside the targets are rounding.
ROUNDING = 1e-14


class ConstantTargetError(ValueError):
    """A target is the same in every row: what is left of it is rounding, and no noise to tell standard errors by."""


def dispersion(objective: GLMObjective, theta: Tensor) -> Tensor:
    """φ for each output (K,), the same on every process.

    Raises:
        ValueError: φ is estimated, and there is no row more than coefficients of a target.
        ConstantTargetError: φ is estimated, and a target is the same in every row.
    """
    ones = torch.ones(objective.family.num_outputs, dtype=torch.float64, device=theta.device)
    if not objective.family.has_dispersion:
        return ones
    rows, size = float(objective.rows.weight), objective.layout.width
    if rows - size < 1:
        raise ValueError(
            f"{counted(rows)} for {counted(size, 'coefficient')} {'leaves' if rows == 1 else 'leave'} "
            "nothing to tell the noise by: add rows"
        )
    if bool(_is_constant(objective).any()):
        raise ConstantTargetError("a target is the same in every row, so that there is no noise to tell standard errors by")
    return ones * pearson(objective, theta) / (rows - size)


def pearson(objective: GLMObjective, theta: Tensor) -> Tensor:
    """Pearson's χ², Σ w (y − μ)²/V(μ), of each output (K,), over all processes."""
    glm, family = objective.glm, objective.family
    sums = theta.new_zeros(family.num_outputs, dtype=torch.float64)
    for _, y, z in objective.at(theta.double()).predictors.chunks():
        mean, own = family.mean(glm.moved(z, y)), glm.own_targets(y)
        squares = (own.to(mean) - mean).square() / family.variance(mean)
        sums += (glm.weights_of(y) * squares).sum(0)
    return objective.rows.reduction(sums)


def _is_constant(objective: GLMObjective) -> Tensor:
    """Whether each target is the same in every row of all processes (K,)."""
    glm = objective.glm
    if glm.rows.terms_of_rows.offset is not None:
        return torch.zeros(objective.family.num_outputs, dtype=torch.bool)  # it is not the targets alone that a constant meets
    center = glm.mean_of_targets(lambda y: glm.weights_of(y) * glm.own_targets(y).double())
    squares = glm.mean_of_targets(lambda y: glm.weights_of(y) * (glm.own_targets(y).double() - center).square())
    return squares <= ROUNDING**2 * center.square()
