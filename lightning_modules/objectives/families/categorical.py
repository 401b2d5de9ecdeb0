"""Categorical family: softmax regression."""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from lightning_modules.objectives.families.divergences import divergence_of_classes
from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.families.refused_rows import refuse_any


class Categorical(Family):
    """l(z, y) = logsumexp(z) − z_y with y ∈ {0, …, K−1}; μ(z) = p = softmax(z), ∇μ = diag(p) − ppᵀ.

    Adding one number to all K predictors of a row changes nothing, so ∇μ 1 = 0.

    l'''[u, u, v] is a third cumulant under p, at most (max v − min v) Var(u) ≤ 2 max |v| Var(u): self-concordance constant 2.

    Args:
        num_outputs: K, the number of classes.
    """

    self_concordance = 2.0
    predictor = "log-odds"
    shift_invariant = True
    infimum = 0.0

    def infimum_within(self, low: float, high: float) -> float:
        # One output at the upper end, all others at the lower.
        return math.log1p((self.num_outputs - 1) * math.exp(low - high))

    def check(self, targets: Tensor) -> Tensor:
        """Integer labels (n,) in 0 … K−1."""
        if targets.is_floating_point():
            raise ValueError(
                f"the targets are real numbers ({targets.dtype}), not class labels: a classifier does not fit them; "
                "use LinearRegression, or a network with loss='mse'"
            )
        if targets.ndim != 1:
            raise ValueError(f"the targets have shape {tuple(targets.shape)}, a classifier takes one label a row, (rows,)")
        refuse_any(
            targets,
            lambda labels: (labels < 0) | (labels >= self.num_outputs),
            lambda bad: (
                f"{int(bad.sum())} of {len(targets)} labels lie outside 0 … {self.num_outputs - 1} (found "
                f"{targets.min().item()} … {targets.max().item()}): set num_classes, num_outputs of a module or the last "
                "width of a network to the number of classes, and count labels from 0"
            ),
        )
        return targets.long()

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        # As log(1 + Σ_{k≠y} e^(z_k − z_y)): the difference above loses the small loss of a confident row to cancellation.
        z = z.T.contiguous()  # see `_softmax`
        others = (z - z.gather(0, y[None])).scatter(0, y[None], -torch.inf)
        return softplus(torch.logsumexp(others, 0), threshold=40)

    def total(self, z: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(z, y, reduction="sum")

    def mean(self, z: Tensor) -> Tensor:
        # torch.softmax rounds the last rows in another way than the others; exp rounds all alike, and a row is added up alone.
        weights = torch.exp(z - z.amax(1, keepdim=True)).contiguous()
        return weights / weights.sum(1, keepdim=True)

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        return _softmax(z).scatter_add(1, y[:, None], z.new_full((len(y), 1), -1.0))

    def loss_and_gradient(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        # One softmax for both. Of a confident row, 1 − p_y is the sum of the others' probabilities, not a difference.
        log_p, y = torch.log_softmax(z.T.contiguous(), 0), y[None]
        others = log_p.exp().scatter_(0, y, 0.0)
        missed = others.sum(0, keepdim=True)
        loss = torch.where(missed < 0.5, torch.log1p(-missed), log_p.gather(0, y)).neg_()
        return loss[0], others.scatter_(0, y, -missed).T

    def curvature(self, z: Tensor, y: Tensor) -> Tensor:
        p = _softmax(z).T
        curvature = -p[:, None] * p
        curvature.diagonal().add_(p.T)
        return curvature.permute(2, 0, 1)

    def curvature_diagonal(self, z: Tensor, y: Tensor) -> Tensor:
        p = _softmax(z)
        return p * (1 - p)

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        p = _softmax(z)
        return p * (v - (p * v).sum(-1, keepdim=True))

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        # Cholesky's factor of diag(p) − ppᵀ in closed form, K − 1 rows, one less than classes: with q_c = p_c + … + p_{K−1},
        # what is left from class c on, row c is √(p_c q_{c+1} / q_c) at c and −p_k √(p_c / (q_c q_{c+1})) at k > c. (K. Tanabe
        # and M. Sagae, An exact Cholesky decomposition and the generalized inverse of the variance-covariance matrix of the
        # multinomial distribution, 1992.)
        p = _softmax(z)
        left = p.flip(1).cumsum(1).flip(1)
        after = left[:, 1:]
        share = torch.where(left[:, :-1] > 0, p[:, :-1] / left[:, :-1], 0).sqrt()  # √(p_c / q_c)
        root = torch.where(after > 0, after, 1).sqrt()
        factor = -(share / root).T[:, :, None] * p
        factor = factor.masked_fill(_not_above(p), 0.0)
        factor.diagonal(dim1=0, dim2=2).copy_(share * root.where(after > 0, 0))
        return factor

    def random_slope(self, z: Tensor, y: Tensor, signs: Tensor) -> Tensor:
        # Of S = diag(√p) − √p pᵀ, which has a row more and needs no matrix: SᵀS = diag(p) − 2 ppᵀ + ppᵀ Σ p.
        p = _softmax(z)
        scaled = p.sqrt() * signs
        return scaled - p * scaled.sum(2, keepdim=True)

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        return z.amax(1) - z.gather(1, y[:, None])[:, 0]

    def duality_gap(self, z: Tensor, y: Tensor, slope: Tensor) -> Tensor:
        return divergence_of_classes(slope.scatter_add(1, y[:, None], slope.new_ones(len(y), 1)), z)

    def log_likelihood_met(self, y: Tensor, weights: Tensor, dispersion: float) -> Tensor:
        return torch.zeros_like(weights)

    def sensitivity(self, z: Tensor, y: Tensor, errors: Tensor) -> Tensor:
        # A row of ∇μ has magnitudes that add up to 2 p (1 − p) ≤ ½.
        return errors.expand_as(z)

    def gradient_terms(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.ones_like(z)


def _not_above(p: Tensor) -> Tensor:
    """Which entries (c, k) of a factor are not above its diagonal (K − 1, 1, K)."""
    classes = torch.arange(p.shape[1], device=p.device)
    return (classes <= classes[:-1, None])[:, None]


def _softmax(z: Tensor) -> Tensor:
    """`mean`, as fast as can be: (n, K) -> (n, K).

    Class by class: over a last dimension of a few classes the processor's vectors stay empty.
    """
    return torch.softmax(z.T.contiguous(), 0).T
