r"""A family whose rows count several times, or have a known part of their predictor.

    l_i(z, y_i) = w_i l(z + o_i, y_i)           w_i > 0 the weight, o_i the offset of row i

A weight is a frequency: a row of weight 2 is two rows. The logarithm of an exposure is the offset of its count. Both stand
beside the targets, in columns of one tensor, so that a row keeps its own wherever rows are divided, moved or sampled.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_modules.objectives.double_double import Pair, two_product, two_sum
from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.families.pointwise_loss import MeanOf
from lightning_modules.objectives.mapped_pages import pieces


@dataclass(frozen=True)
class RowTerms:
    """What rows have besides features and targets.

    Attributes:
        weights: w (n, 1), positive; None = 1.
        offset: o (n, K) in the units of the predictors; None = 0.
    """

    weights: Tensor | None = None
    offset: Tensor | None = None

    @property
    def parts(self) -> tuple[Tensor | None, Tensor | None]:
        """Weights and offset."""
        return self.weights, self.offset

    def of(self, rows: slice | Tensor) -> "RowTerms":
        """Those of some rows."""
        return RowTerms(*(None if part is None else part[rows] for part in self.parts))

    def beside(self, targets: Tensor) -> Tensor:
        """(w | o | y), as far as there are any: checked targets (n, …) -> (n, m), floating-point."""
        parts = [part for part in (self.weights, self.offset) if part is not None]
        dtype = torch.promote_types(parts[0].dtype, targets.dtype) if targets.is_floating_point() else torch.float64
        return torch.cat([part.to(dtype) for part in (*parts, targets.reshape(len(targets), -1))], 1)

    def pieces_beside(self, targets: Tensor) -> Iterator[Tensor]:
        """`beside`, or the targets alone where there is nothing beside them, some rows at a time: see `mapped_pages.pieces`."""
        for y, *others in pieces(targets, *(part for part in self.parts if part is not None)):
            given = iter(others)
            terms = RowTerms(*(None if part is None else next(given) for part in self.parts))
            yield terms.beside(y) if terms else y

    def __bool__(self) -> bool:
        return self.weights is not None or self.offset is not None


class PerRow(Family):
    """As above, of targets (w | o | y).

    Args:
        family: l.
        has_weights: whether rows have weights.
        has_offset: whether they have offsets.
        targets: some checked targets of the family, for their shape and type.
    """

    def __init__(self, family: Family, has_weights: bool, has_offset: bool, targets: Tensor) -> None:
        super().__init__(family.num_outputs)
        self.family, self.has_weights, self.has_offset = family, has_weights, has_offset
        self.like = targets[:0]
        self.shift_invariant, self.has_units = family.shift_invariant, family.has_units
        self.self_concordance, self.has_row_weights = family.self_concordance, family.has_row_weights

    def check(self, targets: Tensor) -> Tensor:
        return targets

    @property
    def expected(self) -> Family:
        expected = self.family.expected
        return self if expected is self.family else PerRow(expected, self.has_weights, self.has_offset, self.like)

    def weights(self, y: Tensor) -> Tensor:
        """w (n,) in float64."""
        return y[:, 0].double() if self.has_weights else y.new_ones(len(y), dtype=torch.float64)

    def own(self, y: Tensor) -> Tensor:
        """The targets as the family takes them."""
        columns = y[:, self.has_weights + self.num_outputs * self.has_offset :]
        return (columns[:, 0] if self.like.ndim == 1 else columns).to(self.like.dtype)

    def moved(self, z: Tensor, y: Tensor) -> Tensor:
        """z + o (n, K)."""
        return z + self._offset(y).to(z.dtype) if self.has_offset else z

    def _offset(self, y: Tensor) -> Tensor:
        return y[:, self.has_weights :][:, : self.num_outputs]

    def _weighted(self, of_rows: Tensor, y: Tensor) -> Tensor:
        """w times what each row has: (n, …) -> (n, …)."""
        if not self.has_weights:
            return of_rows
        return of_rows * y[:, 0].to(of_rows.dtype).view(-1, *[1] * (of_rows.ndim - 1))

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        return self._weighted(self.family.loss(self.moved(z, y), self.own(y)), y)

    def mean(self, z: Tensor) -> Tensor:
        """Of rows without an offset."""
        return self.family.mean(z)

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        return self._weighted(self.family.gradient(self.moved(z, y), self.own(y)), y)

    def loss_and_gradient(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = self.family.loss_and_gradient(self.moved(z, y), self.own(y))
        return self._weighted(loss, y), self._weighted(gradient, y)

    def curvature(self, z: Tensor, y: Tensor) -> Tensor:
        return self._weighted(self.family.curvature(self.moved(z, y), self.own(y)), y)

    def curvature_diagonal(self, z: Tensor, y: Tensor) -> Tensor:
        return self._weighted(self.family.curvature_diagonal(self.moved(z, y), self.own(y)), y)

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return self._weighted(self.family.curvature_product(self.moved(z, y), self.own(y), v), y)

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        factor = self.family.curvature_factor(self.moved(z, y), self.own(y))
        return factor * y[:, :1].to(z.dtype).sqrt() if self.has_weights else factor

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        # An offset is nothing far out, and a weight changes no sign.
        return self.family.recession(z, self.own(y))

    def duality_gap(self, z: Tensor, y: Tensor, slope: Tensor) -> Tensor | None:
        slope = slope / y[:, :1].to(slope.dtype) if self.has_weights else slope
        gap = self.family.duality_gap(self.moved(z, y), self.own(y), slope)
        return None if gap is None else self._weighted(gap, y)

    def unit(self, mean_of: MeanOf) -> float:
        """Of the targets, as if there were no offsets."""
        return self.family.unit(lambda of: mean_of(lambda y: self._weighted(of(self.own(y)), y)))

    # -- for what is proved --------------------------------------------------------------------------------------------

    def local_self_concordance(self, z: Tensor, y: Tensor) -> Tensor:
        return self.family.local_self_concordance(self.moved(z, y), self.own(y))

    def sensitivity(self, z: Tensor, y: Tensor, errors: Tensor) -> Tensor:
        if self.has_offset:
            errors = errors + torch.finfo(z.dtype).eps * (z.abs() + self._offset(y).abs()).amax(1, keepdim=True)
        return self._weighted(self.family.sensitivity(self.moved(z, y), self.own(y), errors), y)

    def gradient_terms(self, z: Tensor, y: Tensor) -> Tensor:
        return self._weighted(self.family.gradient_terms(self.moved(z, y), self.own(y)), y)

    def precise_gradient(self, z: Pair, y: Tensor) -> Pair:
        if self.has_offset:
            hi, lo = two_sum(z.hi, self._offset(y).to(z.hi.dtype))
            z = Pair(hi, lo + z.lo)
        gradient = self.family.precise_gradient(z, self.own(y))
        if not self.has_weights:
            return gradient
        weights = y[:, :1].to(gradient.hi.dtype)
        hi, lo = two_product(gradient.hi, weights.expand_as(gradient.hi).contiguous())
        return Pair(hi, lo + weights * gradient.lo)
