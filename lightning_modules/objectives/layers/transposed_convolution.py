"""Transposed convolutions in one to three dimensions."""

from collections.abc import Callable
from typing import cast

from torch import Tensor, nn
from torch.nn.functional import conv_transpose1d, conv_transpose2d, conv_transpose3d, pad

from lightning_modules.objectives.layers.layer import Visit, Weights, folded, unfolded
from lightning_modules.objectives.layers.windowed import Windowed
from lightning_modules.objectives.layers.windows import windows

OF_DIMENSIONS: dict[int, Callable[..., Tensor]] = {1: conv_transpose1d, 2: conv_transpose2d, 3: conv_transpose3d}
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d


class TransposedConvolution(Windowed):
    """Every position t of the input adds W x_t to the window of the output there, and each place of the output b once.

    Args:
        module: whose form it has.
    """

    is_transposed = True
    bias_is_column = False

    def __init__(self, module: Transposed) -> None:
        super().__init__(module.bias is not None)
        self.kernel, self.stride, self.dilation = module.kernel_size, module.stride, module.dilation
        self.groups, self.padding = module.groups, cast(tuple[int, ...], module.padding)
        self.output_padding = module.output_padding
        self.convolve = OF_DIMENSIONS[len(self.kernel)]

    def convolved(self, x: Tensor, weights: Weights) -> Tensor:
        bias = weights[1] if len(weights) > 1 else None
        options = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return self.convolve(x, weights[0], bias, *options)

    def positions_in(self, visit: Visit) -> Tensor:
        return visit.inputs[0].flatten(2).unflatten(1, (self.groups, -1))

    def positions_out(self, visit: Visit, e: Tensor) -> Tensor:
        edges = [each for padding in reversed(self.padding) for each in (padding, padding)]
        padded = pad(folded(e), edges).contiguous()
        seen = windows(padded, self.kernel, self.stride, self.dilation, visit.inputs[0].shape[2:])
        return unfolded(seen.unflatten(1, (self.groups, -1)), len(e))

    def as_weight(self, products: Tensor, visit: Visit) -> Tensor:
        return products.mT.reshape(*products.shape[:-3], *visit.weights[0].shape)

    def as_matrix(self, weight: Tensor) -> Tensor:
        return weight.flatten(1).unflatten(0, (self.groups, -1)).mT
