"""The Hessian of a linear model as a matrix, solved by the root that the point has of it: one factorisation for both."""

from collections.abc import Callable

from torch import Tensor

from lightning_modules.objectives.linear.root import Root
from lightning_modules.solvers import DenseSolver


class RootSolver(DenseSolver):
    """H as a matrix, see `DenseSolver`, whose undamped systems take the root of it.

        H⁻¹ b = S R⁻¹ R⁻ᵀ S b

    Args:
        matrix, invariant, awaited: as in `DenseSolver`.
        root: of H, when it is asked for; None where it is singular.
        order: takes a vector laid out as θ to the root's order (p,).
    """

    def __init__(
        self, matrix: Tensor, invariant: Tensor, awaited: bool, root: Callable[[], Root | None], order: Tensor
    ) -> None:
        super().__init__(matrix, invariant, awaited=awaited)
        self._root, self._order = root, order

    def solve(self, rhs: Tensor, ridge: Tensor | float) -> Tensor:
        if isinstance(ridge, Tensor) or ridge or (root := self._root()) is None or root.is_from_rows or not root.is_short:
            return super().solve(rhs, ridge)
        solution = rhs.double().new_empty(len(rhs))
        solution[self._order] = root.divided(rhs.double()[self._order])
        return solution
