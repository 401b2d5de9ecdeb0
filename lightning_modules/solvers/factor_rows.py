"""A matrix M (m, p) of few long rows, as it is seen through the products in which it is used: it need not be formed."""

from abc import ABC, abstractmethod

from torch import Tensor


class FactorRows(ABC):
    """M of C = MᵀM + Λ: the rows of SJ, J the Jacobian of a model's outputs and SᵀS the curvature of the loss in them.

    Everything is in float64.
    """

    @property
    @abstractmethod
    def num_rows(self) -> int:
        """m."""

    @abstractmethod
    def times(self, v: Tensor) -> Tensor:
        """M v: (p,) -> (m,)."""

    @abstractmethod
    def transposed(self, u: Tensor) -> Tensor:
        """Mᵀu: (m,) -> (p,)."""

    @abstractmethod
    def gram(self, weights: Tensor) -> Tensor:
        """M diag(w) Mᵀ, the inner products of the rows: (p,) -> (m, m), a new tensor."""

    @abstractmethod
    def columns(self, places: Tensor) -> Tensor:
        """Some columns of M: whole numbers (q,) -> (m, q)."""

    @abstractmethod
    def squares(self) -> Tensor:
        """diag MᵀM (p,)."""
