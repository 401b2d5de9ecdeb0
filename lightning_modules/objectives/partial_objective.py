r"""A loss as a function of some of its parameters, the others held where they are.

    θ = E φ + θ₀        φ (q,) what trains, E the q columns of the identity that belong to it, θ₀ (p,) the rest

    value(φ) = F(E φ + θ₀),    gradient = Eᵀ ∇F,    curvature = Eᵀ C E

so that whatever a closed form of F knows is used: rows of its gradient, a submatrix of its curvature.
"""

from functools import cached_property

import torch
from torch import Tensor
from typing_extensions import Self

from lightning_modules.objectives.curvature import Curvature, Place
from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.kronecker import KroneckerCurvature, Sharing
from lightning_modules.objectives.objective import Objective, Point
from lightning_modules.objectives.once import once
from lightning_modules.objectives.partial_rows import PartialRows

# A direction counts as one of what trains if so little of it lies elsewhere.
ROUNDING = 1e-8


class PartialObjective(Objective):
    """An objective as a function of the parameters at some places of θ.

    What is proved of the whole loss at its minimiser is not proved here, so there is no bound on a distance; that a
    minimiser exists at all, and that classes are separated, carries over.

    Args:
        whole: F.
        theta: θ₀ (p,), of which the entries at `places` are of no account.
        places: where the q parameters that train stand in θ (q,), whole numbers.
    """

    def __init__(self, whole: Objective, theta: Tensor, places: Tensor) -> None:
        self.whole, self.places = whole, places
        self.base = theta.detach().clone()
        self.base[places] = 0.0
        self.is_sample, self.is_convex, self.is_quadratic = whole.is_sample, whole.is_convex, whole.is_quadratic
        self.num_rows, self.is_redundant, self.infimum = whole.num_rows, whole.is_redundant, whole.infimum
        self.has_convex_outputs = whole.has_convex_outputs
        if whole.has_kinks:
            raise ValueError("l1 on some coefficients while others are frozen: leave none frozen, or give l2 alone")

    @property
    def unit(self) -> float | None:  # type: ignore[override]
        """Of the whole loss."""
        return self.whole.unit

    def embedded(self, phi: Tensor) -> Tensor:
        """θ = E φ + θ₀: (q,) -> (p,)."""
        return self.base.to(phi).index_copy(0, self.places, phi)

    def spread(self, v: Tensor) -> Tensor:
        """E v, with zeros where nothing trains: (…, q) -> (…, p)."""
        return v.new_zeros(*v.shape[:-1], len(self.base)).index_copy(-1, self.places, v)

    def picked(self, v: Tensor) -> Tensor:
        """Eᵀ v: (…, p) -> (…, q)."""
        return v.index_select(-1, self.places)

    # -- the loss, as a function to be differentiated ------------------------------------------------------------------

    def value(self, theta: Tensor) -> Tensor:
        return self.whole.value(self.embedded(theta))

    def outputs(self, theta: Tensor) -> Tensor:
        return self.whole.outputs(self.embedded(theta))

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.whole.output_loss(outputs)

    def penalty(self, theta: Tensor) -> Tensor:
        return self.whole.penalty(self.embedded(theta))

    def own_total(self) -> tuple[Tensor, int] | None:
        return self.whole.own_total()

    @property
    def is_split(self) -> bool:
        return self.whole.is_split

    @property
    def has_hessian(self) -> bool:
        return self.whole.has_hessian

    def point(self, theta: Tensor) -> "_PartialPoint":
        return _PartialPoint(self, theta)

    def at_full_precision(self, theta: Tensor) -> Point:
        return self.at(self.picked(self.whole.at_full_precision(self.embedded(theta)).theta))

    def as_sample(self) -> Self:
        return self._of(self.whole.as_sample())

    def _of(self, whole: Objective) -> Self:
        return type(self)(whole, self.base, self.places)

    # -- what is known of it -------------------------------------------------------------------------------------------

    def every_kth(self, k: int) -> Self | None:
        rows = self.whole.every_kth(k)
        return None if rows is None else self._of(rows)

    @property
    def num_factors(self) -> int:
        return self.whole.num_factors

    def drawn(self, draws: int, seed: int) -> Self | None:
        whole = self.whole.drawn(draws, seed)
        return None if whole is None else self._of(whole)

    def in_proportion(self, point: Point, k: int, seed: int) -> Point | None:
        assert isinstance(point, _PartialPoint)
        whole = self.whole.in_proportion(point.whole, k, seed)
        return None if whole is None else self._of(whole.objective).point(point.theta)

    @property
    def rows_per_parameter(self) -> float:
        return self.whole.rows_per_parameter

    def pooled(self, diagonal: Tensor) -> Tensor:
        """As the whole loss pools it where all parameters train, in another order; of some of them it cannot be known."""
        if len(self.places) < len(self.base):
            return super().pooled(diagonal)
        return self.picked(self.whole.pooled(self.spread(diagonal)))

    def invariant_directions(self, theta: Tensor) -> Tensor:
        """Those of the whole loss that leave alone what does not train."""
        whole = self.whole.invariant_directions(self.embedded(theta))
        if whole.shape[1] == 0:
            return theta.new_zeros(len(theta), 0)
        elsewhere = whole.clone()
        elsewhere[self.places] = 0.0
        _, sizes, mixtures = torch.linalg.svd(elsewhere, full_matrices=False)
        return self.picked((whole @ mixtures[sizes <= ROUNDING].T).T).T

    def degeneracy(self, theta: Tensor, direction: Tensor | None = None) -> Degeneracy | None:
        """That classes are separated: along a direction of what trains, wherever the rest stands."""
        candidate = None if direction is None else self.spread(direction)
        found = self.whole.degeneracy(self.spread(theta), candidate)
        if found is None or found.direction is None:
            return None
        if not torch.allclose(self.spread(self.picked(found.direction)), found.direction, atol=ROUNDING):
            return None
        return Degeneracy(found.kind, found.message, direction=self.picked(found.direction))

    def attains_minimum(self, theta: Tensor, decrement: float, hessian: Tensor | None) -> bool:
        return self.whole.attains_partial_minimum(self.embedded(theta), decrement, hessian)

    def non_finite_part(self, theta: Tensor) -> str | None:
        return self.whole.non_finite_part(self.embedded(theta))


