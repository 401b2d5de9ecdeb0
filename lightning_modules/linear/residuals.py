r"""What is left of each row, and how much the row says about its own prediction.

    response   y − μ
    Pearson    (y − μ) / √V(μ)  =  −∂l/∂z / √E[∂²l/∂z²]
    deviance   sign(y − μ) √(2 (l − l*))            l* the loss where the target is met
    leverage   see `leverage.py`

of one row: a weight says how often it is there, and changes none of them. A share k/m in a row of weight m is a group of m
trials, and Pearson and deviance residuals are those of the group, √m times as large, as is usual; its leverage is m times that
of a trial, so that leverages add up to the number of coefficients.

Source: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), sections 2.4 and 12.7.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_modules.linear.groups_of_trials import are_groups
from lightning_modules.linear.leverage import leverage_factor
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Family
from lightning_modules.objectives.linear import penalty_rows


@dataclass(frozen=True, eq=False)
class Residuals:
    """Of the rows of this process (n,), in their order.

    Attributes:
        response, pearson, deviance: the three residuals.
        leverage: h.
    """

    response: Tensor
    pearson: Tensor
    deviance: Tensor
    leverage: Tensor


def residuals(objective: GLMObjective, theta: Tensor) -> Residuals:
    """At coefficients θ (p,); every process must call it. Rows of weight 0 are none.

    Under a penalty leverages take it too, and add up to the number of coefficients that it leaves free.

    Raises:
        ValueError: several outputs, of which each row has several residuals.
    """
    family = objective.family
    refuse_several_outputs(family)
    glm, rows = objective.glm, objective.rows
    predictors = objective.at(theta.double()).predictors

    def blocks() -> Iterator[Tensor]:
        for x, y, z in predictors.pieces():
            sizes = working_weight(family, glm.moved(z, y), glm.own_targets(y)) * glm.weights_of(y)
            yield sizes.sqrt() * rows.extended(x)
        if glm.l2 > 0 and rows.reduction.rank == 0:
            yield penalty_rows(glm) * rows.weight**0.5

    count = rows.num_rows + (rows.num_features if glm.l2 > 0 else 0)
    factor = leverage_factor(blocks(), rows.no_rows, count, rows.reduction)
    is_grouped = are_groups(objective)
    parts: list[tuple[Tensor, ...]] = [tuple(theta.new_zeros(0, dtype=torch.float64) for _ in range(4))]
    for x, y, z in predictors.pieces():
        moved, own = glm.moved(z, y), glm.own_targets(y)
        trials = glm.weights_of(y) if is_grouped else None
        lengths = (rows.extended(x) @ factor).square().sum(1)
        parts.append(
            (*of_rows(family, moved, own, trials), of_group(working_weight(family, moved, own)[:, 0] * lengths, trials))
        )
    return Residuals(*(torch.cat(part) for part in zip(*parts, strict=True)))


def refuse_several_outputs(family: Family) -> None:
    """Raise a ValueError where a row has several residuals."""
    if family.num_outputs > 1:
        raise ValueError(f"residuals are of models with one output, and this one has {family.num_outputs}")


def of_rows(family: Family, z: Tensor, y: Tensor, trials: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Response, Pearson and deviance residuals (n,) each.

    Args:
        family: of one output.
        z: predictors, with the offset (n, 1).
        y: checked targets.
        trials: m of each row (n, 1), where targets are shares k/m; None = 1.
    """
    response = (y.to(z) - family.mean(z))[:, 0]
    slope, size = family.gradient(z, y)[:, 0], working_weight(family, z, y)[:, 0]
    # Where a mean is as far out as numbers go, both are 0 and nothing is left of the row.
    pearson = torch.where(slope == 0, 0.0, -slope / size.sqrt())
    above = family.loss(z, y) - family.least_loss(y)
    deviance = response.sign() * (2 * above.clamp(min=0.0)).sqrt()
    roots = 1.0 if trials is None else trials[:, 0].sqrt()
    return response, pearson * roots, deviance * roots


def of_group(leverage: Tensor, trials: Tensor | None) -> Tensor:
    """That of all trials of a row, from that of one (n,)."""
    return leverage if trials is None else leverage * trials[:, 0]


def working_weight(family: Family, z: Tensor, y: Tensor) -> Tensor:
    """c = E[∂²l/∂z²] of each row (n, 1)."""
    return family.expected.curvature_diagonal(z, y)
