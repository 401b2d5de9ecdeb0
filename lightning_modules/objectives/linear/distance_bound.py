r"""How far the minimiser of a generalised linear model can be at most, rounding included.

F is the mean loss plus penalty, g and H its gradient and Hessian at θ, n = −H⁻¹g the Newton step and λ = √(nᵀHn) its length,
the Newton decrement. The third derivatives of the families obey

    |D³F[u, u, v]| ≤ C ‖v‖_H D²F[u, u] ,   C = c max_i ‖x̃_i‖_(H⁻¹)             (`Family.self_concordance` is c)

Along θ + tv, ‖v‖_H = r, the Hessian hence changes by no more than the factors e^(∓Crt), so that

    vᵀ∇F(θ + v) ≥ −λr + r (1 − e^(−Cr)) / C .

If λC < 1 this is positive for every r > r̄ = −log(1 − λC) / C: a minimiser θ* = θ + v exists, with r ≤ r̄. Its v solves
H̄v = −g, H̄ = ∫₀¹ H(θ + tv) dt, where (1 − e^(−Cr)) / Cr ≤ H̄/H ≤ (e^(Cr) − 1) / Cr; so v is hardly other than n:

    ‖v − n‖_H ≤ (Cr / (1 − e^(−Cr)) − 1) λ ≤ r̄ − λ .        For least squares C = 0 and v = n.

Families without a c that is right everywhere have one, c ≥ 1, that is right while no predictor changes by more than 1. With
λC ≤ ½ it is: then Cr̄ ≤ log 2, and a predictor changes by no more than max_i ‖x̃_i‖_(H⁻¹) r̄ = Cr̄/c < 1.

Computed are a root R of H and a gradient, see `root.py`, in units of which every column has length 1, so that nothing here
depends on units. With  (1 − τ) RᵀR ≼ H ≼ (1 + τ) RᵀR,  proved in `spread.py`, |ĝ − g| ≤ δ entry by entry, and ĥ = R⁻ᵀĝ,

    ‖R⁻ᵀg − ĥ‖ ≤ η = ‖ |R⁻ᵀ| (δ + pε|R|ᵀ|ĥ|) ‖ ,   λ ≤ (‖ĥ‖ + η) / √(1 − τ)
    ‖R(v − n̂)‖ ≤ E = (1/(1 − τ) − 1)(‖ĥ‖ + η) + η + pε‖ |R||n̂| ‖ + (r̄ − λ) / √(1 − τ)

    |θ*_j − θ_j| ≤ S_j (|n̂_j| + ‖e_jᵀR⁻¹‖ E) ,       ‖θ* − θ‖₂ ≤ ‖S n̂‖ + ‖S R⁻¹‖ E

Sources: F. Bach, Self-concordant analysis for logistic regression (2010), propositions 1 and 2; N. Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed. (2002), sections 3.5 and 8.1.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_modules.objectives.linear.predictors import Predictors
from lightning_modules.objectives.linear.root import Root
from lightning_modules.objectives.linear.rounding import Rounding
from lightning_modules.objectives.linear.spread import spread


@dataclass(frozen=True, eq=False)
class DistanceBound:
    """Upper bounds on the distance of θ to the nearest minimiser θ*; infinite where none is proved to exist.

    Attributes:
        norm: on ‖θ* − θ‖₂.
        each: on |θ*_j − θ_j| (p,), laid out as θ.
    """

    norm: float
    each: Tensor


def distance_bound(predictors: Predictors, root: Root | None, gradient: Tensor, rounding: Rounding) -> DistanceBound:
    """Softmax weights have minimisers along a common shift too; the nearest one is as far from θ as the only one is along
    the directions that change anything, so that the Hessian may be completed in the others.

    Args:
        predictors: of the rows at θ (p,), in float64.
        root: of the Hessian there, completed along the directions that change nothing; None if it is singular.
        gradient: s g (p,), output by output, as `Root` takes it.
        rounding: of the gradient and of the predictors.
    """
    nothing = DistanceBound(math.inf, torch.full_like(predictors.theta, math.inf))
    if root is None or not bool(torch.isfinite(gradient).all()):
        return nothing
    tau, eps, size = spread(predictors, root, rounding), torch.finfo(gradient.dtype).eps, len(gradient)
    if not tau < 1:
        return nothing
    # R⁻¹ as computed is as good as R⁻¹ but for a factor near 1.
    slack = root.largest / float(root.inverse.norm())
    h = root.reduced(gradient)
    delta = root.unit * (rounding.gradient + 2 * eps * gradient.abs())
    off = root.inverse.T.abs() @ (delta + size * eps * (root.upper.T.abs() @ h.abs()))
    length, eta = float(h.norm()), slack * float(off.norm())
    decrement = (length + eta) / math.sqrt(1 - tau)
    concordance = predictors.self_concordance * slack * longest(predictors, root) / math.sqrt(1 - tau)
    x = decrement * concordance
    if not x < (1 if predictors.glm.family.self_concordance < math.inf else 0.5):
        return nothing
    beyond = -math.log1p(-x) / concordance - decrement if x > 1e-4 else decrement * x  # −log(1 − x) − x ≤ x², x ≤ ½
    step = root.solved(-h)
    rest = float((root.upper.abs() @ step.abs()).norm()) * size * eps
    rest += (1 / (1 - tau) - 1) * (length + eta) + eta + beyond / math.sqrt(1 - tau)
    rows = slack * root.scale * root.inverse.norm(dim=1)
    order = predictors.glm.layout.by_layout(gradient.device)
    each = (root.scale * step.abs() + rows * rest)[order]
    largest = float(each.max()) or 1.0  # squares of what is in small units would be 0
    norm = float((root.scale * step / largest).norm()) + float((rows / largest).norm()) * rest
    return DistanceBound(norm * largest, each)


def longest(predictors: Predictors, root: Root) -> float:
    """max_i ‖x̃_i‖_(H⁻¹) over rows i and outputs, each of which has a block of H⁻¹, with a triangular root of its own."""
    rows, outputs = predictors.glm.rows, predictors.glm.family.num_outputs
    largest = root.scale.new_zeros(())
    if predictors.glm.family.self_concordance > 0:
        size = rows.num_columns
        blocks = (root.inverse * root.unit[:, None]).split(size)
        halves = [block if outputs == 1 else torch.linalg.qr(block.T, mode="r").R.T for block in blocks]
        for x, _ in rows.all_pieces(rows.wide_rows):
            for half in halves:
                if len(x):
                    largest = torch.maximum(largest, rows.columns.squared_lengths(x, rows.scale, half).amax().sqrt())
    # The sum over processes bounds their maximum from above.
    return float(rows.reduction(largest)) * (1 + torch.finfo(torch.float64).eps * len(root.scale))
