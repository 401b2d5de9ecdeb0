r"""A generalised linear model: a linear predictor below, a family's pointwise loss above.

    z_i = W x_i + b                                          (K,)
    value(θ)    = 1/n Σ_i l(z_i, y_i) + λ/2 ‖W‖²             ()

Its derivatives in closed form: `glm_point.py`, `glm_curvature.py`.
"""

import math
from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import cast

from torch import Tensor
from typing_extensions import Self

from lightning_modules.counting import counted
from lightning_modules.objectives.columns import Columns
from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.linear.existence import escaping_bias, leaving_still, separates, separating_alone
from lightning_modules.objectives.linear.glm import GLM
from lightning_modules.objectives.linear.glm_point import GLMPoint
from lightning_modules.objectives.linear.layout import Layout
from lightning_modules.objectives.linear.linear_dependence import least_distance, told_dependence
from lightning_modules.objectives.linear.row_terms import row_terms, rows_that_count, with_terms
from lightning_modules.objectives.linear.rows import Rows
from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.reduction import Reduction, this_process

# Above so many parameters a bound on the distance, which takes all eigenvalues of the Hessian, is not worth its cost.
MOST_BOUNDED = 2048


class GLMObjective(Objective):
    """Mean loss of a generalised linear model plus λ/2 ‖W‖²; the bias is not penalised.

    θ (p,) = (W (K, d) row by row, b (K,)), p = K (d + 1): the layout of `torch.nn.Linear(d, K)`.

    Args:
        family: pointwise loss of the linear predictor.
        features: X (n, d), this process's rows: a tensor or a memory-mapped one; may be empty on some processes. With columns,
            what is stored of them (n, c).
        targets: y, as `family.check` takes them.
        l2: λ ≥ 0.
        reduction: sums over processes; `this_process` if all rows are here.
        chunk_rows: rows per chunk; by default as many as `Rows` says.
        weights: w (n,) ≥ 0: the loss is  Σ w_i l_i / Σ w_i, as if row i were there w_i times; None = 1 each.
        offset: o (n,) or (n, K): what is added to the predictors of a row; None = 0.
        intercept: whether there is a bias b. Without one θ is W alone.
        columns: what features are stored as, as codes for example; None = as they are.

    Attributes:
        num_given: rows that this process was given.
        kept: which of these have a weight above 0 (num_given,); None = all.

    Raises:
        ValueError: targets that do not suit the family, features and targets of different length, no row at all, weights or an
            offset of another shape or that are not finite, a negative weight, no weight above 0.
    """

    is_convex = True

    def __init__(
        self,
        family: Family,
        features: Tensor,
        targets: Tensor,
        l2: float = 0.0,
        reduction: Reduction = this_process,
        chunk_rows: int | None = None,
        weights: Tensor | None = None,
        offset: Tensor | None = None,
        intercept: bool = True,
        columns: Columns | None = None,
    ) -> None:
        if len(features) != len(targets):
            raise ValueError(
                f"{counted(len(features))} of features but {counted(len(targets), 'target')}: they must match row by row"
            )
        self.family, outputs = family, family.num_outputs
        targets, terms = family.check(targets), row_terms(len(features), outputs, weights, offset, reduction)
        self.num_given, self.kept = len(features), rows_that_count(terms)
        if (kept := self.kept) is not None:
            features, targets, terms = features[kept], targets[kept], terms.of(kept)
        rows = Rows(features, targets, reduction, chunk_rows, outputs, None, terms, intercept, columns)
        self.glm = GLM(with_terms(family, terms, targets), rows, l2)

    @property
    def l2(self) -> float:
        """λ."""
        return self.glm.l2

    @property
    def rows(self) -> Rows:
        """Features and targets, in chunks."""
        return self.glm.rows

    @property
    def layout(self) -> Layout:
        """How W and b lie in θ."""
        return self.glm.layout

    @property
    def features(self) -> Tensor:
        """X (n, d) of this process, or what is stored of it."""
        return self.rows.features

    @property
    def targets(self) -> Tensor:
        """y of this process, as the family's methods take them, without weights and offsets."""
        return self.rows.targets

    @property
    def num_rows(self) -> int:  # type: ignore[override]
        """n, over all processes."""
        return self.rows.num_rows

    @cached_property
    def unit(self) -> float:  # type: ignore[override]
        """Of the family's loss on these targets."""
        return self.glm.family.unit(self.glm.mean_of_targets)

    @property
    def num_features(self) -> int:
        """d."""
        return self.rows.num_features

    @property
    def is_quadratic(self) -> bool:  # type: ignore[override]
        return self.family.self_concordance == 0

    def with_l2(self, l2: float) -> Self:
        """The same rows under another penalty, sharing what has been computed of them."""
        return self._on(replace(self.glm, l2=l2))

    def every_kth(self, k: int) -> Self:
        return self if k == 1 else self._on(replace(self.glm, rows=self.rows.every_kth(k)))

    def on_columns(self, columns: Tensor) -> Self:
        """The same rows with some of the features alone, given by their places (k,): copied, in float64."""
        return self._on(replace(self.glm, rows=self.rows.of(columns=columns)))

    def on_rows(self, rows: Tensor) -> Self:
        """Some of this process's rows, given by their places (m,): copied."""
        return self._on(replace(self.glm, rows=self.rows.of(rows=rows)))

    @property
    def rows_per_parameter(self) -> float:
        # A row says something about each of its predictors.
        return self.num_rows / (self.num_features + 1)

    def _on(self, glm: GLM) -> Self:
        other = copy(self)
        other.glm, other._last = glm, None
        vars(other).pop("unit", None)
        return other

    # -- the loss, as a function to be differentiated ------------------------------------------------------------------

    def value(self, theta: Tensor) -> Tensor:
        weight, bias = self.layout.split(theta)
        losses = theta.new_zeros(())
        for x, y in self.rows.chunks(theta.dtype):
            losses = losses + self.glm.family.loss(self.rows.columns.product(x, weight, bias), y).sum()
        return self.glm.mean(losses) + self.penalty(theta)

    def outputs(self, theta: Tensor) -> Tensor:
        weight, bias = self.layout.split(theta)
        return self.rows.columns.product(self.features.to(theta), weight, bias)

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.glm.mean(self.glm.family.loss(outputs, self.rows.all_targets).sum())

    def penalty(self, theta: Tensor) -> Tensor:
        return self.glm.penalty(theta)

    def point(self, theta: Tensor) -> GLMPoint:
        return GLMPoint(self, self.glm, theta)

    def at(self, theta: Tensor) -> GLMPoint:
        return cast(GLMPoint, super().at(theta))

    # -- what is proved about it ---------------------------------------------------------------------------------------

    def at_full_precision(self, theta: Tensor) -> GLMPoint:
        return self.at(theta.double())

    def invariant_directions(self, theta: Tensor) -> Tensor:
        return self.glm.invariant_directions(theta)

    def attains_minimum(self, theta: Tensor, decrement: float, hessian: Tensor | None) -> bool:
        """Certain with a penalty if no class is missing; else where a bound on the distance to the minimiser is finite.

        That proves columns independent as the numbers are. Those that their last places keep apart are refused too: what is
        left of exactly dependent ones by standardising.
        """
        if self.l2 > 0:
            return escaping_bias(self.glm, theta) is None
        if len(theta) > MOST_BOUNDED:
            return False
        point = self.at_full_precision(theta)
        is_certain = math.isfinite(point.distance.norm)
        return is_certain and (self._is_clearly_regular(point) or not self.glm.dependent_columns)

    def attains_partial_minimum(self, theta: Tensor, decrement: float, hessian: Tensor | None) -> bool:
        """As `attains_minimum`, by the bound on third derivatives, which holds along some of the parameters as along all."""
        if self.l2 > 0:
            return escaping_bias(self.glm, theta) is None
        if len(theta) > MOST_BOUNDED:
            return False
        point = self.at_full_precision(theta)
        return point.root is not None and decrement * point.concordance <= 0.5

    def _is_clearly_regular(self, point: GLMPoint) -> bool:
        apart = least_distance(self.rows.num_columns, self.rows.rounding)
        return point.root is not None and 2 * apart * point.root.largest < 1

    def degeneracy(self, theta: Tensor, direction: Tensor | None = None) -> Degeneracy | None:
        """Classes separated along θ or `direction`, or linearly dependent features."""
        given = [each for each in (theta, direction, escaping_bias(self.glm, theta)) if each is not None]
        # Looked at last, since it takes a factorisation of rows; a penalty leaves nothing of it.
        for candidate in chain(given, leaving_still(self.glm, given) if self.l2 == 0 else ()):
            if (separating := separates(self.glm, candidate)) is not None:
                alone = separating_alone(self.glm, separating)
                why = f"{self.family.separation}, so the loss falls forever along one direction"
                if bool(self.layout.weights_of(alone).any()):  # an intercept is not penalised
                    why += f" ({self.family.remedy} ends that)"
                return Degeneracy("separated", why, direction=alone)
        if self.l2 == 0 and (columns := self.glm.dependent_columns):
            return Degeneracy("rank_deficient", told_dependence(self.rows, columns), columns=columns)
        return None

    def distance_bound(self, theta: Tensor, gradient: Tensor, hessian: Tensor | None) -> float | None:
        """Where p is not large."""
        if len(theta) > MOST_BOUNDED:
            return None
        return self.at_full_precision(theta).distance.norm

    def remark(self, theta: Tensor) -> str:
        """How many digits the data allow: changes of the numbers in their last place change coefficients by κ times as much."""
        root = None if len(theta) > MOST_BOUNDED else self.at_full_precision(theta).root
        if root is None or root.is_short:
            return ""
        condition = root.condition
        digits = max(0, math.floor(-math.log10(condition * self.rows.rounding)))
        return f"the scaled columns have condition number {condition:.0e}: coefficients carry about {digits} digits"
