r"""C = MᵀM + Λ with fewer rows in M than parameters: systems of p unknowns by a matrix of the rows' inner products.

    (MᵀM + R)⁻¹ b = R⁻¹ (b − Mᵀu),     K u = M R⁻¹ b,     K = I + M R⁻¹ Mᵀ  (m, m),     R = Λ + ridge

Where R is 0 at some places F (intercepts and biases, which no penalty holds, in an undamped step), these unknowns are
eliminated last, with B = M_F their columns and R⁻¹ = 0 there:

    Bᵀ K⁻¹B x_F = b_F − Bᵀ K⁻¹ M R⁻¹ b,     K u = M R⁻¹ b + B x_F

Where R is small beside MᵀM, b and Mᵀu cancel. One step of iterative refinement with the residual of the whole system brings
the digits back which that has cost beyond what the condition of C + R takes of any solution.

Sources: M. Woodbury, Inverting modified matrices (1950); N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.
(2002), chapter 12, for the refinement.
"""

import torch
from torch import Tensor

from lightning_modules.counting import counted
from lightning_modules.solvers.cholesky import Cholesky, SingularCurvatureError, cholesky
from lightning_modules.solvers.factor_rows import FactorRows
from lightning_modules.solvers.solver import Solver
from lightning_modules.solvers.stored_rows import StoredRows

REFINEMENTS = 1


class WoodburySolver(Solver):
    """C = MᵀM + Λ, solved exactly in the space of M's rows.

    Args:
        rows: M (m, p), m < p.
        penalty: the diagonal of Λ (p,), ≥ 0.
        invariant: orthonormal directions (p, k) along which the loss never changes, see `completed`.
        awaited: as in `DenseSolver`.
    """

    is_exact = True

    def __init__(self, rows: FactorRows, penalty: Tensor, invariant: Tensor, awaited: bool = True) -> None:
        self.rows, self.penalty, self.awaited = rows, penalty.double(), awaited
        self._diagonal = rows.squares() + self.penalty
        self._completed = _with_directions(rows, self._diagonal, invariant.double())
        self._last: tuple[Tensor | float, _Factorised] | None = None

    def solve(self, rhs: Tensor, ridge: Tensor | float) -> Tensor:
        # To find a damping, two systems in turn are solved with the same one.
        if self._last is None or self._last[0] is not ridge:
            self._last = ridge, self._factorised(ridge)
        return self._last[1].solve(rhs.double())

    def quadratic_form(self, s: Tensor) -> Tensor:
        s = s.double()
        return self.rows.times(s).square().sum() + self.penalty @ s.square()

    def diagonal(self) -> Tensor:
        return self._diagonal

    def _factorised(self, ridge: Tensor | float) -> "_Factorised":
        damped = self.penalty + ridge
        p = len(damped)
        # There are directions along which R alone counts, as there are fewer rows than parameters: it must outweigh rounding.
        share = (damped / torch.where(damped > 0, self._diagonal + ridge, 1.0)).median()
        free = (damped == 0).nonzero()[:, 0]
        if len(free) > self._completed.num_rows or not bool(share > 10 * p * torch.finfo(torch.float64).eps):
            raise SingularCurvatureError(
                f"the curvature of {counted(p, 'parameter')} follows from {counted(self.rows.num_rows)}, so "
                "it is singular without damping: "
                "use damping='adaptive', a damping > 0 or an l2 > 0"
            )
        return _Factorised(self._completed, damped, free, self.awaited)


class _Factorised:
    """MᵀM + R, ready to be divided by.

    Args:
        rows: M (m, p).
        damped: the diagonal of R (p,).
        free: F, where R is 0 (q,).
        awaited: as in `WoodburySolver`.
    """

    def __init__(self, rows: FactorRows, damped: Tensor, free: Tensor, awaited: bool) -> None:
        self.rows, self.damped, self.free = rows, damped, free
        self.inverse = torch.where(damped > 0, 1 / damped, 0.0)
        kernel = rows.gram(self.inverse)
        kernel.diagonal().add_(1.0)
        self.kernel = cholesky(kernel, awaited)
        self.columns: Tensor | None = None
        self.schur: Cholesky | None = None
        if len(free):
            self.columns = rows.columns(free)
            schur = self.columns.T @ self.kernel.solve_all(self.columns)
            self.schur = cholesky((schur + schur.T) / 2, awaited)

    def solve(self, rhs: Tensor) -> Tensor:
        """(MᵀM + R)⁻¹ rhs: (p,) -> (p,)."""
        x = self._once(rhs)
        for _ in range(REFINEMENTS):
            x = x + self._once(rhs - self.rows.transposed(self.rows.times(x)) - self.damped * x)
        return x

    def _once(self, b: Tensor) -> Tensor:
        image = self.rows.times(self.inverse * b)
        if self.columns is None or self.schur is None:
            return self.inverse * (b - self.rows.transposed(self.kernel.solve(image)))
        unpenalised = self.schur.solve(b[self.free] - self.columns.T @ self.kernel.solve(image))
        u = self.kernel.solve(image + self.columns @ unpenalised)
        return (self.inverse * (b - self.rows.transposed(u))).index_copy(0, self.free, unpenalised)


class _RowsAndMore(FactorRows):
    """M with a few rows more.

    Args:
        rows: M (m, p).
        more: further rows (k, p).
    """

    def __init__(self, rows: FactorRows, more: StoredRows) -> None:
        self.parts: tuple[FactorRows, StoredRows] = (rows, more)

    @property
    def num_rows(self) -> int:
        return sum(part.num_rows for part in self.parts)

    def times(self, v: Tensor) -> Tensor:
        return torch.cat([part.times(v) for part in self.parts])

    def transposed(self, u: Tensor) -> Tensor:
        first, second = u.split([part.num_rows for part in self.parts])
        return self.parts[0].transposed(first) + self.parts[1].transposed(second)

    def gram(self, weights: Tensor) -> Tensor:
        rows, more = self.parts
        between = torch.stack([rows.times(weights * row) for row in more.rows], 1)
        return torch.cat([torch.cat([rows.gram(weights), between], 1), torch.cat([between.T, more.gram(weights)], 1)])

    def columns(self, places: Tensor) -> Tensor:
        return torch.cat([part.columns(places) for part in self.parts])

    def squares(self) -> Tensor:
        return self.parts[0].squares() + self.parts[1].squares()


def _with_directions(rows: FactorRows, diagonal: Tensor, directions: Tensor) -> FactorRows:
    """M with further rows LᵀVᵀ, LLᵀ = Vᵀ diag(C) V, so that MᵀM is completed along k directions V (p, k), see `completed`."""
    if directions.shape[1] == 0:
        return rows
    values, vectors = torch.linalg.eigh(directions.T @ (diagonal[:, None] * directions))
    return _RowsAndMore(rows, StoredRows((directions @ (vectors * values.clamp_min(0).sqrt())).T))
