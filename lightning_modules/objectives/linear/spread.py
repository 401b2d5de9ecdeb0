r"""How far a root R, as computed, is from one of the Hessian H, proved:  (1 − τ) RᵀR ≼ S H S ≼ (1 + τ) RᵀR.

Of a Hessian that was formed, Ĥ with ‖Ĥ − SHS‖ ≤ ε_H by the usual bounds for sums and products, and factorised,

    τ = ε_H ‖R⁻¹‖² .

Of rows A = √(w_i/n) S x̃_i that were factorised, Q = A R⁻¹ is computed once more, row by row, each of which solves its system
up to |E_i| ≤ pε |q_i| |R|. Whatever errors R has, QᵀQ shows them:

    A = QR + E ,    ‖QᵀQ − I‖ ≤ δ ,    ‖E R⁻¹‖ ≤ η = pε ‖Q‖ ‖ |R| |R⁻¹| ‖ ,
    so the singular values of A R⁻¹ lie between √(1 − δ) − η and √(1 + δ) + η ,

which proves full rank of columns with κ up to about 1/(p²ε), where the first way ends at the root of that.

Source: N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), theorems 8.5 and 10.3.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_modules.objectives.linear.predictors import Predictors
from lightning_modules.objectives.linear.root import Root, penalty_rows, weighted_rows
from lightning_modules.objectives.linear.rounding import OPERATIONS, Rounding


def spread(predictors: Predictors, root: Root, rounding: Rounding) -> float:
    """τ; 1 or more, or infinite, where nothing is proved."""
    if not root.largest < math.inf:
        return math.inf
    return (_of_rows if root.is_from_rows else _of_matrix)(predictors, root, rounding)


def _of_matrix(predictors: Predictors, root: Root, rounding: Rounding) -> float:
    """The magnitudes in the Hessian's sums add up to twice its trace at most."""
    glm, size = predictors.glm, len(root.scale)
    eps, family = torch.finfo(root.upper.dtype).eps, glm.family
    terms = glm.rows.terms + OPERATIONS + family.num_outputs + 10 * size
    factor = eps * terms + 2 * predictors.self_concordance * rounding.predictor
    return 2 * factor * float(root.upper.square().sum()) * root.largest**2


def _of_rows(predictors: Predictors, root: Root, rounding: Rounding) -> float:
    glm, rows = predictors.glm, predictors.glm.rows
    size, eps = rows.num_columns, torch.finfo(root.upper.dtype).eps
    upper, unit = root.upper[:size, :size], root.unit[:size]

    def blocks() -> Iterator[Tensor]:
        for block in weighted_rows(predictors):
            yield block / math.sqrt(rows.weight)

    def gram(parts: "Iterator[Tensor] | list[Tensor]") -> Tensor:
        total = torch.zeros_like(upper)
        for part in parts:
            q = torch.linalg.solve_triangular(upper, part * unit, upper=True, left=False)
            total.addmm_(q.T, q)
        return total

    total = rows.reduction(gram(blocks()))
    if glm.l2 > 0:
        total += gram([penalty_rows(glm)])
    eye = torch.eye(size, dtype=upper.dtype, device=upper.device)
    delta = float((total - eye).norm()) + eps * size * (rows.terms + size)
    if not delta < 1:
        return math.inf
    inverse = root.inverse[:size, :size].abs() * (root.largest / float(root.inverse.norm()))
    eta = (size + OPERATIONS) * eps * math.sqrt(size * (1 + delta)) * float((upper.abs() @ inverse).norm())
    # Of the weights: the rounding of predictors and their own.
    changed = predictors.self_concordance * rounding.predictor
    if not changed < 1:
        return math.inf
    omega = math.expm1(changed) + OPERATIONS * eps
    low, high = math.sqrt(1 - delta) - eta, math.sqrt(1 + delta) + eta
    return max(1 - low**2 * (1 - omega), high**2 * (1 + omega) - 1) if low > 0 and omega < 1 else math.inf
