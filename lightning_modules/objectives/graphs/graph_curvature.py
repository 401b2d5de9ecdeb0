r"""The curvature of the loss of a graph of layers, by sweeps.

    GGN · v      the gradient's sweep, down from H df                                        df: up along v, H = ∂²l/∂f²
    GGN          Σ_i JᵀHJ = Σ_i (SJ)ᵀ(SJ),   H = SᵀS                                         SJ: down from the rows of S
    diag GGN     Σ_i Σ_c ((∂f_i/∂w)ᵀ s_ci)²                                                  what each layer calls `squares`
    Hessian · v  by automatic differentiation, a chunk of rows at a time

Where nothing above a weight bends, f is piecewise linear in it, and the diagonals of both are equal there. Through bent layers
the Hessian's own takes products with every column: exact for a few parameters, and refused for more.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_modules.objectives.curvature import MOST_COLUMNS, Curvature, Place
from lightning_modules.objectives.differentiation import gradient_of, pulled_back, recording
from lightning_modules.objectives.graphs.graph_kronecker import input_factors, kronecker_curvature
from lightning_modules.objectives.graphs.graph_loss import GraphLoss
from lightning_modules.objectives.graphs.sweeps import Sweeps
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.kronecker import KroneckerCurvature, Sharing, check_factors
from lightning_modules.objectives.once import once
from lightning_modules.objectives.passes import Passes
from lightning_modules.objectives.reduction import joined_rows
from lightning_modules.objectives.room import refuse_without_room
from lightning_modules.objectives.row_loss import Pass
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time
from lightning_modules.solvers import StoredRows

JACOBIAN_NUMBERS = 2**23
# Rows of SJ are formed where nobody has asked for them up to so many numbers: half a gigabyte in float64.
FACTOR_NUMBERS = 2**26


class GraphCurvature(Curvature):
    """Hessian or generalised Gauss–Newton matrix of the loss of a graph of layers.

    Args:
        point: where.
        kind: "hessian" or "ggn".
        loss: the layers on their rows.
        passes: of the rows there.
    """

    def __init__(self, point: Place, kind: Kind, loss: GraphLoss, passes: Passes[Sweeps]) -> None:
        super().__init__(point, kind)
        self.passes, self.loss = passes, loss

    def product(self, v: Tensor) -> Tensor:
        return self._products(v[None])[0]

    @once
    def matrix(self) -> Tensor:
        if self.kind == "ggn":
            return self._ggn()
        matrix = self._columns()
        return (matrix + matrix.T) / 2

    @once
    def diagonal(self) -> Tensor:
        """Exact.

        Raises:
            ValueError: of the Hessian, where layers bend above many parameters.
        """
        if self.kind == "hessian" and not self.is_straight:
            self._refuse_columns()
            return self.matrix().diagonal().clone()
        sums = torch.zeros_like(self.theta)
        for y, sweeps in self.passes.parts(self.loss.rows_of_vectors(self.loss.num_factors)):
            for node, visit, s in sweeps.down(self.loss.pointwise.curvature_factor(sweeps.outputs, y)):
                for slot, squares in zip(node.slots, node.layer.squares(visit, s), strict=True):
                    slot.of(sums).add_(squares)
        return self.loss.penalised(self.loss.mean(sums), torch.ones_like(sums))

    @property
    def has_diagonal(self) -> bool:
        return self.kind == "ggn" or self.is_straight or super().has_diagonal

    def form(self, directions: Tensor) -> Tensor:
        if self.kind == "hessian":
            return super().form(directions)
        form = directions.new_zeros(len(directions), len(directions))
        for y, sweeps in self._parts(len(directions)):
            df = sweeps.up(directions)
            form += df.flatten(1) @ self.loss.pointwise.curvature_product(sweeps.outputs, y, df).flatten(1).T
        return self.loss.l2_penalty.add_form(self.loss.mean(form), directions)

    @once
    def scale(self) -> Tensor:
        return self.diagonal().abs() if self.has_diagonal else super().scale()

    def kronecker(self, sharing: Sharing = "expand") -> KroneckerCurvature:
        check_factors(self.kind, sharing)
        return kronecker_curvature(self.loss, self.passes, sharing)

    def kronecker_of(self, drawn: Place) -> KroneckerCurvature:
        of_drawn = drawn.curvature("ggn")
        assert isinstance(of_drawn, GraphCurvature)
        return kronecker_curvature(of_drawn.loss, of_drawn.passes, "expand", input_factors(self.loss, self.passes))

    @property
    def knows_rows(self) -> bool:
        return self.loss.num_factors * self.loss.num_rows * len(self.theta) <= FACTOR_NUMBERS

    @property
    def num_factor_rows(self) -> int:
        return self.loss.num_factors * self.loss.num_rows

    def factor_rows(self) -> StoredRows:
        refuse_without_room(self.num_factor_rows, self.theta, copies=2)
        nothing = self.theta.new_zeros(0, len(self.theta))
        own = torch.cat([nothing, *self._jacobians()])
        return StoredRows(joined_rows(own, self.loss.reduction) / self.loss.num_rows**0.5)

    def penalty_diagonal(self) -> Tensor:
        return self.loss.penalised(torch.zeros_like(self.theta), torch.ones_like(self.theta))

    def completing_directions(self) -> Tensor:
        # As of a dense network: one number damps the last layer, so that steps leave common shifts alone.
        return super().completing_directions() if self.loss.l2 else self.theta[:, None][:, :0]

    @property
    def is_straight(self) -> bool:
        """Whether the outputs are piecewise linear in every single weight."""
        return all(straight for _, straight in self.loss.graph.straight_above())

    def _refuse_columns(self) -> None:
        if len(self.theta) <= MOST_COLUMNS:
            return
        bent = next(node.name for node in self.loss.graph.nodes if not node.layer.is_piecewise_linear)
        raise ValueError(
            f"the Hessian's diagonal through layers that bend ({bent!r}) takes a product for each of {len(self.theta)} "
            "parameters: use curvature='ggn', whose diagonal is exact, or hessian_diagonal_estimate, which is unbiased"
        )

    # -- sweeps --------------------------------------------------------------------------------------------------------

    def _parts(self, vectors: int) -> Iterator[tuple[Tensor, Sweeps]]:
        return self.passes.parts(self.loss.chunk_rows if vectors == 1 else self.loss.rows_of_vectors(vectors))

    def _products(self, v: Tensor) -> Tensor:
        """k products (k, p)."""
        if self.kind == "hessian":
            return self._hessian_products(v)
        sums = torch.zeros_like(v)
        for y, sweeps in self._parts(len(v)):
            e = self.loss.pointwise.curvature_product(sweeps.outputs, y, sweeps.up(v))
            for node, visit, here in sweeps.down(e):
                for slot, gradients in zip(node.slots, node.layer.gradients(visit, here), strict=True):
                    slot.of(sums).add_(gradients)
        return self.loss.penalised(self.loss.mean(sums), v)

    def _hessian_products(self, v: Tensor) -> Tensor:
        sums = torch.zeros_like(v)
        for each in self.passes:
            with recording():
                leaf = self.theta.clone().requires_grad_()
                gradient = gradient_of(self._total(each, leaf), leaf)
            sums += pulled_back(gradient, leaf, v)
        return self.loss.penalised(self.loss.mean(sums), v)

    def _total(self, each: Pass[Sweeps], theta: Tensor) -> Tensor:
        """Σ loss of a chunk, as a function to be differentiated."""
        outputs = Sweeps.of(self.loss.graph, theta, each.trace.rows).outputs
        return self.loss.pointwise.loss(outputs, each.targets).sum()

    def _ggn(self) -> Tensor:
        """(p, p) from the rows of SJ."""
        refuse_without_room(len(self.theta), self.theta)
        sums = self.theta.new_zeros(len(self.theta), len(self.theta))
        for rows in self._jacobians():
            sums.addmm_(rows.T, rows)
        ggn = self.loss.mean(sums)
        self.loss.penalised(ggn.diagonal(), torch.ones_like(self.theta))
        return ggn

    def _jacobians(self) -> Iterator[Tensor]:
        """The rows of SJ of this process, some rows of data at a time: (m, p) each."""
        numbers = self.loss.pointwise.num_outputs * len(self.theta)
        at_a_time = rows_at_a_time(self.theta.device, JACOBIAN_NUMBERS // numbers, 2 * 8 * numbers)
        for y, sweeps in self.passes.parts(at_a_time):
            factor = self.loss.pointwise.curvature_factor(sweeps.outputs, y)
            jacobian = factor.new_zeros(factor.shape[0] * factor.shape[1], len(self.theta))
            for node, visit, s in sweeps.down(factor):
                for slot, of_rows in zip(node.slots, node.layer.rows(visit, s), strict=True):
                    slot.of(jacobian).add_(of_rows.flatten(0, 1))
            yield jacobian
