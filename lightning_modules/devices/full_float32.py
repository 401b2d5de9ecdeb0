"""float32 with all its digits: by a setting of torch, products of matrices and convolutions may be computed in fewer."""

from contextlib import ContextDecorator
from typing import Any

import torch


class full_float32(ContextDecorator):
    """Inside, no product of float32 matrices is rounded to TF32 or bfloat16, whatever the user has set; after, it is as set.

    TF32 keeps 10 of 23 bits. Derivatives are good to 3 digits then, and a curvature of 3 digits is not positive definite where
    its condition number is above 1000.
    """

    def __enter__(self) -> "full_float32":
        self._before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
        _set("highest", False)
        return self

    def __exit__(self, *_: Any) -> None:
        _set(*self._before)

    def _recreate_cm(self) -> "full_float32":
        return full_float32()  # each call has a setting of its own to return to


def _set(matmul: str, convolutions: bool) -> None:
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = convolutions
