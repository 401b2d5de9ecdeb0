r"""The averaged quadratic model of mini-batches with Kronecker factors for the curvature.

    A_ℓ, G_ℓ ← averages of the factors of every layer, v of the diagonal of all other parameters
    G_ℓ ⊗ A_ℓ = U diag(λ) Uᵀ                                  renewed at updates 1, 2, 4, 8, … and every RENEWAL-th
    d = −U (λ + μ)⁻¹ Uᵀ g_t,   μ = mean λ                     layer by layer; entry by entry, v for λ, where there are no layers

and all else as in `running_model.py`: of a network the root of λ + μ, with half of μ; momentum, length and decay. The length is
that of the curvature itself, Σ_i JᵀHJ along q, so what the factors leave out, it has. Of a network, most λ are nothing beside
their mean μ: those that raise λ + μ by less than a tenth are taken for the least one (`leading_pairs.py`), which changes d by
a hundredth or less, and a layer of 785 inputs takes two fifths of the operations.

Sources: J. Martens and R. Grosse, Optimizing neural networks with Kronecker-factored approximate curvature (2015), for the
factors and section 6.4 for the length; V. Gupta, T. Koren and Y. Singer, Shampoo (2018), for the root.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from lightning_modules.objectives import Point
from lightning_modules.objectives.kronecker import KroneckerBlock
from lightning_modules.optimizers.running_model import CURVATURE_MEMORY, RunningModel
from lightning_modules.optimizers.running_state import RunningState
from lightning_modules.solvers.kronecker_blocks import Eigenbasis, diagonal_of
from lightning_modules.solvers.layer_places import LayerPlaces
from lightning_modules.solvers.leading_pairs import Corner, LeadingPairs, corner_of

RENEWAL = 16
# Eigenvalues of a network's layer that raise the damped curvature by less than this factor are taken for the least.
TOLD_APART = 1.1


@dataclass
class KroneckerState(RunningState):
    """What is kept of the factors; `curvature` is v (q,), of the parameters that are in no layer.

    Attributes:
        others: their places in θ (q,).
        inputs, outputs: averaged A and G of each layer, not yet corrected for their bias.
        bases: U_A, U_G, λ and the layer's places in θ, of each layer.
        corners: the pairs of eigenvalues of each layer that are told apart.
    """

    others: Tensor | None = None
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    bases: list[tuple[Tensor, ...]] = field(default_factory=list)
    corners: list[tuple[int, ...]] = field(default_factory=list)


class KroneckerModel(RunningModel):
    """The averages, and the step they lead to; arguments as of `RunningModel`, but C is always the Gauss–Newton matrix."""

    network_damping: ClassVar[float] = 0.5
    # A layer of a thousand inputs has as many directions to tell apart, for which twenty batches are not too many: of rows that
    # are drawn, all tell what its inputs are like.
    row_interval: ClassVar[int] = 1
    # A row with many outputs adds as many rows to G as it has draws, and the average is one of some thousand rows.
    row_draws: ClassVar[int] = 2
    state: KroneckerState

    def take_in(self, point: Point, seen: Point) -> None:
        state, of_all = self.state, point.curvature("ggn")
        is_drawn = seen.objective.num_rows < point.objective.num_rows
        curvature = of_all.kronecker_of(seen) if is_drawn else seen.curvature("ggn").kronecker()
        blocks = curvature.blocks
        if state.curvature is None or state.others is None:
            state.others = _in_no(blocks, len(curvature.rest))
            state.curvature = torch.zeros_like(curvature.rest[state.others])
            state.inputs = [torch.zeros_like(block.inputs) for block in blocks]
            state.outputs = [torch.zeros_like(block.outputs) for block in blocks]
        state.curvature.lerp_(curvature.rest[state.others], 1 - CURVATURE_MEMORY)
        for block, inputs, outputs in zip(blocks, state.inputs, state.outputs, strict=True):
            inputs.lerp_(block.inputs, 1 - CURVATURE_MEMORY)
            outputs.lerp_(block.outputs, 1 - CURVATURE_MEMORY)
        if state.updates & (state.updates - 1) == 0 or state.updates % RENEWAL == 0:
            share = 1 - CURVATURE_MEMORY**state.updates
            pairs = zip(state.inputs, state.outputs, blocks, strict=True)
            # What single precision leaves of small eigenvalues is nothing beside the mean of all, which damps them.
            precision = torch.promote_types(curvature.rest.dtype, torch.float32)
            bases = [Eigenbasis.of(a / share, g / share, block.places, curvature.rest, precision) for a, g, block in pairs]
            state.bases = [tuple(basis) for basis in bases]
            damping, told = self.damping(), TOLD_APART if self.of_network else 1.0
            state.corners = [tuple(corner_of(basis.values, damping, told)) for basis in bases]

    def newton(self, gradient: Tensor) -> Tensor:
        state = self.state
        assert state.damping is not None and state.curvature is not None and state.others is not None
        step = torch.empty_like(gradient)
        step[state.others] = gradient[state.others] * self._reciprocal(self.averaged())
        factors = [basis[2] for basis in state.bases]
        places = self._values.of("places", factors, lambda: [LayerPlaces(basis.places) for basis in self._bases()])
        leading = self._values.of("leading", [*factors, torch.as_tensor(state.damping)], self._leading)
        for where, function in zip(places, leading, strict=True):
            where.put(step, function(where.of(gradient)))
        return step.neg_()

    def _leading(self) -> list[LeadingPairs]:
        corners = [Corner(*corner) for corner in self.state.corners]
        return [LeadingPairs(*each, self._reciprocal) for each in zip(self._bases(), corners, strict=True)]

    def _reciprocal(self, curvature: Tensor) -> Tensor:
        """What a gradient is multiplied by, from the curvature there: any shape -> the same."""
        assert self.state.damping is not None
        damped = curvature + self.state.damping
        return damped.rsqrt_() if self.of_network else damped.reciprocal_()

    def diagonal(self) -> Tensor:
        state = self.state
        assert state.direction is not None and state.others is not None
        return diagonal_of(self._bases(), torch.zeros_like(state.direction).index_copy_(0, state.others, self.averaged()))

    def mean(self) -> Tensor:
        assert self.state.direction is not None
        of_layers = [basis.values.sum() for basis in self._bases()]
        return torch.stack([self.averaged().sum(), *of_layers]).sum() / len(self.state.direction)

    def _bases(self) -> list[Eigenbasis]:
        return [Eigenbasis(*basis) for basis in self.state.bases]


def _in_no(blocks: list[KroneckerBlock], size: int) -> Tensor:
    """The places of θ (size,) that no block has."""
    is_other = torch.ones(size, dtype=torch.bool, device=blocks[0].places.device)
    for block in blocks:
        is_other[block.places] = False
    return is_other.nonzero()[:, 0]
