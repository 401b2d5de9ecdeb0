r"""The information of the augmented data whose likelihood Firth's penalised one is: each row there 1 + h_i times as often.

    Σ_i w_i c_i (1 + h_i) x̃_i x̃_iᵀ ,      c = p (1 − p) ,  h_i = c_i x̃_iᵀ (Σ w c x̃ x̃ᵀ)⁻¹ x̃_i

∇F is that of the logistic loss of rows y_i and, h_i/2 times each, 1 and 0. The Fisher information alone has larger errors: with
more rows both tend to the same.

Source: G. Heinze and M. Schemper, A solution to the problem of separation in logistic regression (2002).
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_modules.linear.reduced_scores import reduced
from lightning_modules.objectives.linear import FirthObjective, Predictors, Root, triangle


def augmented_half(objective: FirthObjective, predictors: Predictors, root: Root) -> Tensor:
    """B (p, p) with BBᵀ its inverse; every process must call it.

    Args:
        objective: Firth's.
        predictors: at its minimiser.
        root: of the Fisher information there.
    """
    glm, rows = objective.glm, objective.rows

    def blocks() -> Iterator[Tensor]:
        for x, y, z in predictors.pieces():
            curvature, extended = glm.family.curvature_diagonal(z, y), rows.extended(x)  # w c
            once = curvature / glm.weights_of(y)
            leverage = reduced(root, once.sqrt(), extended).square().sum(1, keepdim=True) / rows.weight
            yield (curvature * (1 + leverage)).sqrt() * extended * root.unit

    upper = triangle(blocks(), rows.no_rows, rows.num_rows, rows.reduction)
    eye = torch.eye(len(upper), dtype=upper.dtype, device=upper.device)
    return root.scale[:, None] * torch.linalg.solve_triangular(upper, eye, upper=True)
