"""h_ℓ = φ(z_ℓ) + h_{ℓ−1} in every hidden layer that keeps the width: dense layers with skips."""

from collections.abc import Sequence
from itertools import pairwise

from lightning_modules.networks.dense_network import DenseNetwork


class ResidualNetwork(DenseNetwork):
    """Rows of features (n, d) -> outputs (n, K), each hidden layer of equal input and output width with a skip.

    The sum stands behind φ, so a gradient passes a layer unchanged beside what passes through its weights:
    ∂h_ℓ/∂h_{ℓ−1} = diag(φ′(z_ℓ)) W_ℓ + I.

    Args:
        widths: (d, hidden widths …, K).
        activation: φ of the hidden layers, by its name in `ACTIVATIONS`.
        initialization: of the weights, see `initialize`; the biases start at 0.
        output_activation: ψ, by its name in `ACTIVATIONS`.

    Raises:
        ValueError: no hidden layer keeps the width; what `DenseNetwork` refuses.
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation: str = "relu",
        initialization: float | str = "xavier_uniform",
        output_activation: str = "identity",
    ) -> None:
        super().__init__(widths, activation, initialization, output_activation)
        self.skips = tuple(before == after for before, after in pairwise(self.widths[:-1]))
        if not any(self.skips):
            raise ValueError(
                f"widths={list(widths)}: no hidden layer has as many units as the layer before it, so no skip fits; "
                "repeat a hidden width, or take a network without them, MLP"
            )
