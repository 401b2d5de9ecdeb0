r"""The curvature of an objective at a point, as a matrix, a diagonal, a quadratic form, products, or a solver.

    "hessian"   ∇² value
    "ggn"       JᵀHJ + ∇²r  of  value = ℓ(f(θ)) + r(θ),   J = ∂f/∂θ,  H = ∂²ℓ/∂f²       (generalised Gauss–Newton matrix)

`Curvature` itself is automatic differentiation, reverse over reverse, because many losses of torch have no derivative of a
forward pass. A closed form is a subclass that overrides what it can do better; the class here is its oracle.

Source of the GGN: N. Schraudolph, Fast curvature matrix-vector products (2002), section 3.
"""

from typing import Literal, Protocol

import torch
from torch import Tensor

from lightning_modules.devices import Number, asked
from lightning_modules.objectives.curvature_by_rows import CurvatureByRows
from lightning_modules.objectives.differentiation import gradient_of, pulled_back, recording
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.kronecker import KroneckerCurvature, Sharing, refuse_no_layers
from lightning_modules.objectives.once import once
from lightning_modules.objectives.rademacher import estimate_diagonal
from lightning_modules.objectives.recorded_parts import RecordedPlace
from lightning_modules.objectives.room import refuse_without_room
from lightning_modules.solvers import (
    DenseSolver,
    DiagonalSolver,
    JacobiSolver,
    MatrixFreeSolver,
    Solver,
    absolute_values,
    completed,
    is_definite,
)

How = Literal["dense", "diagonal", "cg", "woodbury"]
# Above so many parameters a diagonal that would take a product for each is estimated where it only preconditions, or is that of
# a sample, which comes but once; above the second number of them wherever steps are taken by it.
MOST_EXACT, MOST_COLUMNS, DRAWS = 256, 4096, 32


class Place(RecordedPlace, Protocol):
    """What a curvature asks of the point it is at, see `Point`."""

    def curvature(self, kind: Kind) -> "Curvature": ...


