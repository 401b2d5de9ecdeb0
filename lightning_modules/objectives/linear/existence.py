"""Whether a generalised linear model has a finite minimiser: a proof that it does, witnesses that it does not."""

import torch
from torch import Tensor

from lightning_modules.objectives.linear.glm import GLM
from lightning_modules.objectives.linear.predictors import Predictors


def concordance(glm: GLM, hessian: Tensor) -> float:
    """R with |D³f[u, u, v]| ≤ R √(vᵀHv) D²f[u, u] everywhere: c · max over rows i and outputs k of ‖H^(−½)(e_k ⊗ x̃_i)‖.

    What it proves: along a direction of unit length in the norm of the Hessian H at θ, f'' falls no faster than e^(−Rt), so
    f'(t) ≥ −λ + (1 − e^(−Rt)) / R, λ being the Newton decrement at θ. If λR < 1 this becomes positive in every direction:
    the level set is bounded and the minimiser exists. On separated classes λR stays near or above 1 however small the
    gradient is. The norm of H makes the test blind to the units of the features.

    Source of the property: F. Bach, Self-concordant analysis for logistic regression (2010), section 2.

    Args:
        glm: the data and the family of the loss f, which has no penalty.
        hessian: H at θ (p, p), positive definite.
    """
    order, size = glm.layout.by_layout(hessian.device).argsort(), glm.rows.num_features + 1
    inverse = torch.linalg.inv(hessian)[order][:, order]
    largest = hessian.new_zeros(())
    for x, _ in glm.rows.chunks(hessian.dtype):
        extended = torch.cat([x, x.new_ones(len(x), 1)], 1)
        for k in range(glm.family.num_outputs):
            block = inverse[k * size : (k + 1) * size, k * size : (k + 1) * size]
            largest = torch.maximum(largest, ((extended @ block) * extended).sum(1).max())
    # The sum over processes bounds their maximum from above, which keeps R valid.
    return glm.family.self_concordance * float(glm.rows.reduction(largest)) ** 0.5


def separates(glm: GLM, candidate: Tensor) -> Tensor | None:
    """The candidate (p,) at unit length if moving along it forever raises the loss of no row and lowers that of some.

    A penalised weight cannot go to infinity, so only the free part of the candidate counts; nor can a redundant shift
    lower anything. A row counts as raised beyond 1e-7 of the typical predictor: a Newton step on quasi-separated classes
    approaches their direction geometrically and does not reach it.
    """
    free = candidate - glm.layout.weights_of(candidate) if glm.l2 else candidate
    redundant = glm.invariant_directions(free)
    free = free - redundant @ (redundant.T @ free)
    norm = free.norm()
    # Where no more than rounding is left of the candidate there was nothing but redundancy; false for nan as well.
    if not 100 * torch.finfo(free.dtype).eps * candidate.norm() < norm < float("inf"):
        return None
    unit = free / norm
    squares, raised = unit.new_zeros(()), unit.new_zeros(())
    predictors = Predictors(glm, unit)
    for _, _, z in predictors.chunks():
        squares += z.square().sum()
    scale = glm.mean(squares).sqrt()
    for _, y, z in predictors.chunks():
        raised += (glm.family.recession(z, y) > 1e-7 * scale).sum()
    return unit if scale > 0 and glm.rows.reduction(raised) == 0 else None


def escaping_bias(glm: GLM, theta: Tensor) -> Tensor | None:
    """The direction in which one bias runs to infinity for want of a class in the data: (p,) -> (p,); None if all are there.

    Biases are not penalised, so this happens whatever λ is.
    """
    outputs = torch.eye(glm.family.num_outputs, dtype=theta.dtype, device=theta.device)
    directions = torch.cat([outputs, -outputs])
    raised = torch.zeros(len(directions), dtype=torch.int64, device=theta.device)
    for y in glm.rows.targets.split(glm.rows.chunk_rows):
        raised += torch.stack([(glm.family.recession(z.expand(len(y), -1), y) > 0).sum() for z in directions])
    escaping = directions[glm.rows.reduction(raised) == 0]
    return torch.cat([theta.new_zeros(len(theta) - len(outputs)), escaping[0]]) if len(escaping) else None
