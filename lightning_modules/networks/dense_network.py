"""A network of dense layers.

    z_ℓ = W_ℓ h_{ℓ−1} + b_ℓ        layers ℓ = 1 … L, from h_0 = x
    h_ℓ = φ(z_ℓ) [+ h_{ℓ−1}]       hidden layers ℓ < L; [ ] where the layer has a skip
    f(x) = ψ(z_L)

In code a row is a row: h_ℓ (n, width of layer ℓ), W_ℓ (width of layer ℓ, width of layer ℓ − 1).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, cast

from torch import Tensor, nn

from lightning_modules.counting import counted
from lightning_modules.networks.activation import Activation
from lightning_modules.networks.activations import make_activation
from lightning_modules.networks.initialization import initialize


class LayerPass(NamedTuple):
    """Rows at one layer.

    Attributes:
        inputs: h_{ℓ−1} (n, in).
        before: z_ℓ (n, out).
        after: φ(z_ℓ) (n, out).
        activation: φ.
        skip: whether the input is added to what comes after.
    """

    inputs: Tensor
    before: Tensor
    after: Tensor
    activation: Activation
    skip: bool


class DenseNetwork(nn.Module):
    """Rows of features (n, d) -> outputs (n, K), through hidden layers without skips.

    Args:
        widths: (d, hidden widths …, K).
        activation: φ of the hidden layers, by its name in `ACTIVATIONS`.
        initialization: of the weights, see `initialize`; the biases start at 0.
        output_activation: ψ, by its name in `ACTIVATIONS`.

    Attributes:
        widths: the same, a tuple.
        layers: the L linear layers, an `nn.ModuleList`, so that the parameters' order is W_1, b_1, W_2, b_2, ….
        activation, output_activation: φ and ψ.
        skips: for each hidden layer, whether its input is added to its output.

    Raises:
        ValueError: fewer than two widths, one that is not a positive whole number, an unknown name.
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation: str = "relu",
        initialization: float | str = "xavier_uniform",
        output_activation: str = "identity",
    ) -> None:
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"widths={list(widths)}: give at least the number of features and the number of outputs")
        if not all(isinstance(width, int) and width > 0 for width in widths):
            raise ValueError(f"widths={list(widths)}: every width is a number of units, a whole number ≥ 1")
        self.widths = tuple(widths)
        self.activation = make_activation(activation)
        self.output_activation = make_activation(output_activation)
        self.skips = (False,) * (len(widths) - 2)
        layers = [nn.Linear(before, after) for before, after in pairwise(widths)]
        initialize(layers, initialization)
        # A ModuleList, typed as what it holds.
        self.layers = cast(Sequence[nn.Linear], nn.ModuleList(layers))

    def forward(self, x: Tensor) -> Tensor:
        """f(x) of each row: (n, d) -> (n, K).

        Raises:
            ValueError: the rows do not have d features.
        """
        self.check(x)
        *_, last = self.passes(x, self.layers)
        return last.after

    def passes(self, x: Tensor, layers: Iterable[Callable[[Tensor], Tensor]]) -> Iterator[LayerPass]:
        """Rows on their way through the layers, from h_0 = x (n, d).

        Args:
            x: the rows.
            layers: the L affine maps h_{ℓ−1} → z_ℓ: the network's own, or those of other weights.
        """
        activations = [self.activation] * len(self.skips) + [self.output_activation]
        h = x
        for layer, phi, skip in zip(layers, activations, (*self.skips, False), strict=True):
            before = layer(h)
            after = phi(before)
            yield LayerPass(h, before, after, phi, skip)
            h = after + h if skip else after

    def check(self, x: Tensor) -> None:
        """Refuse anything but rows of d features.

        Raises:
            ValueError: not (n, d).
        """
        if x.ndim != 2 or x.shape[1] != self.widths[0]:
            raise ValueError(
                f"the input has shape {tuple(x.shape)}, the network takes rows of {counted(self.widths[0], 'feature')}, "
                f"(n, {self.widths[0]}): make the first width the number of features"
            )
