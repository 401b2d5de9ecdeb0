r"""One pass of rows through a dense network, and the two sweeps that every derivative of first order is made of.

    z_ℓ = W_ℓ h_{ℓ−1} + b_ℓ,   h_ℓ = φ(z_ℓ) [+ h_{ℓ−1}],   f = h_L                                ℓ = 1 … L

    up      dz_ℓ = dW_ℓ h_{ℓ−1} + db_ℓ + W_ℓ dh_{ℓ−1},   dh_ℓ = φ′(z_ℓ) ⊙ dz_ℓ [+ dh_{ℓ−1}]        dθ → df
    down    δ_ℓ = φ′(z_ℓ) ⊙ e_ℓ,   e_{ℓ−1} = W_ℓᵀ δ_ℓ [+ e_ℓ]                                      e_L → δ_ℓ

with [·] in layers that have a skip, e_ℓ = ∂L/∂h_ℓ and δ_ℓ = ∂L/∂z_ℓ. In code a row is a row, and several vectors at once
are stacked in front of the rows: (n, width) or (k, n, width).

Source: Goodfellow, Bengio and Courville, Deep Learning (2016), algorithms 6.3 and 6.4, with skips.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from lightning_modules.networks import Activation, DenseNetwork


@dataclass(frozen=True)
class Layer:
    """Parameters of one layer, or anything laid out like them: a direction dθ, a gradient, a diagonal of a curvature.

    Attributes:
        weight: W (out, in), or (k, out, in).
        bias: b (out,), or (k, 1, out), one for each of the rows.
    """

    weight: Tensor
    bias: Tensor


def layers_of(network: DenseNetwork, theta: Tensor) -> list[Layer]:
    """Views of θ (p,), or of k vectors like it (k, p), by layer; θ is laid out as `network.parameters()`."""
    shapes = list(pairwise(network.widths))
    parts = iter(theta.split([size for width, out in shapes for size in (out * width, out)], -1))
    if theta.ndim == 1:
        return [Layer(next(parts).view(out, width), next(parts)) for width, out in shapes]
    return [Layer(next(parts).unflatten(-1, (out, width)), next(parts)[..., None, :]) for width, out in shapes]


# Of a network and device they are the same at every step.
_PLACES: WeakKeyDictionary[DenseNetwork, dict[torch.device, list[Tensor]]] = WeakKeyDictionary()


def places_of(network: DenseNetwork, device: torch.device) -> list[Tensor]:
    """Where the entries of the matrix (W b) of each layer stand in θ (1, out, in + 1)."""
    by_device = _PLACES.setdefault(network, {})
    if device not in by_device:
        count = sum((width + 1) * out for width, out in pairwise(network.widths))
        layers = layers_of(network, torch.arange(count, device=device))
        by_device[device] = [torch.cat([layer.weight, layer.bias[:, None]], 1)[None] for layer in layers]
    return by_device[device]


def _affine(layer: Layer, h: Tensor) -> Tensor:
    """z = W h + b of each row: (n, in) -> (n, out)."""
    return torch.addmm(layer.bias, h, layer.weight.T)


@dataclass(frozen=True)
class Trace:
    """What a pass leaves behind, layer by layer.

    Attributes:
        layers: W_ℓ and b_ℓ.
        activations: φ of each layer, that of the output last.
        skips: whether a layer's input is added to its output.
        inputs: h_{ℓ−1} (n, in).
        before: z_ℓ (n, out).
        after: φ(z_ℓ) (n, out).
        outputs: f (n, K).
    """

    layers: list[Layer]
    activations: list[Activation]
    skips: tuple[bool, ...]
    inputs: list[Tensor]
    before: list[Tensor]
    after: list[Tensor]
    outputs: Tensor

    @classmethod
    def of(cls, network: DenseNetwork, theta: Tensor, rows: Tensor) -> "Trace":
        """Take rows h_0 (n, d) through the network at θ (p,)."""
        layers = layers_of(network, theta)
        passes = list(network.passes(rows, [partial(_affine, layer) for layer in layers]))
        return cls(
            layers,
            [each.activation for each in passes],
            tuple(each.skip for each in passes),
            [each.inputs for each in passes],
            [each.before for each in passes],
            [each.after for each in passes],
            passes[-1].after,
        )

    def split(self, rows: int) -> Iterator["Trace"]:
        """The same pass in parts of at most so many rows."""
        if rows >= len(self.outputs):
            yield self
            return
        for start in range(0, len(self.outputs), rows):
            part = slice(start, start + rows)
            inputs, before, after = ([t[part] for t in each] for each in (self.inputs, self.before, self.after))
            yield Trace(self.layers, self.activations, self.skips, inputs, before, after, self.outputs[part])

    @cached_property
    def slopes(self) -> list[Tensor]:
        """φ′(z_ℓ) of each layer, (n, out)."""
        return [phi.derivative(z, h) for phi, z, h in zip(self.activations, self.before, self.after, strict=True)]

    @cached_property
    def second_slopes(self) -> list[Tensor | None]:
        """φ″(z_ℓ) of each layer, (n, out); None where it is 0 everywhere."""
        return [
            None if phi.piecewise_linear else phi.second_derivative(z, h)
            for phi, z, h in zip(self.activations, self.before, self.after, strict=True)
        ]

    def down(self, e: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """(ℓ, e_ℓ, δ_ℓ) from the last layer to the first, ℓ counted from 0: e_L = ∂L/∂f (n, K) or k of them (k, n, K)."""
        for index in reversed(range(len(self.layers))):
            delta = self.activations[index].pull_back(e, self.before[index], self.after[index])
            yield index, e, delta
            if index:
                e = delta @ self.layers[index].weight + e if self.skips[index] else delta @ self.layers[index].weight

    def up(self, direction: list[Layer]) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """dh_{ℓ−1} (k, n, in) but for dh_0 = 0, dz_ℓ (k, n, out) and df (k, n, K) along k directions dθ."""
        inputs, before = [], []
        dh: Tensor | None = None
        for layer, move, h, slope, skip in zip(self.layers, direction, self.inputs, self.slopes, self.skips, strict=True):
            dz = h @ move.weight.mT + move.bias
            if dh is not None:
                dz = dz + dh @ layer.weight.T
                inputs.append(dh)
            before.append(dz)
            dh = slope * dz if dh is None or not skip else torch.addcmul(dh, slope, dz)
        assert dh is not None
        return inputs, before, dh
