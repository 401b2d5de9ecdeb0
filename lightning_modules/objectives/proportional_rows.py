r"""A sample of rows of which each is drawn in proportion to how much its loss bends, to estimate a Gauss–Newton matrix.

    t_i = tr ∂²l/∂z²  of row i,   T = mean t
    rows r_1, …, r_k, row i expected k t_i / Σ t times:   1/k Σ_j (T / t_{r_j}) C_{r_j}   is  1/n Σ_i C_i  on average

A trained classifier is sure of most of its rows, whose losses hardly bend; the matrix is made of the few others. Where all rows
are drawn alike, most of those drawn say nothing, and how many of the others are among them is chance. Drawn in proportion, each
has the same trace, and fewer rows tell as much.

The draw is systematic: the t are laid end to end, and the rows that lie at k equal steps are taken, from a random start on; one
that is longer than a step may be taken more than once. Lengths are whole numbers, whose sum does not depend on the order of its
terms, so that every process and every device draws the same rows.

Sources: M. H. Hansen and W. N. Hurwitz, On the theory of sampling from finite populations (1943), for the estimate; W. G.
Madow, On the theory of systematic sampling, II (1949), for the draw.
"""

from random import Random

import torch
from torch import Tensor

from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.families.wrapped_loss import WrappedLoss

# The length of the longest row. Sums of a million rows times a million draws stay below 2⁶³.
LONGEST = 2**20


def lengths(traces: Tensor, longest: Tensor) -> Tensor:
    """t (n,) in whole numbers up to LONGEST, the largest trace () of all rows; at least 1, so that every row has its chance."""
    return (traces / longest * LONGEST).nan_to_num(0.0).ceil().clamp(1, LONGEST).long()


def drawn_rows(lengths: Tensor, k: int, seed: int) -> Tensor:
    """Places (k,) of k rows in ascending order, each of n rows with its length (n,) in proportion."""
    ends = lengths.cumsum(0)
    start = int(Random(seed).random() * LONGEST)  # of the first step, in parts of it
    steps = torch.arange(k, device=lengths.device)
    at = (steps * ends[-1] + ends[-1] * start // LONGEST) // k
    return torch.searchsorted(ends, at, right=True)


class EvenCurvature(WrappedLoss):
    """A loss whose curvature is scaled row by row to the mean trace T, for rows that were drawn by their traces.

    Args:
        exact: l.
        longest: the largest trace () among the rows they were drawn of.
        mean: T (), in the units of `lengths`.
    """

    def __init__(self, exact: PointwiseLoss, longest: Tensor, mean: Tensor) -> None:
        super().__init__(exact)
        self.longest, self.mean_length = longest, mean

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return self._weights(z, y)[:, None] * self.exact.curvature_product(z, y, v)

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        return self._weights(z, y).sqrt()[:, None] * self.exact.curvature_factor(z, y)

    def _weights(self, z: Tensor, y: Tensor) -> Tensor:
        """T / t (n,)."""
        return (self.mean_length / lengths(self.exact.curvature_trace(z, y), self.longest)).to(z.dtype)
