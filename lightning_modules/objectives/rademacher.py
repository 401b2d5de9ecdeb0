r"""Unbiased estimates of a curvature's diagonal from products with it, for losses that have no exact form of their own.

    diag C = E[z ⊙ C z],   z_j = ±1 with probability ½ each, all independent       (Rademacher probes: E[z zᵀ] = I)
    Var[(z ⊙ C z)_j] = Σ_{k≠j} C_jk²                                              nothing where C is diagonal

The mean of m probes has 1/√m of that standard deviation: an estimate, whose own standard error comes with it. m products
cost the same whatever p, where the exact diagonal by products takes p of them.

Sources: M. Hutchinson, A stochastic estimator of the trace of the influence matrix (1989), for Rademacher probes; C. Bekas,
E. Kokiopoulou and Y. Saad, An estimator for the diagonal of a matrix (2007), section 2, where the division by Σ z ⊙ z is the
one by m here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class DiagonalEstimate:
    """What random probes say of a diagonal; entries may be negative even where the matrix is positive definite.

    Attributes:
        estimate: mean over the probes, unbiased (p,).
        standard_error: estimated standard deviation of `estimate` (p,).
        probes: m, their number.
    """

    estimate: Tensor
    standard_error: Tensor
    probes: int


def estimate_diagonal(
    product: Callable[[Tensor], Tensor], theta: Tensor, probes: int, generator: torch.Generator | None = None
) -> DiagonalEstimate:
    """Unbiased estimate of diag C from as many products with C as there are probes.

    Args:
        product: v (p,) -> C v (p,).
        theta: a vector (p,) of the length, type and device that the probes are to have.
        probes: m ≥ 2.
        generator: of the probes, on any device. With several processes, equal seeds on all of them: a product is one of all.

    Raises:
        ValueError: fewer than 2 probes, which leave no standard error.
    """
    if probes < 2:
        raise ValueError(f"probes={probes}: a standard error takes at least 2")
    mean, squares = torch.zeros_like(theta), torch.zeros_like(theta)
    for count in range(1, probes + 1):  # Welford's recursion: no difference of large sums, no m × p matrix
        z = _probe(theta, generator)
        sample = z * product(z)
        change = sample - mean
        mean += change / count
        squares += change * (sample - mean)
    return DiagonalEstimate(mean, (squares / (probes - 1) / probes).sqrt(), probes)


def _probe(theta: Tensor, generator: torch.Generator | None) -> Tensor:
    """z (p,) of signs."""
    device = theta.device if generator is None else generator.device
    return torch.randint(2, theta.shape, generator=generator, device=device).to(theta).mul_(2).sub_(1)
