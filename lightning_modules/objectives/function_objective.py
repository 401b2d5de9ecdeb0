"""Any twice differentiable function of torch as an objective."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.differentiation import recording
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.objective import Objective, Point
from lightning_modules.objectives.residual_curvature import ResidualCurvature
from lightning_modules.objectives.user_function import called, described, hint, is_real, unmoved

# Of so many parameters without a slope it is tried whether they do anything at all.
MOST_TRIED = 32


class _UserObjective(Objective):
    """A loss of which nothing is known beyond its derivatives."""

    def degeneracy(self, theta: Tensor, direction: Tensor | None = None) -> Degeneracy | None:
        """Parameters that change nothing around θ: unused, or of no effect there."""
        flat = (self.at(theta).gradient == 0).nonzero()[:, 0].tolist()
        idle = unmoved(self.value, theta, flat[:MOST_TRIED])
        if idle:
            # In a large unit all of these moves may be too short to show, but not to bend the loss.
            bends = self.at(theta).curvature("hessian").matrix().abs().amax(0)
            idle = tuple(j for j in idle if bends[j] == 0)
        if not idle:
            return None
        listed = ", ".join(f"theta[{j}]" for j in idle[:8]) + (", …" if len(idle) > 8 else "")
        return Degeneracy(
            "rank_deficient",
            f"the value does not change with {listed} around this point, so nothing tells where the minimum is: leave out of "
            "the start what the function does not use; what is rounded or compared has no slope",
            columns=idle,
        )


class FunctionObjective(_UserObjective):
    """A function of θ, minimised as it is: `minimise(FunctionObjective(rosenbrock), start)`.

    It is all loss and no model, f(θ) = θ, so its Gauss–Newton matrix is its Hessian; where that is indefinite, methods take
    the absolute values of its eigenvalues.

    Args:
        function: θ (p,) -> (), made of differentiable torch operations.

    Raises:
        ValueError: no function; at a point, one that returns something else or takes another θ.
    """

    is_split = False

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        check_callable("FunctionObjective", "function", function)
        self.function = function

    def value(self, theta: Tensor) -> Tensor:
        value = called(self.function, theta)
        if not isinstance(value, Tensor) or not is_real(value) or value.numel() != 1:
            raise ValueError(
                f"the function returned {described(value)}{hint(value)}: a FunctionObjective takes a function (p,) -> () of "
                "torch; for residuals (n,) use LeastSquares"
            )
        return value.reshape(())

    def outputs(self, theta: Tensor) -> Tensor:
        return theta

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.value(outputs)


class LeastSquares(_UserObjective):
    """1/n Σ_i ½ r_i(θ)²: half the mean square of any residuals, `minimise(LeastSquares(residuals), start)`.

    Its Gauss–Newton matrix is JᵀJ / n, J = ∂r/∂θ. Fitting a curve y ≈ f(t; θ), the residuals are f(t; θ) − y.

    Where each residual follows from a row of data alone, J is formed many times faster from its rows:
    `LeastSquares(residual, rows=t)`, residual(θ, t_i) being that of one row.

    Args:
        residuals: θ (p,) -> r (n,), made of differentiable torch operations; with rows (θ (p,), row) -> r () or (k,), which
            `torch.vmap` calls for many rows at once, so that derivatives within are to be those of `torch.func`.
        rows: (n, …), a row of data for each call, or a tuple of such tensors, of which a row is a tuple; None = the residuals
            know their rows.

    Raises:
        ValueError: no function; no rows, or not as many in each tensor; at a point, a function that returns something else, not
            a single residual, or takes another θ.
    """

    infimum = 0.0

    def __init__(self, residuals: Callable[..., Tensor], rows: Tensor | tuple[Tensor, ...] | None = None) -> None:
        check_callable("LeastSquares", "residuals", residuals)
        if rows is not None:
            check_rows(rows)
        self.residuals, self.rows = residuals, rows

    @property
    def is_by_rows(self) -> bool:
        """Whether the residuals are given for a row."""
        return self.rows is not None

    def point(self, theta: Tensor) -> Point:
        return _ResidualPoint(self, theta)

    def jacobians(self, theta: Tensor, rows_at_a_time: int) -> Iterator[Tensor]:
        """∂r/∂θ at θ (p,) of residuals by rows, in the order of these, so many rows of data at a time: (m, p) each."""
        of_rows = vmap(jacrev(self.residuals), in_dims=(None, 0))

        def of_part(rows: Tensor | tuple[Tensor, ...], theta: Tensor) -> object:
            return of_rows(theta, rows)

        columns = self.rows if isinstance(self.rows, tuple) else (self.rows,)
        for parts in zip(*(column.split(rows_at_a_time) for column in columns if column is not None), strict=True):
            with recording():
                jacobian = called(partial(of_part, parts if isinstance(self.rows, tuple) else parts[0]), theta)
            assert isinstance(jacobian, Tensor)
            yield jacobian.detach().reshape(-1, len(theta))

    def value(self, theta: Tensor) -> Tensor:
        return self.output_loss(self.outputs(theta))

    def outputs(self, theta: Tensor) -> Tensor:
        residuals = called(self._all, theta)
        if not isinstance(residuals, Tensor) or not is_real(residuals) or residuals.ndim == 0:
            raise ValueError(
                f"the residuals are {described(residuals)}{hint(residuals)}: LeastSquares takes a function (p,) -> (n,) of "
                "torch, n ≥ 1; for a function (p,) -> () use FunctionObjective"
            )
        if residuals.numel() == 0:
            raise ValueError(
                f"the residuals are {described(residuals)}, of no row: LeastSquares takes a function (p,) -> (n,), n ≥ 1; "
                "check that the data are not empty"
            )
        if residuals.ndim == 2 and residuals.shape[0] == residuals.shape[1] > 1:
            raise ValueError(
                f"the residuals are {described(residuals)}, each of one row less each of another: subtract (n,) from "
                "(n,), not from (n, 1); LeastSquares takes a function (p,) -> (n,)"
            )
        return residuals.reshape(-1, 1)

    def _all(self, theta: Tensor) -> object:
        """What the function returns for all rows."""
        if self.rows is None:
            return self.residuals(theta)
        residuals = vmap(self.residuals, in_dims=(None, 0))(theta, self.rows)
        return residuals.reshape(-1) if isinstance(residuals, Tensor) else residuals

    def output_loss(self, outputs: Tensor) -> Tensor:
        return 0.5 * outputs.square().mean()

    def non_finite_part(self, theta: Tensor) -> str | None:
        with torch.no_grad():
            residuals = self.outputs(theta)[:, 0]
        bad = (~torch.isfinite(residuals)).nonzero()[:, 0].tolist()
        if not bad:
            return None
        more = f" ({len(bad)} of them are not finite)" if len(bad) > 1 else ""
        return f"residual {bad[0]} of {len(residuals)} is {float(residuals[bad[0]]):g}{more}"


class _ResidualPoint(Point):
    """θ, with a curvature that knows its rows."""

    objective: LeastSquares

    def make_curvature(self, kind: Kind) -> ResidualCurvature:
        return ResidualCurvature(self, kind, self.objective)


def check_rows(rows: object) -> None:
    """Refuse what are no rows of data.

    Raises:
        ValueError: no tensor, no tuple of tensors of equal length, or no row.
    """
    columns = rows if isinstance(rows, tuple) else (rows,)
    lengths = {len(column) if isinstance(column, Tensor) and column.ndim else 0 for column in columns}
    if len(lengths) != 1 or 0 in lengths:
        described = ", ".join(str(tuple(c.shape)) if isinstance(c, Tensor) else type(c).__name__ for c in columns)
        raise ValueError(f"LeastSquares(rows) got {described or 'nothing'}: give a tensor (n, …), n ≥ 1, or a tuple of such")


def check_callable(who: str, what: str, given: object) -> None:
    """Refuse what cannot be called.

    Raises:
        ValueError: it is no function.
    """
    if not callable(given):
        raise ValueError(f"{who}({what}) got no function but {type(given).__name__}: give one of θ, such as lambda theta: …")
