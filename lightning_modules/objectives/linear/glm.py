"""A generalised linear model on rows: what is summed over them, divided once, and penalised."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.objectives.common_shifts import common_shifts
from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.linear.layout import Layout
from lightning_modules.objectives.linear.linear_dependence import dependent_columns
from lightning_modules.objectives.linear.per_row import PerRow
from lightning_modules.objectives.linear.rows import Rows


@dataclass(frozen=True)
class GLM:
    """z_i = W x_i + b under a family's loss, over the rows of all processes, with the penalty λ/2 ‖W‖².

    Attributes:
        family: loss, mean function and curvature of a row's predictors.
        rows: features and checked targets.
        l2: λ ≥ 0.
    """

    family: Family
    rows: Rows
    l2: float

    @property
    def layout(self) -> Layout:
        """How W and b lie in θ."""
        return Layout(self.family.num_outputs, self.rows.num_features, self.rows.has_constant)

    @cached_property
    def dependent_columns(self) -> tuple[int, ...]:
        """Features that depend linearly on the bias and the ones before them."""
        return dependent_columns(self.rows)

    def mean(self, sums: Tensor) -> Tensor:
        """Sums over this process's rows -> means over all rows."""
        return self.rows.reduction(sums) / self.rows.weight

    def mean_of_targets(self, of: Callable[[Tensor], Tensor]) -> Tensor:
        """The mean over all rows of a function of their targets, as the family takes these: (n, …) -> (…).

        Weights are the family's to multiply by.
        """
        return self.mean(self.rows.sum_of_targets(of))

    # -- what rows have, told from their targets as the family takes them ------------------------------------------------

    def weights_of(self, y: Tensor) -> Tensor:
        """w (n, 1) in float64, 1 without weights."""
        if isinstance(self.family, PerRow):
            return self.family.weights(y)[:, None]
        return y.new_ones(len(y), 1, dtype=torch.float64)

    def own_targets(self, y: Tensor) -> Tensor:
        """y without weights and offset."""
        return self.family.own(y) if isinstance(self.family, PerRow) else y

    def moved(self, z: Tensor, y: Tensor) -> Tensor:
        """z with the offset (n, K)."""
        return self.family.moved(z, y) if isinstance(self.family, PerRow) else z

    def penalty(self, theta: Tensor) -> Tensor:
        """λ/2 ‖W‖²: (p,) -> ()."""
        return 0.5 * self.l2 * self.layout.weights_of(theta).square().sum()

    def invariant_directions(self, theta: Tensor) -> Tensor:
        """The common shifts of W and b, for a family that they leave alone: (p,) -> (p, k)."""
        if not self.family.shift_invariant:
            return theta.new_zeros(len(theta), 0)
        return common_shifts(self.layout.split(theta)[0], self.l2 > 0, self.layout.has_bias)