class Curvature(CurvatureByRows):
    """A symmetric p × p matrix C, in the layout of θ.

    Args:
        point: where.
        kind: "hessian" or "ggn".

    Attributes:
        columns_at_a_time: how many columns are formed together: bounds the memory of the dense default.
    """

    columns_at_a_time = 64
    point: Place

    def __init__(self, point: Place, kind: Kind) -> None:
        super().__init__(point, kind)

    # -- what a closed form overrides ----------------------------------------------------------------------------------

    def product(self, v: Tensor) -> Tensor:
        """C v: (p,) -> (p,)."""
        return self._products(v[None])[0]

    @once
    def matrix(self) -> Tensor:
        """C (p, p).

        Raises:
            ValueError: it takes more memory than is free.
        """
        return self._columns()

    @once
    def diagonal(self) -> Tensor:
        """diag C (p,), some columns at a time: nothing larger is kept, but every parameter takes a product."""
        if len(self.theta) <= MOST_COLUMNS:
            return self.matrix().diagonal().clone()
        starts = range(0, len(self.theta), self.columns_at_a_time)
        return torch.cat([self._columns_from(start).diagonal(start) for start in starts])

    @property
    def has_diagonal(self) -> bool:
        """Whether `diagonal` takes far less than a product for each of many parameters."""
        return len(self.theta) <= (MOST_EXACT if self.objective.is_sample else MOST_COLUMNS)

    def diagonal_estimate(self, draws: int, seed: int) -> Tensor:
        """An unbiased estimate of diag C (p,) from so many products, by the probes of `rademacher.py`; the same for a seed.

        Entries may be negative where those of C are not.
        """
        generator = torch.Generator(self.theta.device).manual_seed(seed)
        return estimate_diagonal(self.product, self.theta, max(2, draws), generator).estimate

    @once
    def estimated_diagonal(self) -> Tensor:
        """`diagonal_estimate` of DRAWS draws (p,): of one point always the same, whoever asks."""
        return self.diagonal_estimate(DRAWS, seed=0)

    def form(self, directions: Tensor) -> Tensor:
        """V C Vᵀ, the curvature within the span of k directions: (k, p) -> (k, k)."""
        return directions @ torch.stack([self.product(v) for v in directions]).T

    @once
    def scale(self) -> Tensor:
        """|diag C| (p,), the parameters' own scale: how much the loss bends along each of them.

        Above MOST_EXACT parameters it is an unbiased estimate from DRAWS products, the same at every call.
        """
        return self.diagonal().abs() if len(self.theta) <= MOST_EXACT else self.estimated_diagonal().abs()

    def kronecker(self, sharing: Sharing = "expand") -> KroneckerCurvature:
        """C layer by layer, see `kronecker.py`; a ValueError where layers are not known."""
        refuse_no_layers(self.objective.without_layers, type(self.objective).__name__)

    def kronecker_of(self, drawn: Place) -> KroneckerCurvature:
        """`kronecker`, with A of these rows and all else of rows that were drawn of them, see `Objective.in_proportion`.

        What inputs are like, a row says however little its loss bends; of a layer at many positions of a row some rows do.
        """
        refuse_no_layers(self.objective.without_layers, type(self.objective).__name__)

    def preconditioner(self) -> Solver:
        """A cheap approximation of C, here its diagonal."""
        return JacobiSolver(self.scale())

    # -- what every curvature offers -----------------------------------------------------------------------------------

    @property
    def is_semidefinite(self) -> bool:
        """Whether C is known to have no negative eigenvalue: that of a convex loss, or a Gauss–Newton matrix of a convex ℓ."""
        objective = self.objective
        return bool(objective.is_convex or (self.kind == "ggn" and objective.is_split and objective.has_convex_outputs))

    def solver(self, how: How, tolerance: float = 0.0, awaited: bool = True) -> Solver:
        """C in a form in which (C + R) x = b is solved, R a diagonal.

        Args:
            how: "dense" forms the matrix, "diagonal" leaves the rest of it out, "cg" needs products only and takes C as it is,
                "woodbury" solves a Gauss–Newton matrix that follows from fewer rows than parameters in the space of the rows.
                Where C is indefinite, "dense" takes the absolute values of its eigenvalues, or of a Hessian its Gauss–Newton
                part if it has one and is not that of a network; "diagonal" takes the absolute values of its entries, or of an
                estimate of them where there is no cheaper way than a product for each of more than MOST_COLUMNS parameters.
            tolerance: of "cg", on the relative residual.
            awaited: of all but "cg", whether a device is waited for to learn that C + R is singular. If not, the solution is
                nan then.

        Raises:
            ValueError: another word; "woodbury" of a Hessian, or where there are not fewer rows than parameters.
        """
        if how == "dense":
            return self._dense(awaited)
        if how == "diagonal":
            diagonal = self.diagonal() if self.has_diagonal else self.estimated_diagonal()
            return DiagonalSolver(diagonal if self.is_semidefinite and self.has_diagonal else diagonal.abs(), awaited)
        if how == "cg":
            # A network's would be as many numbers as its parameters times its last layer's inputs; its damping does as well.
            invariant = (
                self.objective.invariant_directions(self.theta) if self.objective.is_convex else self.theta[:, None][:, :0]
            )
            return MatrixFreeSolver(self.product, self.preconditioner(), invariant, tolerance)
        if how == "woodbury":
            return self.in_space_of_rows(awaited)
        raise ValueError(f"solver({how!r}): choose 'dense', 'diagonal', 'cg' or 'woodbury'")

    def bend(self, step: Tensor) -> Tensor:
        """Jᵀ(∇ℓ(f(θ + s)) − ∇ℓ(f(θ)) − HJs): (p,) -> (p,), what the gradient at θ + s has beyond the quadratic model's because
        f is not linear, seen through the J of θ."""
        jv = pulled_back(*self._forward_product(), step[None])
        hjv = pulled_back(*self._loss_gradient(), jv)[0]
        with recording():
            leaf = self.objective.outputs(self.theta + step).detach().requires_grad_()
            there = gradient_of(self.objective.output_loss(leaf), leaf).detach()
        here = self._loss_gradient()[0].detach()
        return pulled_back(*self._model(), (there - here - hjv)[None])[0]

    @once
    def is_definite(self) -> Number | Tensor:
        """Whether C, completed along directions that change nothing, is positive definite: a number that is asked for."""
        return asked(is_definite(completed(self.matrix(), self.objective.invariant_directions(self.theta))))

    def _dense(self, awaited: bool) -> DenseSolver:
        invariant, matrix = self.objective.invariant_directions(self.theta), self.matrix()
        if self.is_semidefinite or self.is_definite():
            return DenseSolver(matrix, invariant, awaited=awaited)
        if self.kind == "hessian" and self.objective.is_split and not self.objective.is_redundant:
            # Its steps follow a narrow valley down, where those of the absolute values leave it; they pass saddles more slowly.
            return self.point.curvature("ggn")._dense(awaited)
        return DenseSolver(absolute_values(matrix.double()), invariant, awaited=awaited)

    # -- automatic differentiation -------------------------------------------------------------------------------------

    def _columns(self) -> Tensor:
        """C (p, p), some of its columns at a time, which are joined at the end."""
        refuse_without_room(len(self.theta), self.theta, copies=2)
        return torch.cat([self._columns_from(start) for start in range(0, len(self.theta), self.columns_at_a_time)])

    def _columns_from(self, start: int) -> Tensor:
        """The columns of C from one on, as many as are formed together: (k, p)."""
        rows = torch.arange(start, min(start + self.columns_at_a_time, len(self.theta)), device=self.theta.device)
        basis = self.theta.new_zeros(len(rows), len(self.theta))
        return self._products(basis.scatter_(1, rows[:, None], 1.0))

    def _products(self, v: Tensor) -> Tensor:
        """k products: (k, p) -> (k, p)."""
        if self.kind == "hessian":
            return pulled_back(*self._gradient(), v)
        jv = pulled_back(*self._forward_product(), v)  # v → Jv
        hjv = pulled_back(*self._loss_gradient(), jv)  # Jv → HJv
        return pulled_back(*self._model(), hjv) + pulled_back(*self._penalty_gradient(), v)  # HJv → JᵀHJv
