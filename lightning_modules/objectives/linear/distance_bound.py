r"""How far the minimiser of a generalised linear model can be at most, rounding included.

F is the mean loss plus penalty, g and H its gradient and Hessian at θ, m > 0 at most the smallest eigenvalue of H,
n = −H⁻¹g the Newton step and λ = √(nᵀHn) its length, the Newton decrement. The third derivatives of the families obey

    |D³F[u, u, v]| ≤ R ‖v‖_H D²F[u, u] ,   R = c max_i ‖x̃_i‖ / √m        (`Family.self_concordance` is c)

Along θ + tv, ‖v‖_H = r, the Hessian hence changes by no more than the factors e^(∓Rrt), so that

    vᵀ∇F(θ + v) ≥ −λr + r (1 − e^(−Rr)) / R .

If λR < 1 this is positive for every r > r̄ = −log(1 − λR) / R: a minimiser θ* = θ + v exists, with r ≤ r̄. Its v solves
H̄v = −g, H̄ = ∫₀¹ H(θ + tv) dt, where (1 − e^(−Rr)) / Rr ≤ H̄/H ≤ (e^(Rr) − 1) / Rr; so v is hardly other than n:

    ‖v − n‖_H ≤ (Rr / (1 − e^(−Rr)) − 1) λ ≤ r̄ − λ ,        ‖θ* − θ‖₂ ≤ ‖n‖₂ + (r̄ − λ) / √m .

For least squares R = 0, r̄ = λ, and the bound is the length of the Newton step.

Computed are ĝ, Ĥ and some n̂. With ‖ĝ − g‖₂ ≤ δ and ‖Ĥ − H‖₂ ≤ ε by the usual bounds for sums and products,

    m = λ_min(Ĥ) − ε ,   ρ = ‖ĝ + Ĥn̂‖ + δ + ε‖n̂‖ ,   ‖n − n̂‖₂ ≤ ρ/m ,   λ ≤ √(n̂ᵀĤn̂ + ε‖n̂‖²) + ρ/√m .

Sources: F. Bach, Self-concordant analysis for logistic regression (2010), propositions 1 and 2; N. Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed. (2002), section 3.5.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_modules.objectives.linear.predictors import Predictors

# Of exponential, logarithm and division in a mean function and its derivative, and of what a few operations more take.
OPERATIONS = 16


@dataclass(frozen=True)
class _Rounding:
    """Bounds δ and ε on the errors of gradient and Hessian in float64, and the longest row max_i ‖x̃_i‖."""

    gradient: float
    hessian: float
    longest: float


def distance_bound(predictors: Predictors, gradient: Tensor, hessian: Tensor | None) -> float:
    """Upper bound on ‖θ* − θ‖₂, θ* the minimiser nearest to θ; infinite where none is proved to exist.

    Softmax weights have minimisers along a common shift too; the nearest one is as far from θ as the only one is along the
    directions that change anything, so that the Hessian may be completed in the others.

    Args:
        predictors: of the rows at θ (p,), in float64.
        gradient: (p,), there.
        hessian: (p, p), there, completed along the directions that change nothing; None if it is singular.
    """
    if hessian is None or not bool(torch.isfinite(hessian).all() and torch.isfinite(gradient).all()):
        return math.inf
    rounding = _rounding(predictors, hessian)
    eigenvalues, vectors = torch.linalg.eigh(hessian)
    m = float(eigenvalues[0]) - rounding.hessian
    if not m > 0:
        return math.inf
    step = -vectors @ (vectors.T @ gradient / eigenvalues)
    length, image = float(step.norm()), hessian @ step
    rest = float((gradient + image).norm()) + rounding.gradient + rounding.hessian * length
    decrement = math.sqrt(max(0.0, float(step @ image)) + rounding.hessian * length**2) + rest / math.sqrt(m)
    concordance = predictors.glm.family.self_concordance * rounding.longest / math.sqrt(m)
    x = decrement * concordance
    if not x < 1:
        return math.inf
    beyond = -math.log1p(-x) / concordance - decrement if x > 1e-4 else decrement * x  # −log(1 − x) − x ≤ x², x ≤ ½
    return length + rest / m + beyond / math.sqrt(m)


def _rounding(predictors: Predictors, hessian: Tensor) -> _Rounding:
    """A sum of k products errs by at most kε of the sum of their magnitudes, whatever the order.

    Predictors err by ζ ≤ (d + 1) ε (|W||x| + |b|), means then by at most ζ and their own rounding, second derivatives by the
    factor e^(cζ). The magnitudes in the Hessian's sums add up to twice its trace at most.
    """
    theta, glm = predictors.theta, predictors.glm
    eps, family, rows = torch.finfo(theta.dtype).eps, glm.family, glm.rows
    weight, bias = glm.layout.split(theta)
    is_curved = family.self_concordance > 0  # else the mean function is z itself, exact
    terms = min(rows.chunk_rows, rows.num_rows) + math.ceil(rows.num_rows / rows.chunk_rows) + OPERATIONS
    total, longest, largest = torch.zeros_like(theta), theta.new_zeros(()), theta.new_zeros(())
    pull_back = glm.layout.pulling_back(total)
    for x, y, z in predictors.chunks():
        errors = eps * (rows.num_features + 1) * torch.addmm(bias.abs(), x.abs(), weight.abs().T).amax(1, keepdim=True)
        means = errors + is_curved * eps * (family.num_outputs + OPERATIONS)
        pull_back(eps * terms * family.gradient(z, y).abs() + means, x.abs())
        if len(x):
            longest = torch.maximum(longest, (x.square().sum(1) + 1).amax().sqrt())
            largest = torch.maximum(largest, errors.amax())
    # The sum over processes bounds their maximum from above.
    longest, largest = rows.reduction(torch.stack([longest, largest]))
    penalty = OPERATIONS * eps * glm.l2 * glm.layout.weights_of(theta).abs()
    factor = eps * (terms + family.num_outputs + 10 * len(theta)) + 2 * family.self_concordance * float(largest)
    return _Rounding(
        gradient=float((glm.mean(total) + penalty).norm()),
        hessian=2 * factor * float(hessian.trace()),
        longest=float(longest) * (1 + eps * (rows.num_features + OPERATIONS)),
    )
