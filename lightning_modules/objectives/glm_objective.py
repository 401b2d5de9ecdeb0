r"""Closed forms for generalised linear models: a linear predictor below, a family's pointwise loss above.

    z_i = W x_i + b                                          (K,)
    value(θ)    = 1/n Σ_i l(z_i, y_i) + λ/2 ‖W‖²             ()
    gradient    = 1/n Σ_i (∂l/∂z)_i ⊗ x̃_i + λ (W, 0)         x̃ = (x, 1)
    Hessian     = 1/n Σ_i (∂²l/∂z²)_i ⊗ x̃_i x̃_iᵀ + λ diag(1_W, 0)

z is linear in θ, so the generalised Gauss–Newton matrix *is* the Hessian.

Each sum runs over `GLMRows.chunks`, then over processes; the division by n comes last.
"""

import torch
from torch import Tensor

from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.glm_existence import concordance, escaping_bias, separates
from lightning_modules.objectives.glm_rows import Add, GLMRows
from lightning_modules.objectives.linear_dependence import dependent_columns
from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.preconditioner import DiagonalPreconditioner, KroneckerPreconditioner, Preconditioner

# The Gram matrix of more features costs more than the products with the Hessian that it saves.
MOST_GRAM_FEATURES = 512


class GLMObjective(GLMRows, Objective):
    """Mean loss of a generalised linear model plus λ/2 ‖W‖²; the bias is not penalised.

    θ (p,) = (W (K, d) row by row, b (K,)), p = K (d + 1): the layout of `torch.nn.Linear(d, K)`.

    Args and errors are those of `GLMRows`.
    """

    is_convex = True

    @property
    def is_quadratic(self) -> bool:  # type: ignore[override]
        return self.family.self_concordance == 0

    def value(self, theta: Tensor) -> Tensor:
        losses = theta.new_zeros(())
        for _, y, z in self.chunks(theta):
            losses = losses + self.family.loss(z, y).sum()
        return self.reduction(losses) / self.num_rows + self.penalty(theta)

    def gradient(self, theta: Tensor) -> Tensor:
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        def adding_to(total: Tensor) -> Add:
            pull_back, total_loss = self.pulling_back(total[:-1]), total[-1]

            def add(x: Tensor, y: Tensor, z: Tensor) -> None:
                loss, gradient = self.family.loss_and_gradient(z, y)
                total_loss.add_(loss.sum())
                pull_back(gradient, x)

            return add

        mean = self.reduction(self.summed(theta, (len(theta) + 1,), adding_to)) / self.num_rows
        if self.l2 == 0:
            return mean[-1], mean[:-1]
        return mean[-1] + self.penalty(theta), mean[:-1] + self.l2 * self.weights_of(theta)

    def hessian_vector_product(self, theta: Tensor, v: Tensor) -> Tensor:
        weight, bias = self.split(v)

        def adding_to(total: Tensor) -> Add:
            pull_back = self.pulling_back(total)

            def add(x: Tensor, y: Tensor, z: Tensor) -> None:
                dz = torch.addmm(bias, x, weight.T)  # v → Jv
                pull_back(self.family.curvature_product(z, y, dz), x)  # Jv → HJv → JᵀHJv

            return add

        return self.reduction(self.summed(theta, theta.shape, adding_to)) / self.num_rows + self.l2 * self.weights_of(v)

    def hessian(self, theta: Tensor) -> Tensor:
        outputs, size = self.family.num_outputs, self.num_features + 1

        def adding_to(blocks: Tensor) -> Add:
            def add(x: Tensor, y: Tensor, z: Tensor) -> None:
                curvature = self.family.curvature(z).permute(1, 2, 0).contiguous()
                blocks[:, :, :-1, -1] += (curvature.flatten(0, 1) @ x).view(outputs, outputs, -1)
                blocks[:, :, -1, -1] += curvature.sum(-1)
                for j in range(outputs):
                    for k in range(j + 1):
                        blocks[j, k, :-1, :-1].addmm_((x * curvature[j, k, :, None]).T, x)

            return add

        blocks = self.reduction(self.summed(theta, (outputs, outputs, size, size), adding_to)) / self.num_rows
        blocks[:, :, -1, :-1] = blocks[:, :, :-1, -1]
        for j in range(outputs):
            for k in range(j):
                blocks[k, j] = blocks[j, k]  # a block is symmetric itself
        order = self.by_layout()
        hessian = blocks.transpose(1, 2).reshape(outputs * size, outputs * size)[order][:, order]
        hessian.diagonal().add_(self.l2 * self.weights_of(torch.ones_like(theta)))
        return hessian

    def hessian_diagonal(self, theta: Tensor) -> Tensor:
        def adding_to(total: Tensor) -> Add:
            pull_back = self.pulling_back(total)
            return lambda x, y, z: pull_back(self.family.curvature_diagonal(z), x.square())

        diagonal = self.reduction(self.summed(theta, theta.shape, adding_to)) / self.num_rows
        return diagonal + self.l2 * self.weights_of(torch.ones_like(theta))

    def hessian_preconditioner(self, theta: Tensor) -> Preconditioner:
        """The Hessian with every row's curvature replaced by the mean one:  1/n Σ_i ∂²l/∂z² ⊗ 1/n Σ_i x̃_i x̃_iᵀ + λ I.

        Exact for least squares, but for the penalty on the bias. The second factor is formed and factorised once; with so
        few rows or so many features that this would cost more than it saves, for rows that come only once, or for features
        in units so different that rounding hides some behind the others, the diagonal of the Hessian has to do.
        """
        if self.is_sample or self.num_features > min(MOST_GRAM_FEATURES, self.num_rows) or self.hides_features:
            return DiagonalPreconditioner(self.hessian_diagonal(theta))

        def adding_to(total: Tensor) -> Add:
            def add(x: Tensor, y: Tensor, z: Tensor) -> None:
                total.add_(self.family.curvature(z).sum(0))

            return add

        mean = self.reduction(self.summed(theta, (self.family.num_outputs,) * 2, adding_to)).double() / self.num_rows
        return KroneckerPreconditioner(mean, *self.gram_eigen, self.l2, self.by_layout())

    def ggn_preconditioner(self, theta: Tensor) -> Preconditioner:
        return self.hessian_preconditioner(theta)

    def ggn_vector_product(self, theta: Tensor, v: Tensor) -> Tensor:
        return self.hessian_vector_product(theta, v)

    def ggn(self, theta: Tensor) -> Tensor:
        return self.hessian(theta)

    def ggn_diagonal(self, theta: Tensor) -> Tensor:
        return self.hessian_diagonal(theta)

    def outputs(self, theta: Tensor) -> Tensor:
        weight, bias = self.split(theta)
        return self.features.to(theta.dtype) @ weight.T + bias

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.reduction(self.family.loss(outputs, self.targets).sum()) / self.num_rows

    def penalty(self, theta: Tensor) -> Tensor:
        return 0.5 * self.l2 * self.weights_of(theta).square().sum()

    def attains_minimum(self, theta: Tensor, decrement: float, hessian: Tensor | None) -> bool:
        """Certain for least squares, and with a penalty if no class is missing; else if λR ≤ ½ (see `concordance`)."""
        if self.l2 > 0:
            return escaping_bias(self, theta) is None
        if hessian is None or self.family.self_concordance == 0:
            return hessian is not None
        return decrement * concordance(self, hessian) <= 0.5

    def degeneracy(self, theta: Tensor, direction: Tensor | None = None) -> Degeneracy | None:
        """Classes separated along θ or `direction`, or linearly dependent features."""
        for candidate in (theta, direction, escaping_bias(self, theta)):
            if candidate is not None and (separating := separates(self, candidate)) is not None:
                return Degeneracy(
                    "separated",
                    "the classes are separated, so the loss falls forever along one direction",
                    direction=separating,
                )
        if self.l2 == 0 and (columns := dependent_columns(self.gram.roll((1, 1), (0, 1)))):
            listed = ", ".join(map(str, columns[:8])) + (", …" if len(columns) > 8 else "")
            return Degeneracy(
                "rank_deficient",
                f"{len(columns)} of {self.num_features} features depend linearly on the others (columns {listed})",
                columns=columns,
            )
        return None