class _PartialPoint(Point):
    """φ, with the point of the whole loss that it stands for."""

    objective: PartialObjective

    def __init__(self, objective: PartialObjective, theta: Tensor) -> None:
        super().__init__(objective, theta)
        self.whole = objective.whole.point(objective.embedded(self.theta))

    @cached_property
    def value(self) -> Tensor:
        return self.whole.value

    @cached_property
    def gradient(self) -> Tensor:
        return self.objective.picked(self.whole.gradient)

    def make_curvature(self, kind: Kind) -> "_PartialCurvature":
        return _PartialCurvature(self, kind)


class _PartialCurvature(Curvature):
    """Eᵀ C E."""

    def __init__(self, point: _PartialPoint, kind: Kind) -> None:
        super().__init__(point, kind)
        self.part, self.whole = point.objective, point.whole.curvature(kind)

    def product(self, v: Tensor) -> Tensor:
        return self.part.picked(self.whole.product(self.part.spread(v)))

    @once
    def matrix(self) -> Tensor:
        part, size = self.part, len(self.theta)
        if len(part.base) <= 2 * size:
            return part.picked(part.picked(self.whole.matrix()).T)
        # Of a few parameters among many the whole matrix would be far more than what is asked for.
        basis = torch.eye(size, dtype=self.theta.dtype, device=self.theta.device)
        return torch.stack([self.product(row) for row in basis])

    @once
    def diagonal(self) -> Tensor:
        return self.part.picked(self.whole.diagonal())

    @property
    def has_diagonal(self) -> bool:
        return self.whole.has_diagonal

    def diagonal_estimate(self, draws: int, seed: int) -> Tensor:
        return self.part.picked(self.whole.diagonal_estimate(draws, seed))

    def estimated_diagonal(self) -> Tensor:
        return self.part.picked(self.whole.estimated_diagonal())

    def form(self, directions: Tensor) -> Tensor:
        return self.whole.form(self.part.spread(directions))

    @property
    def knows_rows(self) -> bool:
        return self.whole.knows_rows

    @property
    def num_factor_rows(self) -> int:
        return self.whole.num_factor_rows

    def factor_rows(self) -> "PartialRows":
        return PartialRows(self.part, self.whole.factor_rows())

    def penalty_diagonal(self) -> Tensor:
        return self.part.picked(self.whole.penalty_diagonal())

    @once
    def scale(self) -> Tensor:
        return self.part.picked(self.whole.scale())

    def kronecker(self, sharing: Sharing = "expand") -> KroneckerCurvature:
        part = self.part
        return self.whole.kronecker(sharing).picked(part.places, len(part.base), self.whole.diagonal)

    def kronecker_of(self, drawn: Place) -> KroneckerCurvature:
        assert isinstance(drawn, _PartialPoint)
        part = self.part
        return self.whole.kronecker_of(drawn.whole).picked(part.places, len(part.base), drawn.whole.curvature("ggn").diagonal)

    def bend(self, step: Tensor) -> Tensor:
        return self.part.picked(self.whole.bend(self.part.spread(step)))
