"""What convolutions and transposed ones share: torch's own kernels, forwards and backwards."""

from abc import abstractmethod
from typing import cast

import torch
from torch import Tensor

from lightning_modules.objectives.layers.affine import Affine
from lightning_modules.objectives.layers.layer import Visit, Weights, folded, unfolded


class Windowed(Affine):
    """A layer whose weight sees, or fills, a window at every position, in one to three dimensions.

    Attributes:
        kernel, stride, padding, dilation, output_padding: in each dimension.
        groups: of channels.
        is_transposed: whether windows are filled.
    """

    is_transposed = False
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int

    @abstractmethod
    def convolved(self, x: Tensor, weights: Weights) -> Tensor:
        """W ∗ x + b of padded rows, without b if there is none."""

    def padded(self, x: Tensor) -> Tensor:
        """x with the edges that torch's kernel does not add itself."""
        return x

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        return self.convolved(self.padded(inputs[0]), weights)

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        x, (dx,) = self.padded(visit.inputs[0]), inputs
        dz = torch.stack([self.convolved(x, tuple(move[index] for move in moves)) for index in range(len(moves[0]))])
        return dz if dx is None else dz + unfolded(self.convolved(self.padded(folded(dx)), visit.weights[:1]), len(dz))

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        like = visit.inputs[0][:1].expand(e.shape[0] * e.shape[1], *visit.inputs[0].shape[1:])
        return [unfolded(self.pulled_back(folded(e), like, visit.weights[0], (True, False, False))[0], len(e))]

    def gradients(self, visit: Visit, e: Tensor) -> list[Tensor]:
        x, count = self.padded(visit.inputs[0]), len(visit.weights)
        of_each = [self.pulled_back(each, x, visit.weights[0], (False, True, count > 1))[1 : 1 + count] for each in e]
        return [torch.stack(parts) for parts in zip(*of_each, strict=True)]

    def pulled_back(self, e: Tensor, x: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]) -> tuple[Tensor, ...]:
        """∂L/∂x, ∂L/∂W and ∂L/∂b, those that are wanted, by torch's own backward pass."""
        sizes = [weight.shape[1] * self.groups if self.is_transposed else len(weight)]
        options = (self.stride, self.padding, self.dilation, self.is_transposed, self.output_padding, self.groups, wanted)
        return cast(tuple[Tensor, ...], torch.ops.aten.convolution_backward(e, x, weight, sizes, *options))

    def bias_rows(self, e: Tensor) -> Tensor:
        return e.flatten(3).sum(3)
