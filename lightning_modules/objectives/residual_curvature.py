r"""The curvature of least squares: JᵀJ/n, J = ∂r/∂θ (n, p), which is formed once if it is small.

J of residuals r(θ) (n,)               a backward pass through all rows for each of them
J of residuals r(θ, row)               ∂r/∂θ of each row, of many rows at once
"""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from lightning_modules.objectives.curvature import Curvature, Place
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.once import once
from lightning_modules.objectives.recorded_parts import Loss
from lightning_modules.objectives.room import refuse_without_room
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time

# J is kept at a point up to this size; what the rows that are differentiated at once leave behind is about so many of theirs.
KEPT_BYTES = 2**29
CACHE_NUMBERS, COPIES = 2**22, 16


class Residuals(Loss, Protocol):
    """What is asked of the objective, see `LeastSquares`."""

    @property
    def is_by_rows(self) -> bool: ...

    def jacobians(self, theta: Tensor, rows_at_a_time: int) -> Iterator[Tensor]: ...


class ResidualCurvature(Curvature):
    """Hessian or Gauss–Newton matrix of ½ the mean of squared residuals.

    Args:
        point: where.
        kind: "hessian" or "ggn".
        objective: whose residuals they are.
    """

    def __init__(self, point: Place, kind: Kind, objective: Residuals) -> None:
        super().__init__(point, kind)
        self.residuals = objective

    @property
    def knows_rows(self) -> bool:
        return True

    @once
    def matrix(self) -> Tensor:
        if self.kind == "hessian" or not self.residuals.is_by_rows:
            return super().matrix()
        refuse_without_room(len(self.theta), self.theta)
        matrix = self.theta.new_zeros(len(self.theta), len(self.theta))
        for jacobian in self._jacobians():
            matrix.addmm_(jacobian.T, jacobian)
        return matrix / self.num_factor_rows

    @once
    def diagonal(self) -> Tensor:
        if self.kind == "hessian" or not self.residuals.is_by_rows:
            return super().diagonal()
        return torch.stack([jacobian.square().sum(0) for jacobian in self._jacobians()]).sum(0) / self.num_factor_rows

    @property
    def has_diagonal(self) -> bool:
        return (self.kind == "ggn" and self.residuals.is_by_rows) or super().has_diagonal

    @once
    def scale(self) -> Tensor:
        return self.diagonal().abs() if self.kind == "ggn" and self.residuals.is_by_rows else super().scale()

    def jacobian_rows(self) -> Tensor:
        if not self.residuals.is_by_rows:
            return super().jacobian_rows()
        return torch.cat(list(self._jacobians())) / self.num_factor_rows**0.5

    def _jacobians(self) -> Iterator[Tensor]:
        """J, some rows at a time."""
        numbers = self.num_factor_rows * len(self.theta)
        if self.theta.element_size() * numbers <= KEPT_BYTES:
            yield self._jacobian()
        else:
            yield from self._new_jacobians()

    @once
    def _jacobian(self) -> Tensor:
        return torch.cat(list(self._new_jacobians()))

    def _new_jacobians(self) -> Iterator[Tensor]:
        numbers = len(self.theta)
        rows = rows_at_a_time(self.theta.device, CACHE_NUMBERS // numbers, 8 * COPIES * numbers)
        return self.residuals.jacobians(self.theta, rows)
