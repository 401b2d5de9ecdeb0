r"""The curvature of a generalised linear model in closed form.

    C = 1/n Σ_i (∂²l/∂z²)_i ⊗ x̃_i x̃_iᵀ + λ diag(1_W, 0),      x̃ = (x, 1)

With the observed information of the rows it is the Hessian; with the expected one the generalised Gauss–Newton matrix, which of
a canonical link is the same.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.objectives.curvature import Curvature, Place
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.kronecker import KroneckerBlock, KroneckerCurvature, Sharing
from lightning_modules.objectives.linear.predictors import Add, Predictors
from lightning_modules.objectives.linear.root import Root, by_output
from lightning_modules.objectives.linear.root_solver import RootSolver
from lightning_modules.objectives.once import once
from lightning_modules.objectives.room import refuse_without_room
from lightning_modules.solvers import DenseSolver, JacobiSolver, KroneckerSolver, Solver

# The Gram matrix of more features costs more than the products with the curvature that it saves.
MOST_GRAM_FEATURES = 512


class GLMCurvature(Curvature):
    """Curvature of a generalised linear model.

    Args:
        point: where.
        kind: "hessian" or "ggn".
        predictors: of the rows there.
        root: of the Hessian there, see `Root`, when it is asked for.
    """

    def __init__(self, point: Place, kind: Kind, predictors: Predictors, root: Callable[[], Root | None]) -> None:
        super().__init__(point, kind)
        self._root = root
        self.predictors, self.glm = predictors, predictors.glm
        self.family = self.glm.family if kind == "hessian" else self.glm.family.expected

    def product(self, v: Tensor) -> Tensor:
        glm = self.glm
        weight, bias = glm.layout.split(v)

        def adding_to(total: Tensor) -> Add:
            pull_back = glm.layout.pulling_back(total, glm.rows.columns)

            def add(x: Tensor, y: Tensor, z: Tensor) -> None:
                dz = glm.rows.columns.product(x, weight, bias)  # v → Jv
                pull_back(self.family.curvature_product(z, y, dz), x)  # Jv → HJv → JᵀHJv

            return add

        return self.predictors.mean_of(v.shape, adding_to) + glm.l2 * glm.layout.weights_of(v)

    @property
    def has_diagonal(self) -> bool:
        return True

    @once
    def matrix(self) -> Tensor:
        outputs, size, d = self.family.num_outputs, self.glm.layout.width, self.glm.layout.num_features
        columns = self.glm.rows.columns
        refuse_without_room(len(self.theta), self.theta)

        def adding_to(blocks: Tensor) -> Add:
            def add(x: Tensor, y: Tensor, z: Tensor) -> None:
                curvature = self.family.curvature(z, y).permute(1, 2, 0).contiguous()
                if size > d:
                    by_pair = x.new_zeros(outputs**2, d)
                    columns.add_transposed(by_pair, curvature.flatten(0, 1).T, x)
                    blocks[:, :, :d, d] += by_pair.view(outputs, outputs, d)
                    blocks[:, :, d, d] += curvature.sum(-1)
                for j in range(outputs):
                    for k in range(j + 1):
                        columns.add_gram(blocks[j, k, :d, :d], curvature[j, k], x)

            return add

        blocks = self.predictors.mean_of((outputs, outputs, size, size), adding_to, is_wide=True)
        blocks[:, :, d:, :d] = blocks[:, :, :d, d:].transpose(2, 3)
        for j in range(outputs):
            for k in range(j):
                blocks[k, j] = blocks[j, k]  # a block is symmetric itself
        matrix = blocks.transpose(1, 2).reshape(outputs * size, outputs * size)
        if outputs > 1:
            order = self.glm.layout.by_layout(self.theta.device)
            matrix = matrix[order][:, order]
        matrix.diagonal().add_(self._of_penalty)
        return matrix

    @once
    def diagonal(self) -> Tensor:
        glm = self.glm

        def adding_to(total: Tensor) -> Add:
            pull_back = glm.layout.pulling_back(total, glm.rows.columns, squared=True)
            return lambda x, y, z: pull_back(self.family.curvature_diagonal(z, y), x)

        return self.predictors.mean_of(self.theta.shape, adding_to, is_wide=True) + self._of_penalty

    def kronecker(self, sharing: Sharing = "expand") -> KroneckerCurvature:
        """Of one layer: with one output C itself, with more G the rows' mean curvature and A the mean of x̃ x̃ᵀ."""
        glm, outputs = self.glm, self.family.num_outputs
        layout, device = glm.layout, self.theta.device
        places = layout.by_output(device).view(1, outputs, layout.width)
        if outputs == 1:
            one = self.theta.new_ones(1, 1, 1)
            return KroneckerCurvature([KroneckerBlock(self.matrix()[None], one, places)], torch.zeros_like(self.theta))
        inputs = (glm.rows.gram / glm.rows.num_rows).to(self.theta)
        block = KroneckerBlock(inputs[None], self._mean_of_rows().to(self.theta)[None], places)
        return KroneckerCurvature([block], torch.zeros_like(self.theta) + self._of_penalty)

    def scale(self) -> Tensor:
        return self.diagonal()

    def preconditioner(self) -> Solver:
        """C with every row's curvature replaced by the mean one:  1/n Σ_i ∂²l/∂z² ⊗ 1/n Σ_i x̃_i x̃_iᵀ + λ I.

        Exact for least squares, but for the penalty on the bias. The second factor is formed and factorised once, without a
        penalty in the scale of the features, so that none hides behind others in larger units; with so few rows or so many
        features that this would cost more than it saves, or for rows that come only once, the diagonal of C has to do.
        """
        glm, rows = self.glm, self.glm.rows
        if self.objective.is_sample or rows.num_features > min(MOST_GRAM_FEATURES, rows.num_rows):
            return JacobiSolver(self.diagonal())

        mean = self._mean_of_rows().double()
        order = glm.layout.by_layout(self.theta.device)
        if glm.l2 == 0:
            return KroneckerSolver(mean, *rows.scaled_gram_eigen, 0.0, order, rows.root_mean_squares)
        return KroneckerSolver(mean, *rows.gram_eigen, glm.l2, order)

    def _mean_of_rows(self) -> Tensor:
        """1/n Σ_i ∂²l/∂z² (K, K)."""

        def adding_to(total: Tensor) -> Add:
            def add(x: Tensor, y: Tensor, z: Tensor) -> None:
                total.add_(self.family.curvature(z, y).sum(0))

            return add

        return self.predictors.mean_of((self.glm.family.num_outputs,) * 2, adding_to, is_wide=True)

    def _dense(self, awaited: bool) -> DenseSolver:
        # Of other families a step does not ask for the root.
        if self.family is not self.glm.family or not self.family.has_row_weights:
            return super()._dense(awaited)
        invariant, order = self.objective.invariant_directions(self.theta), by_output(self.glm, self.theta)
        return RootSolver(self.matrix(), invariant, awaited, self._root, order)

    @property
    def _of_penalty(self) -> Tensor:
        """Diagonal of the penalty's curvature (p,)."""
        return self.glm.l2 * self.glm.layout.weights_of(torch.ones_like(self.theta))
