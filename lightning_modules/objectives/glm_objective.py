r"""Closed forms for generalised linear models: a linear predictor below, a family's pointwise loss above.

    z_i = W x_i + b                                          (K,)
    value(θ)    = 1/n Σ_i l(z_i, y_i) + λ/2 ‖W‖²             ()
    gradient    = 1/n Σ_i (∂l/∂z)_i ⊗ x̃_i + λ (W, 0)         x̃ = (x, 1)
    Hessian     = 1/n Σ_i (∂²l/∂z²)_i ⊗ x̃_i x̃_iᵀ + λ diag(1_W, 0)

z is linear in θ, so the generalised Gauss–Newton matrix *is* the Hessian.

Each sum runs over chunks of rows that fit a processor's cache, then over processes; the division by n comes last. So
full batch, chunked and distributed are one computation.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.families.family import Family
from lightning_modules.objectives.glm_existence import concordance, escaping_bias, gram, separates
from lightning_modules.objectives.linear_dependence import dependent_columns
from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.reduction import Reduction, this_process

CACHE_BYTES = 2**21


class GLMObjective(Objective):
    """Mean loss of a generalised linear model plus λ/2 ‖W‖²; the bias is not penalised.

    θ (p,) = (W (K, d) row by row, b (K,)), p = K (d + 1): the layout of `torch.nn.Linear(d, K)`.

    Args:
        family: pointwise loss of the linear predictor.
        features: X (n, d), this process's rows: a tensor or a memory-mapped one; may be empty on some processes.
        targets: y, as `family.check` takes them.
        l2: λ ≥ 0.
        reduction: sums over processes; `this_process` if all rows are here.
        chunk_rows: rows per chunk; by default what fills a cache of 2 MiB.

    Raises:
        ValueError: targets that do not suit the family, features and targets of different length, no row at all.
    """

    def __init__(
        self,
        family: Family,
        features: Tensor,
        targets: Tensor,
        l2: float = 0.0,
        reduction: Reduction = this_process,
        chunk_rows: int | None = None,
    ) -> None:
        if len(features) != len(targets):
            raise ValueError(f"{len(features)} rows of features but {len(targets)} targets: they must match row by row")
        self.family, self.features, self.targets = family, features, family.check(targets)
        self.l2, self.reduction = l2, reduction
        self.num_features = features.shape[1]
        row_bytes = max(1, self.num_features * features.element_size())
        self.chunk_rows = chunk_rows or max(256, CACHE_BYTES // row_bytes)
        self.num_rows = int(reduction(torch.tensor(len(features), device=features.device)))
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")

    def value(self, theta: Tensor) -> Tensor:
        losses = theta.new_zeros(())
        for _, y, z in self.chunks(theta):
            losses = losses + self.family.loss(z, y).sum()
        return self.reduction(losses) / self.num_rows + self.penalty(theta)

    def gradient(self, theta: Tensor) -> Tensor:
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        losses, gradient = theta.new_zeros(1), torch.zeros_like(theta)
        for x, y, z in self.chunks(theta):
            losses += self.family.loss(z, y).sum()
            gradient += self._pull_back(self.family.gradient(z, y), x)
        sums = self.reduction(torch.cat([losses, gradient])) / self.num_rows
        return sums[0] + self.penalty(theta), sums[1:] + self.l2 * self.weights_of(theta)

    def hessian_vector_product(self, theta: Tensor, v: Tensor) -> Tensor:
        weight, bias = self._split(v)
        product = torch.zeros_like(theta)
        for x, _, z in self.chunks(theta):
            dz = torch.addmm(bias, x, weight.T)  # v → Jv
            product += self._pull_back(self.family.curvature_product(z, dz), x)  # Jv → HJv → JᵀHJv
        return self.reduction(product) / self.num_rows + self.l2 * self.weights_of(v)

    def hessian(self, theta: Tensor) -> Tensor:
        outputs, size = self.family.num_outputs, self.num_features + 1
        blocks = theta.new_zeros(outputs, outputs, size, size)
        for x, _, z in self.chunks(theta):
            extended = torch.cat([x, x.new_ones(len(x), 1)], 1)  # x̃ = (x, 1)
            curvature = self.family.curvature(z)
            for j in range(outputs):
                for k in range(j + 1):
                    blocks[j, k].addmm_((extended * curvature[:, j, k, None]).T, extended)
        blocks = self.reduction(blocks) / self.num_rows
        for j in range(outputs):
            for k in range(j):
                blocks[k, j] = blocks[j, k]  # a block is symmetric itself
        order = self.by_layout()
        hessian = blocks.transpose(1, 2).reshape(outputs * size, outputs * size)[order][:, order]
        hessian.diagonal().add_(self.l2 * self.weights_of(torch.ones_like(theta)))
        return hessian

    def hessian_diagonal(self, theta: Tensor) -> Tensor:
        diagonal = torch.zeros_like(theta)
        for x, _, z in self.chunks(theta):
            diagonal += self._pull_back(self.family.curvature_diagonal(z), x.square())
        return self.reduction(diagonal) / self.num_rows + self.l2 * self.weights_of(torch.ones_like(theta))

    def ggn_vector_product(self, theta: Tensor, v: Tensor) -> Tensor:
        return self.hessian_vector_product(theta, v)

    def ggn(self, theta: Tensor) -> Tensor:
        return self.hessian(theta)

    def ggn_diagonal(self, theta: Tensor) -> Tensor:
        return self.hessian_diagonal(theta)

    def outputs(self, theta: Tensor) -> Tensor:
        weight, bias = self._split(theta)
        return self.features.to(theta.dtype) @ weight.T + bias

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.reduction(self.family.loss(outputs, self.targets).sum()) / self.num_rows

    def penalty(self, theta: Tensor) -> Tensor:
        return 0.5 * self.l2 * self.weights_of(theta).square().sum()

    def invariant_directions(self, theta: Tensor) -> Tensor:
        """Common shifts of the K predictors of a softmax: of every column of (W, b), or of b alone if W is penalised."""
        if not self.family.shift_invariant:
            return super().invariant_directions(theta)
        shift = theta.new_full((self.family.num_outputs, 1), self.family.num_outputs**-0.5)
        features = torch.eye(self.num_features + 1, dtype=theta.dtype, device=theta.device)
        return torch.kron(shift, features[:, -1:] if self.l2 else features)[self.by_layout()]

    def attains_minimum(self, theta: Tensor, decrement: float, hessian: Tensor | None) -> bool:
        """Certain with a penalty (all classes present) and for least squares; else if λR ≤ ½, R from self-concordance.

        Along a direction of unit length in the norm of the Hessian H at θ, f'' falls no faster than e^(−Rt), so
        f'(t) ≥ −λ + (1 − e^(−Rt)) / R. If λR < 1 this becomes positive in every direction: the level set is bounded and
        the minimiser exists. On separated classes λR stays near or above 1 however small the gradient is.
        Source of the property: F. Bach, Self-concordant analysis for logistic regression (2010), section 2.
        """
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
        if self.l2 == 0 and (columns := dependent_columns(gram(self))):
            listed = ", ".join(map(str, columns[:8])) + (", …" if len(columns) > 8 else "")
            return Degeneracy(
                "rank_deficient",
                f"{len(columns)} of {self.num_features} features depend linearly on the others (columns {listed})",
                columns=columns,
            )
        return None

    def rows(self, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        """Chunks of (features, targets)."""
        for start in range(0, len(self.features), self.chunk_rows):
            rows = slice(start, start + self.chunk_rows)
            yield self.features[rows].to(dtype), self.targets[rows]

    def chunks(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Chunks of (features, targets, linear predictors)."""
        weight, bias = self._split(theta)
        for x, y in self.rows(theta.dtype):
            yield x, y, torch.addmm(bias, x, weight.T)

    def _split(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """(p,) -> W (K, d), b (K,)."""
        weight, bias = theta.split([self.family.num_outputs * self.num_features, self.family.num_outputs])
        return weight.view(self.family.num_outputs, self.num_features), bias

    def weights_of(self, theta: Tensor) -> Tensor:
        """(W, b) -> (W, 0): the penalised part of a parameter vector."""
        weight, bias = self._split(theta)
        return torch.cat([weight.flatten(), torch.zeros_like(bias)])

    def _pull_back(self, g: Tensor, x: Tensor) -> Tensor:
        """Σ_i g_i ⊗ x̃_i of a chunk, laid out as θ: (rows, K), (rows, d) -> (p,)."""
        return torch.cat([(g.T @ x).flatten(), g.sum(0)])

    def by_layout(self) -> Tensor:
        """Takes a vector ordered output by output, (W | b) row by row, to the layout of θ: (p,)."""
        order = torch.arange(self.family.num_outputs * (self.num_features + 1), device=self.features.device)
        by_output = order.view(self.family.num_outputs, self.num_features + 1)
        return torch.cat([by_output[:, :-1].flatten(), by_output[:, -1]])
