"""float32 with all its digits: by a setting of torch, products of matrices and convolutions may be computed in fewer."""

from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any, TypeVar

import torch

T = TypeVar("T")


class full_float32(ContextDecorator):
    """Inside, no product of float32 matrices is rounded to TF32 or bfloat16, whatever the user has set; after, it is as set.

    TF32 keeps 10 of 23 bits. Derivatives are good to 3 digits then, and a curvature of 3 digits is not positive definite where
    its condition number is above 1000.

    Args:
        dtype: of what is computed inside; of float64 nothing is ever left out, and nothing has to be set.
    """

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype

    def __enter__(self) -> "full_float32":
        if self._dtype == torch.float64:
            return self
        self._before = _settings()
        _set("highest", False)
        for operation in _operations():  # those that nothing is set for take what is set for all of them
            operation.fp32_precision = "ieee"
        return self

    def __exit__(self, *_: Any) -> None:
        if self._dtype == torch.float64:
            return
        matmul, convolutions, of_each = self._before
        _set(matmul, convolutions)
        for operation, precision in zip(_operations(), of_each, strict=True):
            operation.fp32_precision = precision

    def _recreate_cm(self) -> "full_float32":
        return full_float32(self._dtype)  # each call has a setting of its own to return to


def _settings() -> tuple[str | None, bool | None, list[str]]:
    """What is set for products, for convolutions, and from torch 2.9 on for each operation by itself.

    Where a user has set the latter, torch refuses to say the former: None.
    """
    return (
        _if_said(torch.get_float32_matmul_precision),
        _if_said(lambda: torch.backends.cudnn.allow_tf32),
        [operation.fp32_precision for operation in _operations()],
    )


def _if_said(setting: Callable[[], T]) -> T | None:
    try:
        return setting()
    except RuntimeError:
        return None


def _operations() -> list[Any]:
    """What has a precision of its own in this version of torch."""
    backends: Any = torch.backends
    places = (backends.cuda, "matmul"), (backends.cudnn, "conv"), (backends.cudnn, "rnn"), (backends.mkldnn, "matmul")
    found = [getattr(backend, name, None) for backend, name in places]
    return [operation for operation in found if hasattr(operation, "fp32_precision")]


def _set(matmul: str | None, convolutions: bool | None) -> None:
    if matmul is not None:
        torch.set_float32_matmul_precision(matmul)
    if convolutions is not None:
        torch.backends.cudnn.allow_tf32 = convolutions
