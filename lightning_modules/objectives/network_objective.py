r"""The loss of a dense network, its derivatives of first and second order by sweeps that are written out.

    value(θ)     = 1/n Σ_i l(f(x_i; θ), y_i) + λ/2 Σ_ℓ ‖W_ℓ‖²                                ()
    gradient     ∂/∂W_ℓ = 1/n Σ_i δ_ℓ h_{ℓ−1}ᵀ + λ W_ℓ,   ∂/∂b_ℓ = 1/n Σ_i δ_ℓ                δ: down from ∂l/∂f
    GGN · v      the gradient's sweep, down from H df                                        df: up along v, H = ∂²l/∂f²
    GGN          Σ_i JᵀHJ = Σ_i (SJ)ᵀ(SJ),   H = SᵀS                                         SJ: down from the rows of S
    diag GGN     ∂²/∂W_ℓ,jk² : Σ_i (Σ_c s_cj²) h_k²                                          s: the same sweep
    Hessian · v  R-operator: dδ = φ′ ⊙ de + φ″ ⊙ e ⊙ dz,   de_{ℓ−1} = Wᵀ dδ + dWᵀ δ [+ de]

Sources: backpropagation, see `network_trace.py`; B. Pearlmutter, Fast exact multiplication by the Hessian (1994), section 3;
N. Schraudolph, Fast curvature matrix-vector products (2002), section 3. The diagonal of the Hessian: `hessian_diagonal.py`.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_modules.networks import Identity
from lightning_modules.objectives.common_shifts import common_shifts
from lightning_modules.objectives.hessian_diagonal import squares
from lightning_modules.objectives.network_rows import NetworkRows
from lightning_modules.objectives.network_trace import Layer, Trace, layers_of
from lightning_modules.objectives.objective import Objective

# What k vectors leave behind on their way through the network stays in a cache; the Jacobian of a chunk only in memory.
CACHE_NUMBERS, JACOBIAN_NUMBERS = 2**19, 2**23
# The most that blocks of all layers may take together.
BLOCKS_BYTES = 2**32


class NetworkObjective(NetworkRows, Objective):
    """Mean loss of a dense network plus λ/2 Σ ‖W_ℓ‖²; biases are not penalised.

    Args and errors are those of `NetworkRows`.
    """

    # -- first order ---------------------------------------------------------------------------------------------------

    def value(self, theta: Tensor) -> Tensor:
        losses = theta.new_zeros(())
        for y, trace in self.traces(theta):
            losses = losses + self.loss.loss(trace.outputs, y).sum()
        return self.mean(losses) + self.penalty(theta)

    def gradient(self, theta: Tensor) -> Tensor:
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        # One vector, so that one reduction sums both over processes; the loss last, which leaves the gradient aligned.
        sums = theta.new_zeros(len(theta) + 1)
        gradient = layers_of(self.network, sums[:-1])
        for y, trace in self.known_traces(theta):
            loss, e = self.loss.loss_and_gradient(trace.outputs, y)
            sums[-1] += loss.sum()
            for index, _, delta in trace.down(e):
                gradient[index].weight.addmm_(delta.T, trace.inputs[index])
                gradient[index].bias.add_(delta.sum(0))
        means = self.mean(sums)
        value = means[-1] + self.penalty(theta) if self.l2 else means[-1]
        return value, self._penalised(means[:-1], theta)

    def _parts(self, theta: Tensor, rows: int) -> Iterator[tuple[Tensor, Trace]]:
        """`known_traces` in parts of at most so many rows."""
        for y, trace in self.known_traces(theta):
            yield from zip(y.split(rows), trace.split(rows), strict=True)

    # -- second order --------------------------------------------------------------------------------------------------

    def hessian_vector_product(self, theta: Tensor, v: Tensor) -> Tensor:
        return self._products(theta, v[None], bent=True)[0]

    def ggn_vector_product(self, theta: Tensor, v: Tensor) -> Tensor:
        return self._products(theta, v[None], bent=False)[0]

    def _products(self, theta: Tensor, v: Tensor, bent: bool) -> Tensor:
        """k products with the Hessian, or if not `bent` with the GGN, which leaves the network's own curvature out."""
        if bent:
            self._refuse_jumps()
        direction, sums = layers_of(self.network, v), torch.zeros_like(v)
        product = layers_of(self.network, sums)
        # One vector goes through whole chunks, whose slopes are known from the gradient; several through as many rows as fit.
        rows = self.chunk_rows if len(v) == 1 else max(1, CACHE_NUMBERS // (len(v) * sum(self.network.widths)))
        for y, trace in self._parts(theta, rows):
            dh, dz, df = trace.up(direction)
            for index, delta, d_delta in self._down_twice(trace, y, direction, dz, df, bent):
                product[index].weight.add_(d_delta.mT @ trace.inputs[index])
                product[index].bias.add_(d_delta.sum(1, keepdim=True))
                if bent and index:
                    product[index].weight.add_(delta.T @ dh[index - 1])
        return self._penalised(self.mean(sums), v)

    def _down_twice(
        self, trace: Trace, y: Tensor, direction: list[Layer], dz: list[Tensor], df: Tensor, bent: bool
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """(ℓ, δ_ℓ (n, out), dδ_ℓ (k, n, out)) from the last layer to the first."""
        de = self.loss.curvature_product(trace.outputs, y, df)
        for index, e, delta in trace.down(self.loss.gradient(trace.outputs, y)):
            bend = trace.bends[index] if bent else None
            d_delta = de * trace.slopes[index]
            if bend is not None:
                d_delta = d_delta + e * bend * dz[index]
            yield index, delta, d_delta
            if index:
                below = d_delta @ trace.layers[index].weight
                if bent:
                    below = below + delta @ direction[index].weight
                de = below + de if trace.skips[index] else below

    def hessian(self, theta: Tensor) -> Tensor:
        basis = torch.eye(len(theta), dtype=theta.dtype, device=theta.device)
        matrix = torch.cat([self._products(theta, rows, bent=True) for rows in basis.split(self.columns_at_a_time)])
        return (matrix + matrix.T) / 2

    def hessian_diagonal(self, theta: Tensor) -> Tensor:
        """Exact; see `hessian_diagonal.py`. Equal to the diagonal of the GGN where all activations are piecewise linear."""
        return self._diagonal(theta, bent=True)

    def ggn_diagonal(self, theta: Tensor) -> Tensor:
        return self._diagonal(theta, bent=False)

    def _diagonal(self, theta: Tensor, bent: bool) -> Tensor:
        if bent:
            self._refuse_jumps()
        sums = torch.zeros_like(theta)
        diagonal = layers_of(self.network, sums)
        bent = bent and not all(phi.piecewise_linear for phi in (self.network.activation, self.network.output_activation))
        for y, trace in self.known_traces(theta):
            e = self.loss.gradient(trace.outputs, y) if bent else None
            for index, square in squares(trace, self.loss.curvature_factor(trace.outputs, y), e):
                diagonal[index].weight.addmm_(square.T, trace.inputs[index].square())
                diagonal[index].bias.add_(square.sum(0))
        return self._penalised(self.mean(sums), theta.new_ones(()).expand_as(theta))

    def ggn(self, theta: Tensor) -> Tensor:
        sums = theta.new_zeros(len(theta), len(theta))
        for y, trace in self._parts(theta, max(1, JACOBIAN_NUMBERS // (self.network.widths[-1] * len(theta)))):
            jacobian = torch.cat(self._jacobians(trace, self.loss.curvature_factor(trace.outputs, y)), 1)
            sums.addmm_(jacobian.T, jacobian)
        ggn = self.mean(sums)
        self._penalised(ggn.diagonal(), theta.new_ones(()).expand_as(theta))
        return ggn

    def ggn_blocks(self, theta: Tensor) -> list[Tensor]:
        """The blocks of `ggn` on its diagonal, one for each layer: (p,) -> L times (p_ℓ, p_ℓ), p_ℓ = (W_ℓ row by row, b_ℓ).

        Raises:
            ValueError: together they would be larger than BLOCKS_BYTES.
        """
        sizes = [layer.weight.numel() + len(layer.bias) for layer in layers_of(self.network, theta)]
        needed = sum(size**2 for size in sizes) * theta.element_size()
        if needed > BLOCKS_BYTES:
            raise ValueError(
                f"the Gauss–Newton blocks of layers with {', '.join(map(str, sizes))} parameters take {needed / 2**30:,.1f} "
                f"GiB, more than {BLOCKS_BYTES / 2**30:.3g} GiB: use ggn_diagonal or ggn_vector_product"
            )
        # One vector, so that one reduction sums all blocks over processes.
        sums = theta.new_zeros(sum(size**2 for size in sizes))
        for y, trace in self._parts(theta, max(1, JACOBIAN_NUMBERS // (self.network.widths[-1] * len(theta)))):
            jacobians = self._jacobians(trace, self.loss.curvature_factor(trace.outputs, y))
            for block, jacobian in zip(_square_matrices(sums, sizes), jacobians, strict=True):
                block.addmm_(jacobian.T, jacobian)
        blocks = _square_matrices(self.mean(sums), sizes)
        for block, layer in zip(blocks, layers_of(self.network, theta), strict=True):
            block.diagonal()[: layer.weight.numel()].add_(self.l2)
        return blocks

    def _jacobians(self, trace: Trace, factor: Tensor) -> list[Tensor]:
        """SJ of a chunk, layer by layer: (C, n, K) -> L times (C n, p_ℓ)."""
        return [
            torch.cat([(s[..., None] * trace.inputs[index][:, None, :]).flatten(2), s], 2).flatten(0, 1)
            for index, _, s in trace.down(factor)
        ][::-1]

    def ggn_form(self, theta: Tensor, v: Tensor) -> Tensor:
        direction, form = layers_of(self.network, v), v.new_zeros(len(v), len(v))
        for y, trace in self.known_traces(theta):
            df = trace.up(direction)[2]
            form += df.flatten(1) @ self.loss.curvature_product(trace.outputs, y, df).flatten(1).T
        return self.mean(form) + self.l2 * self.weights_of(v) @ v.T

    @property
    def has_hessian(self) -> bool:
        return self.network.activation.twice_differentiable and self.network.output_activation.twice_differentiable

    def _refuse_jumps(self) -> None:
        """Raises ValueError where an activation jumps: then the derivatives that exist do not add up to the loss."""
        for phi in (self.network.activation, self.network.output_activation):
            if not phi.twice_differentiable:
                raise ValueError(
                    f"the activation {type(phi).__name__} jumps, so the loss has no Hessian: choose another activation, tanh "
                    "for example"
                )

    # -- the parts of the Gauss–Newton matrix, and the penalty ---------------------------------------------------------

    def outputs(self, theta: Tensor) -> Tensor:
        return Trace.of(self.network, theta, self.features.to(theta.dtype)).outputs

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.mean(self.loss.loss(outputs, self.targets).sum())

    def penalty(self, theta: Tensor) -> Tensor:
        if self.l2 == 0:
            return theta.new_zeros(())
        weights = [layer.weight.flatten() for layer in layers_of(self.network, theta)]
        return 0.5 * self.l2 * sum((w @ w for w in weights), theta.new_zeros(()))

    def _penalised(self, derivative: Tensor, v: Tensor) -> Tensor:
        """`derivative` with ∇²r v = λ (W_1, 0, W_2, …) added in place: (…, p), v (…, p). No copy: θ may be large."""
        if self.l2:
            for layer, of_v in zip(layers_of(self.network, derivative), layers_of(self.network, v), strict=True):
                layer.weight.add_(of_v.weight, alpha=self.l2)
        return derivative

    def invariant_directions(self, theta: Tensor) -> Tensor:
        """The common shifts of the last layer where neither its activation nor the loss tells them apart."""
        if not (self.loss.shift_invariant and isinstance(self.network.output_activation, Identity)):
            return super().invariant_directions(theta)
        shifts = common_shifts(layers_of(self.network, theta)[-1].weight, penalised=self.l2 > 0)
        return torch.cat([shifts.new_zeros(len(theta) - len(shifts), shifts.shape[1]), shifts])


def _square_matrices(numbers: Tensor, sizes: list[int]) -> list[Tensor]:
    """Views of a vector (Σ size²,), one (size, size) after the other."""
    return [part.view(size, size) for part, size in zip(numbers.split([size**2 for size in sizes]), sizes, strict=True)]
