"""What a convolution's kernel sees of its input at every position, in one to three dimensions."""

from collections.abc import Sequence
from math import prod

from torch import Tensor


def windows(
    x: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], positions: Sequence[int]
) -> Tensor:
    """The windows of padded rows: (n, channels, *size) -> (n, channels · kernel, positions).

    Args:
        x: rows, padded.
        kernel, stride, dilation: in each dimension.
        positions: how many there are in each dimension.
    """
    strides = x.stride()
    inner = [step * each for step, each in zip(strides[2:], dilation, strict=True)]
    outer = [step * each for step, each in zip(strides[2:], stride, strict=True)]
    view = x.as_strided((*x.shape[:2], *kernel, *positions), (*strides[:2], *inner, *outer))
    return view.reshape(len(x), x.shape[1] * prod(kernel), prod(positions))
