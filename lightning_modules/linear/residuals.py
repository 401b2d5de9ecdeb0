r"""What is left of each row, and how much the row says about its own prediction.

    response   y − μ
    Pearson    (y − μ) / √V(μ)
    deviance   sign(y − μ) √(2 (l − l*))            l* the loss where the target is met
    leverage   h = ∂²l/∂z² x̃ᵀ (n H)⁻¹ x̃             Σ w h = p, the number of coefficients

of one row: a weight says how often it is there, and changes none of them. Leverages take the expected information, as is usual.

Source: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), sections 2.4 and 12.7.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.linear import Predictors, root
from lightning_modules.solvers import SingularCurvatureError


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

    Raises:
        ValueError: several outputs, of which each row has several residuals.
        SingularCurvatureError: the coefficients are not determined by the data, so that leverages are none.
    """
    family = objective.family
    if family.num_outputs > 1:
        raise ValueError(f"residuals are of models with one output, and this one has {family.num_outputs}")
    glm = replace(objective.glm, family=objective.glm.family.expected)
    predictors = Predictors(glm, theta.double())
    found = root(predictors, objective.at(theta.double()).curvature("ggn").matrix())
    if found is None:
        raise SingularCurvatureError("the coefficients are not determined by the data: remove redundant features")
    half = (found.scale[:, None] * found.inverse) / glm.rows.scale[:, None]
    parts: list[tuple[Tensor, ...]] = []
    for x, y, z in predictors.pieces():
        own, weights = glm.own_targets(y), glm.weights_of(y)
        mean = family.mean(glm.moved(z, y))
        response = own.to(mean) - mean
        above = family.loss(glm.moved(z, y), own) - family.least_loss(own)
        length = (glm.rows.extended(x) @ half).square().sum(1, keepdim=True)
        leverage = glm.family.curvature_diagonal(z, y) / weights * length / glm.rows.weight
        deviance = response[:, 0].sign() * (2 * above.clamp(min=0.0)).sqrt()
        parts.append((response[:, 0], (response / family.variance(mean).sqrt())[:, 0], deviance, leverage[:, 0]))
    if not parts:
        return Residuals(*(theta.new_zeros(0, dtype=torch.float64) for _ in range(4)))
    return Residuals(*(torch.cat(part) for part in zip(*parts, strict=True)))
