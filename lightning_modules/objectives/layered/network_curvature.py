r"""The curvature of a dense network's loss by sweeps that are written out.

    GGN · v      the gradient's sweep, down from H df                                        df: up along v, H = ∂²l/∂f²
    GGN          Σ_i JᵀHJ = Σ_i (SJ)ᵀ(SJ),   H = SᵀS                                         SJ: down from the rows of S
    diag GGN     ∂²/∂W_ℓ,jk² : Σ_i (Σ_c s_cj²) h_k²                                          s: the same sweep
    Hessian · v  R-operator: dδ = φ′ ⊙ de + φ″ ⊙ e ⊙ dz,   de_{ℓ−1} = Wᵀ dδ + dWᵀ δ [+ de]

Sources: sweeps, see `trace.py`; B. Pearlmutter, Fast exact multiplication by the Hessian (1994), section 3; N. Schraudolph,
Fast curvature matrix-vector products (2002), section 3. The diagonal of the Hessian: `hessian_diagonal.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives.curvature import Curvature, Place
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.kronecker import (
    KroneckerBlock,
    KroneckerCurvature,
    Sharing,
    add_bordered_moments,
    add_second_moments,
    check_factors,
    refuse_wide,
)
from lightning_modules.objectives.layered.hessian_diagonal import squares
from lightning_modules.objectives.layered.network_loss import NetworkLoss
from lightning_modules.objectives.layered.network_rows import NetworkRows
from lightning_modules.objectives.layered.trace import Layer, Trace, layers_of, places_of
from lightning_modules.objectives.once import once
from lightning_modules.objectives.passes import Passes
from lightning_modules.objectives.room import refuse_without_room
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time

# What k vectors leave behind on their way through the network stays in a cache; the Jacobian of a chunk only in memory.
CACHE_NUMBERS, JACOBIAN_NUMBERS = 2**19, 2**23


class NetworkCurvature(Curvature):
    """Hessian or generalised Gauss–Newton matrix of a dense network's loss.

    Args:
        point: where.
        kind: "hessian" or "ggn".
        loss: the network on its rows.
        passes: of the rows there.
    """

    def __init__(self, point: Place, kind: Kind, loss: NetworkLoss, passes: Passes[Trace]) -> None:
        super().__init__(point, kind)
        self.passes, self.loss = passes, loss

    def product(self, v: Tensor) -> Tensor:
        return self._products(v[None])[0]

    @property
    def has_diagonal(self) -> bool:
        return True

    @once
    def matrix(self) -> Tensor:
        if self.kind == "ggn":
            return self._ggn()
        matrix = self._columns()
        return (matrix + matrix.T) / 2

    @once
    def diagonal(self) -> Tensor:
        """Exact; of the Hessian, see `hessian_diagonal.py`. Both are equal where all activations are piecewise linear."""
        loss, network = self.loss, self.loss.network
        is_curved = not all(phi.piecewise_linear for phi in (network.activation, network.output_activation))
        sums = torch.zeros_like(self.theta)
        diagonal = layers_of(network, sums)
        for each in self.passes:
            trace, e = each.trace, each.slopes if self.kind == "hessian" and is_curved else None
            for index, square in squares(trace, loss.pointwise.curvature_factor(trace.outputs, each.targets), e):
                diagonal[index].weight.addmm_(square.T, trace.inputs[index].square())
                diagonal[index].bias.add_(square.sum(0))
        return loss.penalised(loss.mean(sums), self._ones)

    def form(self, directions: Tensor) -> Tensor:
        if self.kind == "hessian":
            return super().form(directions)
        loss, moves = self.loss, layers_of(self.loss.network, directions)
        form = directions.new_zeros(len(directions), len(directions))
        for y, trace in self.passes.parts(loss.rows_of_vectors(len(directions), loss.chunk_rows)):
            df = trace.up(moves)[2]
            form += df.flatten(1) @ loss.pointwise.curvature_product(trace.outputs, y, df).flatten(1).T
        return loss.l2_penalty.add_form(loss.mean(form), directions)

    def scale(self) -> Tensor:
        return self.diagonal().abs()

    def kronecker(self, sharing: Sharing = "expand") -> KroneckerCurvature:
        """Of dense layers, where both ways of sharing are one: A and G in one sweep down from the rows of S."""
        check_factors(self.kind, sharing)
        self._refuse_wide()
        return self._of_factors(self._input_factors())

    def kronecker_of(self, drawn: Place) -> KroneckerCurvature:
        self._refuse_wide()
        of_drawn = drawn.curvature("ggn")
        assert isinstance(of_drawn, NetworkCurvature)
        return of_drawn._of_factors(self._input_factors())

    def _of_factors(self, inputs: list[Tensor]) -> KroneckerCurvature:
        """The blocks of A and G, A as it is given."""
        pairs = zip(inputs, self._output_factors(), places_of(self.loss.network, self.theta.device), strict=True)
        blocks = [KroneckerBlock(a[None], g[None], places) for a, g, places in pairs]
        return KroneckerCurvature(blocks, self.loss.penalised(torch.zeros_like(self.theta), self._ones))

    def _input_factors(self) -> list[Tensor]:
        """A (in + 1, in + 1) of every layer."""

        def add(trace: Trace, targets: Tensor, sums: list[Tensor]) -> None:
            for total, x in zip(sums, trace.inputs, strict=True):
                add_bordered_moments(total[None], x.T[None])

        return self._means([width + 1 for width in self.loss.network.widths[:-1]], add)

    def _output_factors(self) -> list[Tensor]:
        """G (out, out) of every layer."""

        def add(trace: Trace, targets: Tensor, sums: list[Tensor]) -> None:
            for index, _, s in trace.down(self.loss.pointwise.curvature_factor(trace.outputs, targets)):
                add_second_moments(sums[index][None], s.flatten(0, 1).T[None])

        return self._means(self.loss.network.widths[1:], add)

    def _means(self, sizes: Sequence[int], add: Callable[[Trace, Tensor, list[Tensor]], None]) -> list[Tensor]:
        """Means over all rows of one square matrix of every layer, which `add` adds up over those of a pass."""
        sums = self.theta.new_zeros(sum(size**2 for size in sizes))
        squares = [size**2 for size in sizes]
        matrices = [part.view(size, size) for part, size in zip(sums.split(squares), sizes, strict=True)]
        for each in self.passes:
            add(each.trace, each.targets, matrices)
        means = self.loss.mean(sums)
        return [part.view(size, size) for part, size in zip(means.split(squares), sizes, strict=True)]

    def _refuse_wide(self) -> None:
        refuse_wide(sum((before + 1) ** 2 + after**2 for before, after in pairwise(self.loss.network.widths)), self.theta)

    @property
    def knows_rows(self) -> bool:
        return True

    @property
    def num_factor_rows(self) -> int:
        return self.loss.num_factors * self.loss.num_rows

    def factor_rows(self) -> NetworkRows:
        return NetworkRows(self.loss, self.passes)

    def completing_directions(self) -> Tensor:
        # Without a penalty there are as many as the last layer has inputs, of p numbers each. One number damps that layer, so
        # that steps leave them alone.
        return super().completing_directions() if self.loss.l2 else self.theta[:, None][:, :0]

    def penalty_diagonal(self) -> Tensor:
        return self.loss.penalised(torch.zeros_like(self.theta), self._ones)

    # -- sweeps --------------------------------------------------------------------------------------------------------

    def _products(self, v: Tensor) -> Tensor:
        """k products (k, p); the Gauss–Newton matrix leaves the network's own curvature out."""
        loss, is_hessian = self.loss, self.kind == "hessian"
        direction, sums = layers_of(loss.network, v), torch.zeros_like(v)
        product = layers_of(loss.network, sums)
        # One vector goes through whole chunks, whose slopes are known from the gradient; several through as many rows as fit.
        fitting = CACHE_NUMBERS // (len(v) * sum(loss.network.widths))
        for y, trace in self.passes.parts(loss.chunk_rows if len(v) == 1 else loss.rows_of_vectors(len(v), fitting)):
            dh, dz, df = trace.up(direction)
            for index, delta, d_delta in self._down_twice(trace, y, direction, dz, df):
                product[index].weight.add_(d_delta.mT @ trace.inputs[index])
                product[index].bias.add_(d_delta.sum(1, keepdim=True))
                if is_hessian and index:
                    product[index].weight.add_(delta.T @ dh[index - 1])
        return loss.penalised(loss.mean(sums), v)

    def _down_twice(
        self, trace: Trace, y: Tensor, direction: list[Layer], dz: list[Tensor], df: Tensor
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """(ℓ, δ_ℓ (n, out), dδ_ℓ (k, n, out)) from the last layer to the first."""
        loss, is_hessian = self.loss.pointwise, self.kind == "hessian"
        de = loss.curvature_product(trace.outputs, y, df)
        for index, e, delta in trace.down(loss.gradient(trace.outputs, y)):
            second = trace.second_slopes[index] if is_hessian else None
            d_delta = de * trace.slopes[index]
            if second is not None:
                d_delta = d_delta + e * second * dz[index]
            yield index, delta, d_delta
            if index:
                below = d_delta @ trace.layers[index].weight
                if is_hessian:
                    below = below + delta @ direction[index].weight
                de = below + de if trace.skips[index] else below

    def _ggn(self) -> Tensor:
        """(p, p) from the rows of SJ."""
        loss = self.loss
        refuse_without_room(len(self.theta), self.theta)
        sums = self.theta.new_zeros(len(self.theta), len(self.theta))
        numbers = loss.network.widths[-1] * len(self.theta)
        # On a device the rows of SJ and, while they are joined, their parts.
        rows = rows_at_a_time(self.theta.device, JACOBIAN_NUMBERS // numbers, 2 * 8 * numbers)
        for y, trace in self.passes.parts(rows):
            factor = loss.pointwise.curvature_factor(trace.outputs, y)
            jacobian = torch.cat(
                [
                    torch.cat([(s[..., None] * trace.inputs[index][:, None, :]).flatten(2), s], 2).flatten(0, 1)
                    for index, _, s in trace.down(factor)
                ][::-1],
                1,
            )
            sums.addmm_(jacobian.T, jacobian)
        ggn = loss.mean(sums)
        loss.penalised(ggn.diagonal(), self._ones)
        return ggn

    @property
    def _ones(self) -> Tensor:
        return self.theta.new_ones(()).expand_as(self.theta)


def refuse_jumps(network: DenseNetwork) -> None:
    """Refuse a Hessian where an activation jumps: then the derivatives that exist do not add up to the loss.

    Raises:
        ValueError: an activation jumps.
    """
    for phi in (network.activation, network.output_activation):
        if not phi.twice_differentiable:
            raise ValueError(
                f"the activation {type(phi).__name__} jumps, so the loss has no Hessian: choose another activation, tanh "
                "for example"
            )
