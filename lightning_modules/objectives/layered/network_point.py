r"""Value and gradient of a dense network.

    gradient     ∂/∂W_ℓ = 1/n Σ_i δ_ℓ h_{ℓ−1}ᵀ + λ W_ℓ,   ∂/∂b_ℓ = 1/n Σ_i δ_ℓ                δ: down from ∂l/∂f

Source: backpropagation, see `trace.py`.
"""

from torch import Tensor

from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.layered.network_curvature import NetworkCurvature, refuse_jumps
from lightning_modules.objectives.layered.network_loss import NetworkLoss
from lightning_modules.objectives.layered.trace import Trace, layers_of
from lightning_modules.objectives.passed_point import PassedPoint
from lightning_modules.objectives.row_loss import Pass


class NetworkPoint(PassedPoint[Trace]):
    """θ, with the passes of the rows through the network there; arguments as of `PassedPoint`."""

    loss: NetworkLoss

    def add_gradient(self, each: Pass[Trace], sums: Tensor) -> None:
        gradient = layers_of(self.loss.network, sums)
        for index, _, delta in each.trace.down(each.slopes):
            gradient[index].weight.addmm_(delta.T, each.trace.inputs[index])
            gradient[index].bias.add_(delta.sum(0))

    def make_curvature(self, kind: Kind) -> NetworkCurvature:
        if kind == "hessian":
            refuse_jumps(self.loss.network)
        return NetworkCurvature(self, kind, self.loss, self.passes)
