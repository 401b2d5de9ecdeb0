"""A function that somebody wrote for θ, called so that what is wrong with it is said in one line.

What it raises for reasons of its own passes through; what torch says when a vector of another length or type comes in, or when
numbers leave torch, is said in the words of who wrote the function.
"""

from collections.abc import Callable

import torch
from torch import Tensor

DIFFERENTIABLE = "use operations of torch throughout, without .item(), .detach(), numpy or whole numbers"
BY_ROWS = (
    "torch.vmap calls it for many rows at once, so it is to return a tensor made of operations of torch, without .item(), "
    "branches on numbers, or random ones; or give residuals of all rows, without rows="
)
# By what torch's messages have in common.
NUMPY = ("numpy() on Tensor", "on tensor that requires grad", "on Tensor that requires grad")
TYPES = ("dtype", "scalar type", "data type")
SHAPES = (
    "size",
    "shape",
    "dimension",
    "out of bounds",
    "out of range",
    "not enough values to unpack",
    "too many values to unpack",
)


def called(function: Callable[[Tensor], object], theta: Tensor) -> object:
    """What a function of θ (p,) returns.

    Raises:
        ValueError: it takes a vector of another length or type, changes θ in place, or leaves torch; the cause is the error it
            ended with.
    """
    try:
        return function(theta)
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, (torch.OutOfMemoryError, torch.linalg.LinAlgError)):  # type: ignore[attr-defined]
            raise  # no matter of what θ is like
        if (remedy := _remedy(str(error), theta)) is None:
            raise
        first = str(error).strip().splitlines()[0]
        given = f"θ of {len(theta)} numbers of type {name_of(theta.dtype)}"
        raise ValueError(f"the function fails on {given} ({type(error).__name__}: {first}): {remedy}") from error


def _remedy(message: str, theta: Tensor) -> str | None:
    if "vmap" in message:
        return BY_ROWS
    if any(word in message for word in NUMPY):
        return DIFFERENTIABLE
    if "in-place" in message:
        return "it changes θ, which it must leave as it is; work on a copy, theta.clone()"
    if any(word in message for word in TYPES):
        return "give the start the type of the function's data, start.to(data.dtype)"
    if any(word in message for word in SHAPES):
        return "give a start with as many numbers as the function takes"
    return None


def is_real(value: object) -> bool:
    """Whether a function returned real numbers of torch."""
    return isinstance(value, Tensor) and value.is_floating_point()


def described(value: object) -> str:
    """What a function returned, for a refusal."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and type {name_of(value.dtype)}"
    return f"a {type(value).__name__}"


def hint(value: object) -> str:
    """How to return what can be differentiated, where that is what is wrong; else nothing."""
    if isinstance(value, (list, tuple)):
        return " (put its parts together by torch.stack or torch.cat)"
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return f" ({DIFFERENTIABLE})"
    return ""


def name_of(dtype: torch.dtype) -> str:
    """ "float64"."""
    return str(dtype).removeprefix("torch.")


def unmoved(value: Callable[[Tensor], Tensor], theta: Tensor, candidates: list[int]) -> tuple[int, ...]:
    """Which of the candidates j can be changed around θ (p,), a little and a tenth, without any change of a value ().

    Where the function has no value, it has changed.
    """

    def is_same(j: int, share: float) -> bool:
        moved = theta.clone()
        moved[j] += share * max(1.0, abs(float(theta[j])))
        try:
            return bool(value(moved) == here)
        except (ValueError, RuntimeError, ArithmeticError):
            return False

    with torch.no_grad():
        here = value(theta)
        return tuple(j for j in candidates if all(is_same(j, share) for share in (1e-3, -1e-3, 0.1, -0.1)))
