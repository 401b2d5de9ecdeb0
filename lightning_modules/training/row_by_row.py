"""What a curvature counts on, tried on a few rows: that a module takes each by itself, and the same way every time."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lightning_modules.objectives.layers_without_curvature import NoFunctionError

MOST_ROWS = 32


def refuse_other_than_rows(
    outputs: Callable[[Tensor], Tensor], features: Tensor, name: str, buffers: Sequence[Tensor] = ()
) -> None:
    """Refuse a module that is random or remembers, or for which the rows of a batch are not independent of each other.

    Args:
        outputs: the module, rows (n, …) -> outputs (n, K).
        features: some rows (n, …); only the first are looked at.
        name: of the module's class.
        buffers: of the module, left as they were; what it keeps in floating point, such as an average, no look may change.

    Raises:
        NoFunctionError: a second look at the same rows gives other outputs, or other rows beside a row do.
    """
    rows = features[:MOST_ROWS]
    half = len(rows) // 2
    kept = [buffer.clone() for buffer in buffers]
    with torch.no_grad(), torch.random.fork_rng(devices=[rows.device] if rows.device.type == "cuda" else []):
        first, again = outputs(rows), outputs(rows)
        turned = outputs(rows.flip(0)).flip(0)
        # The largest number of all rows, say, is missing in one of the halves only.
        parts = [outputs(part) for part in (rows[:half], rows[half:])] if half else [first]
        remembers = False
        for buffer, before in zip(buffers, kept, strict=True):
            remembers = remembers or (buffer.is_floating_point() and not torch.equal(buffer, before))
            buffer.copy_(before)
    if not bool(torch.isfinite(first).all()):
        return  # which is said where the loss is looked at
    if differ(again, first) or remembers:
        raise NoFunctionError(
            f"{name} makes something else of the same rows at a second look: it is random, or remembers what it has seen, so "
            "neither a search nor a curvature means anything",
            "call module.eval(), make its forward a function of the rows alone, or use a method of torch.optim",
        )
    if differ(turned, first) or differ(torch.cat(parts), first):
        raise NoFunctionError(
            f"what {name} makes of a row depends on the other rows of the batch, so the loss is no mean over rows, whose "
            "curvature this is",
            "let its forward take each row by itself, without means, sums or orders over rows, or use a method of torch.optim",
        )


def differ(found: Tensor, expected: Tensor) -> bool:
    """Whether outputs (n, K) are others than by rounding, in half of the digits that their type has."""
    if found.shape != expected.shape:
        return True
    if expected.numel() == 0:
        return False
    most = float(expected.abs().max())
    return not bool(((found - expected).abs() <= torch.finfo(expected.dtype).eps ** 0.5 * max(most, 1e-30)).all())
