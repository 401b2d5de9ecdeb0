"""Convolutions in one to three dimensions, with stride, padding of any mode, dilation and groups."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import vjp
from torch.nn.functional import conv1d, conv2d, conv3d, pad

from lightning_modules.objectives.differentiation import recording
from lightning_modules.objectives.layers.affine import Affine
from lightning_modules.objectives.layers.layer import Visit, Weights, folded, unfolded
from lightning_modules.objectives.layers.windows import windows

OF_DIMENSIONS: dict[int, Callable[..., Tensor]] = {1: conv1d, 2: conv2d, 3: conv3d}
Convolutional = nn.Conv1d | nn.Conv2d | nn.Conv3d


class Convolution(Affine):
    """z_t = W x_t + b, x_t the window of the input at position t.

    Args:
        module: whose form it has.
    """

    def __init__(self, module: Convolutional) -> None:
        super().__init__(module.bias is not None)
        self.kernel, self.stride, self.dilation = module.kernel_size, module.stride, module.dilation
        self.groups, self.mode = module.groups, module.padding_mode
        self.convolve = OF_DIMENSIONS[len(self.kernel)]
        # What stands before and after each dimension, the last dimension first, as `pad` takes it.
        self.edges = list(module._reversed_padding_repeated_twice)
        before, after = self.edges[::-2], self.edges[-2::-2]
        is_plain = self.mode == "zeros" and before == after
        self.padding = tuple(after) if is_plain else (0,) * len(self.kernel)
        self.pads_apart = not is_plain

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        return self._convolved(self._padded(inputs[0]), weights)

    def _convolved(self, x: Tensor, weights: Weights) -> Tensor:
        bias = weights[1] if len(weights) > 1 else None
        return self.convolve(x, weights[0], bias, self.stride, self.padding, self.dilation, self.groups)

    def _padded(self, x: Tensor, completely: bool = False) -> Tensor:
        """x with the edges that torch's convolution does not add itself, or with all of them."""
        if not (self.pads_apart or completely) or not any(self.edges):
            return x
        return pad(x, self.edges) if self.mode == "zeros" else pad(x, self.edges, self.mode)

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        (x,), (dx,) = visit.inputs, inputs
        padded = self._padded(x)
        dz = torch.stack([self._convolved(padded, tuple(move[index] for move in moves)) for index in range(len(moves[0]))])
        if dx is None:
            return dz
        return dz + unfolded(self._convolved(self._padded(folded(dx)), visit.weights[:1]), len(dz))

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        (x,), rows = visit.inputs, folded(e)
        like = x[:1].expand(len(rows), *x.shape[1:])
        if self.pads_apart:
            with recording():
                padded, pull = cast(tuple[Tensor, Callable[[Tensor], tuple[Tensor]]], vjp(self._padded, like))
                (below,) = pull(self._pulled_back(rows, padded, visit.weights[0], (True, False, False))[0])
        else:
            below = self._pulled_back(rows, like, visit.weights[0], (True, False, False))[0]
        return [unfolded(below, len(e))]

    def gradients(self, visit: Visit, e: Tensor) -> list[Tensor]:
        x, count = self._padded(visit.inputs[0]), len(visit.weights)
        of_each = [self._pulled_back(each, x, visit.weights[0], (False, True, count > 1))[1 : 1 + count] for each in e]
        return [torch.stack(parts) for parts in zip(*of_each, strict=True)]

    def _pulled_back(self, e: Tensor, x: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]) -> tuple[Tensor, ...]:
        """∂L/∂x, ∂L/∂W and ∂L/∂b, those that are wanted, by torch's own backward pass."""
        sizes, zero = [len(weight)], [0] * len(self.kernel)
        options = (self.stride, self.padding, self.dilation, False, zero, self.groups, wanted)
        return cast(tuple[Tensor, ...], torch.ops.aten.convolution_backward(e, x, weight, sizes, *options))

    def positions_in(self, visit: Visit) -> Tensor:
        x, size = self._padded(visit.inputs[0], completely=True), visit.output.shape[2:]
        return windows(x, self.kernel, self.stride, self.dilation, size).unflatten(1, (self.groups, -1))

    def positions_out(self, visit: Visit, e: Tensor) -> Tensor:
        return e.flatten(3).unflatten(2, (self.groups, -1))

    def as_weight(self, products: Tensor, visit: Visit) -> Tensor:
        return products.reshape(*products.shape[:-3], *visit.weights[0].shape)

    def as_matrix(self, weight: Tensor) -> Tensor:
        return weight.flatten(1).unflatten(0, (self.groups, -1))

    def bias_rows(self, e: Tensor) -> Tensor:
        return e.flatten(3).sum(3)
