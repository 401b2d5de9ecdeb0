"""What the gradients of the steps so far say of the curvature, on top of a curvature to start from."""

from collections.abc import Callable, MutableSequence

import torch
from torch import Tensor

Pair = tuple[Tensor, Tensor]


def is_told(step: Tensor, change: Tensor, inverse_roots: Tensor | float = 1.0) -> Tensor:
    """Whether s = θ⁺ − θ (p,) and y = ∇f⁺ − ∇f (p,) tell of ∫ H(θ + ts) dt, which takes s to y: (). Rounding may hide it.

    Both are measured in the parameters' scale D, of which 1/√D (p,) is given; 1 where they have the same unit.
    """
    size = (step / inverse_roots).norm() * (change * inverse_roots).norm()
    return step @ change > torch.finfo(step.dtype).eps ** 0.5 * size


def solve(pairs: MutableSequence[Pair], inverse: Callable[[Tensor], Tensor], rhs: Tensor) -> Tensor:
    """B⁻¹ `rhs`, B a curvature C updated by BFGS to meet By = s for each pair in turn: (p,) -> (p,).

    Source: Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), algorithm 7.4, their H₀ being `inverse`.

    Args:
        pairs: (s, y) of which `is_told` is true, the oldest first.
        inverse: r (p,) -> C⁻¹r (p,), of the curvature that the updates start from.
        rhs: (p,).
    """
    q, shares = rhs, []
    for step, change in reversed(pairs):
        shares.append((step @ q) / (step @ change))
        q = q - shares[-1] * change
    x = inverse(q)
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        x = x + (share - (change @ x) / (step @ change)) * step
    return x
