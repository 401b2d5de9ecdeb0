"""Rows that a loss has no value for are refused, without a wait for a device at every mini-batch."""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.counting import are, counted
from lightning_modules.devices import is_asynchronous
from lightning_modules.objectives.mapped_pages import pieces


def refuse_any(rows: Tensor, is_bad: Callable[[Tensor], Tensor], message: Callable[[Tensor], str]) -> None:
    """Refuse rows of which any is bad.

    A device that works on its own is not waited for: it stops by itself, with an error at the next wait.

    Args:
        rows: (n, …); they may be more than memory holds.
        is_bad: of some rows, a boolean for each of their numbers.
        message: what is said, given `is_bad` of all rows.

    Raises:
        ValueError: the message.
    """
    if is_asynchronous(rows):
        torch._assert_async(~is_bad(rows).any())
    elif any(bool(is_bad(part).any()) for (part,) in pieces(rows)):
        raise ValueError(message(is_bad(rows)))


def not_finite(bad: Tensor) -> str:
    """What is said of targets of which these are not finite (n, …)."""
    count = int(bad.sum())
    return f"{counted(count, 'target')} {are(count)} not finite: remove {'that row' if count == 1 else 'those rows'}"
