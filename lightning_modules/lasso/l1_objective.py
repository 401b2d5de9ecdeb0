r"""A generalised linear model under an l1 penalty as an objective, of which each step depends on θ alone.

    F(θ) = f(θ) + Σ_j a_j |θ_j| + ½ Σ_j r_j θ_j² ,      a = l1 v ,  r = l2 v

What `minimise_l1` does within one call, for many penalties and with what it keeps, is here one step at a time: so that a fit
that is resumed takes the steps of one that went on, and rows that are memory-mapped are read where they are.
"""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from lightning_modules.lasso.all_columns import moments
from lightning_modules.lasso.centred_rows import centred
from lightning_modules.lasso.duality import certificate
from lightning_modules.lasso.l1_point import L1Point
from lightning_modules.lasso.penalty import Array, Penalty, check_strength, weights_of_coefficients
from lightning_modules.lasso.sparse_minimum import counted_zeros, measured
from lightning_modules.objectives import Degeneracy, Proof
from lightning_modules.objectives.linear import GLMObjective
from lightning_modules.objectives.linear.existence import escaping_bias


class L1Objective(GLMObjective):
    """As above; biases are not penalised.

    Args:
        smooth: the loss; its l2 counts.
        l1: strength ≥ 0, relative to the mean loss.
        penalty_weights: v (d,), ≥ 0; None = 1 for each.

    Attributes:
        penalties: P, of all coefficients.
        centred: f on columns that are shifted to where they spread, if any is far from 0.
        centre: by how much (d,), or None.
        kept_matrix: the Hessian of least squares, which is the same everywhere, when it has been formed.

    Raises:
        ValueError: l1 below 0 or not finite; penalty weights of another length, negative or not finite.
    """

    has_kinks = True
    is_quadratic = False
    # Some of the rows would have another optimum.
    rows_per_parameter = 0.0

    def __init__(self, smooth: GLMObjective, l1: float, penalty_weights: object = None) -> None:
        check_strength("l1", l1)
        vars(self).update(vars(smooth.with_l2(0.0)))
        weights = weights_of_coefficients(smooth, penalty_weights)
        self.penalties = Penalty(l1 * weights, smooth.l2 * weights)
        known = moments(smooth)
        self.centred, self.centre = centred(smooth.with_l2(0.0), known)
        self._moments = known if self.centre is None else moments(self.centred)
        self.kept_matrix: dict[str, Array] = {}

    def penalty(self, theta: Tensor) -> Tensor:
        absolute, square = (torch.from_numpy(part).to(theta) for part in (self.penalties.absolute, self.penalties.square))
        return absolute @ theta.abs() + 0.5 * square @ theta.square()

    def point(self, theta: Tensor) -> L1Point:
        return L1Point(self, self.glm, theta)

    @cached_property
    def lengths(self) -> Array:
        """Of the columns, by which a gradient entry is large or small (p,)."""
        return self._moments.lengths(self.layout) * (self.unit or 1.0) ** 0.5

    def proof_at(self, theta: Tensor, tolerance: float) -> Proof:
        """By the duality gap; for families without one by the largest violation, in the loss's unit."""
        point, unit = self.point_at(theta), self.unit or 1.0
        inner = point.inner
        given = np.arange(len(theta)), point.coefficients, self.penalties, point.scale * max(1.0, point.size)
        found = certificate(self.centred, inner, *given, point.curvature_of)
        kkt, fact = point.violation * unit, self._separated(theta)
        is_near = point.is_stationary(tolerance) if found.gap is None else found.gap <= tolerance * unit
        holds = is_near and fact is None
        message = f"{measured(found.gap, kkt)}; {counted_zeros(self, theta)}"
        return Proof(holds, message, float(point.gradient.abs().max()), found.gap, fact)

    def point_at(self, theta: Tensor) -> L1Point:
        """The point θ, the last one if it is that."""
        point = self.at(theta)
        assert isinstance(point, L1Point)
        return point

    def _separated(self, theta: Tensor) -> Degeneracy | None:
        """By coefficients that are not penalised alone."""
        is_free = self.penalties.absolute + self.penalties.square == 0
        places = torch.from_numpy(np.flatnonzero(is_free)).to(theta.device)
        columns = places[places < self.num_features]
        # Whether a bias alone runs away is told exactly, whatever the unit of the targets.
        if not len(places) or (not len(columns) and escaping_bias(self.centred.glm, theta) is None):
            return None
        part = self.centred.on_columns(columns) if len(columns) < self.num_features else self.centred
        fact = part.degeneracy(theta[places].double())
        if fact is None or fact.kind != "separated" or fact.direction is None:
            return None
        direction = torch.zeros_like(theta, dtype=torch.float64)
        direction[places] = fact.direction
        return Degeneracy("separated", f"by what is not penalised {fact.message}", direction)

    def distance_bound(self, theta: Tensor, gradient: Tensor, hessian: Tensor | None) -> float | None:
        """None is known."""
        return None
