r"""The averaged quadratic model of mini-batches with Kronecker factors for the curvature.

    A_ℓ, G_ℓ ← averages of the factors of every layer, v of the diagonal of all other parameters
    G_ℓ ⊗ A_ℓ = U diag(λ) Uᵀ                                  renewed at updates 1, 2, 4, 8, … and every RENEWAL-th
    d = −U (λ + μ)⁻¹ Uᵀ g_t,   μ = mean λ                     layer by layer; entry by entry, v for λ, where there are no layers

and all else as in `running_model.py`: of a network the root of λ + μ, with all of μ; momentum, length and decay. The length is
that of the curvature itself, Σ_i JᵀHJ along q, so what the factors leave out, it has.

Sources: J. Martens and R. Grosse, Optimizing neural networks with Kronecker-factored approximate curvature (2015), for the
factors and section 6.4 for the length; V. Gupta, T. Koren and Y. Singer, Shampoo (2018), for the root.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from lightning_modules.objectives import Point
from lightning_modules.optimizers.running_model import CURVATURE_MEMORY, RunningModel
from lightning_modules.optimizers.running_state import RunningState
from lightning_modules.solvers.kronecker_blocks import Eigenbasis, diagonal_of

RENEWAL = 64


@dataclass
class KroneckerState(RunningState):
    """What is kept of the factors; `curvature` is v, 0 where there are layers.

    Attributes:
        inputs, outputs: averaged A and G of each layer, not yet corrected for their bias.
        bases: U_A, U_G, λ and the layer's places in θ, of each layer.
    """

    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    bases: list[tuple[Tensor, ...]] = field(default_factory=list)


class KroneckerModel(RunningModel):
    """The averages, and the step they lead to; arguments as of `RunningModel`, but C is always the Gauss–Newton matrix."""

    network_damping: ClassVar[float] = 1.0
    # A layer of a thousand inputs has as many directions to tell apart, for which twenty batches are not too many: of rows that
    # are drawn, all tell what its inputs are like.
    row_interval: ClassVar[int] = 1
    state: KroneckerState

    def take_in(self, point: Point, seen: Point) -> None:
        state, of_all = self.state, point.curvature("ggn")
        is_drawn = seen.objective.num_rows < point.objective.num_rows
        curvature = of_all.kronecker_of(seen) if is_drawn else seen.curvature("ggn").kronecker()
        blocks, rest = curvature.blocks, curvature.rest.clone()
        for block in blocks:
            rest[block.places] = 0.0  # what it has there, a penalty, is in the layer's λ
        if state.curvature is None:
            state.curvature = torch.zeros_like(rest)
            state.inputs = [torch.zeros_like(block.inputs) for block in blocks]
            state.outputs = [torch.zeros_like(block.outputs) for block in blocks]
        state.curvature.lerp_(rest, 1 - CURVATURE_MEMORY)
        for block, inputs, outputs in zip(blocks, state.inputs, state.outputs, strict=True):
            inputs.lerp_(block.inputs, 1 - CURVATURE_MEMORY)
            outputs.lerp_(block.outputs, 1 - CURVATURE_MEMORY)
        if state.updates & (state.updates - 1) == 0 or state.updates % RENEWAL == 0:
            share = 1 - CURVATURE_MEMORY**state.updates
            pairs = zip(state.inputs, state.outputs, blocks, strict=True)
            # What single precision leaves of small eigenvalues is nothing beside the mean of all, which damps them.
            precision = torch.promote_types(curvature.rest.dtype, torch.float32)
            state.bases = [
                tuple(Eigenbasis.of(a / share, g / share, block.places, curvature.rest, precision)) for a, g, block in pairs
            ]

    def newton(self, gradient: Tensor) -> Tensor:
        damping = self.state.damping
        assert damping is not None
        step = gradient / self._divisor_of(self.averaged() + damping)
        for basis in self._bases():
            basis.put_back(step, basis.turned(gradient) / self._divisor_of(basis.values + damping))
        return step.neg_()

    def _divisor_of(self, damped: Tensor) -> Tensor:
        """What a gradient is divided by, from the damped curvature there: any shape -> the same."""
        return damped.sqrt() if self.of_network else damped

    def diagonal(self) -> Tensor:
        return diagonal_of(self._bases(), self.averaged())

    def mean(self) -> Tensor:
        rest = self.averaged()
        return (rest.sum() + sum(basis.values.sum() for basis in self._bases())) / len(rest)

    def _bases(self) -> list[Eigenbasis]:
        return [Eigenbasis(*basis) for basis in self.state.bases]
