"""Convolutions in one to three dimensions, with stride, padding of any mode, dilation and groups."""

from collections.abc import Callable
from typing import cast

from torch import Tensor, nn
from torch.func import vjp
from torch.nn.functional import conv1d, conv2d, conv3d, pad

from lightning_modules.objectives.differentiation import recording
from lightning_modules.objectives.layers.layer import Visit, Weights, folded, unfolded
from lightning_modules.objectives.layers.windowed import Windowed
from lightning_modules.objectives.layers.windows import windows

OF_DIMENSIONS: dict[int, Callable[..., Tensor]] = {1: conv1d, 2: conv2d, 3: conv3d}
Convolutional = nn.Conv1d | nn.Conv2d | nn.Conv3d


class Convolution(Windowed):
    """z_t = W x_t + b, x_t the window of the input at position t.

    Args:
        module: whose form it has.
    """

    def __init__(self, module: Convolutional) -> None:
        super().__init__(module.bias is not None)
        self.kernel, self.stride, self.dilation = module.kernel_size, module.stride, module.dilation
        self.groups, self.mode, self.output_padding = module.groups, module.padding_mode, (0,) * len(self.kernel)
        self.convolve = OF_DIMENSIONS[len(self.kernel)]
        # What stands before and after each dimension, the last dimension first, as `pad` takes it.
        self.edges = list(module._reversed_padding_repeated_twice)
        before, after = self.edges[::-2], self.edges[-2::-2]
        is_plain = self.mode == "zeros" and before == after
        self.padding = tuple(after) if is_plain else (0,) * len(self.kernel)
        self.pads_apart = not is_plain

    def convolved(self, x: Tensor, weights: Weights) -> Tensor:
        bias = weights[1] if len(weights) > 1 else None
        return self.convolve(x, weights[0], bias, self.stride, self.padding, self.dilation, self.groups)

    def padded(self, x: Tensor, completely: bool = False) -> Tensor:
        if not (self.pads_apart or completely) or not any(self.edges):
            return x
        return pad(x, self.edges) if self.mode == "zeros" else pad(x, self.edges, self.mode)

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        if not self.pads_apart:
            return super().down(visit, e)
        like = visit.inputs[0][:1].expand(e.shape[0] * e.shape[1], *visit.inputs[0].shape[1:])
        with recording():
            padded, pull = cast(tuple[Tensor, Callable[[Tensor], tuple[Tensor]]], vjp(self.padded, like))
            (below,) = pull(self.pulled_back(folded(e), padded, visit.weights[0], (True, False, False))[0])
        return [unfolded(below, len(e))]

    def positions_in(self, visit: Visit) -> Tensor:
        x, size = self.padded(visit.inputs[0], completely=True), visit.output.shape[2:]
        return windows(x, self.kernel, self.stride, self.dilation, size).unflatten(1, (self.groups, -1))

    def positions_out(self, visit: Visit, e: Tensor) -> Tensor:
        return e.flatten(3).unflatten(2, (self.groups, -1))

    def as_weight(self, products: Tensor, visit: Visit) -> Tensor:
        return products.reshape(*products.shape[:-3], *visit.weights[0].shape)

    def as_matrix(self, weight: Tensor) -> Tensor:
        return weight.flatten(1).unflatten(0, (self.groups, -1))
