"""Weights and offsets of rows, checked, and the family that takes them with the targets."""

import torch
from torch import Tensor

from lightning_modules.counting import are, counted
from lightning_modules.devices import is_asynchronous
from lightning_modules.objectives.families import Family
from lightning_modules.objectives.families.refused_rows import refuse_any
from lightning_modules.objectives.linear.per_row import PerRow, RowTerms
from lightning_modules.objectives.reduction import Reduction, total_count


def row_terms(rows: int, outputs: int, weights: Tensor | None, offset: Tensor | None, reduction: Reduction) -> RowTerms:
    """Weights (n,) and offset (n,) or (n, K), if there are any, as columns.

    Raises:
        ValueError: another shape, a number that is not finite, a negative weight, no weight above 0 on any process.
    """
    return RowTerms(
        None if weights is None else _checked_weights(weights, rows, reduction),
        None if offset is None else _checked_offset(offset, rows, outputs),
    )


def rows_that_count(terms: RowTerms) -> Tensor | None:
    """Which rows have a weight above 0; None = all. A device is not waited for: there they are as good as others."""
    if terms.weights is None or is_asynchronous(terms.weights):
        return None
    has_weight = terms.weights[:, 0] > 0
    return None if bool(has_weight.all()) else has_weight


def with_terms(family: Family, terms: RowTerms, targets: Tensor) -> Family:
    """The family of targets with the terms beside them."""
    return PerRow(family, terms.weights is not None, terms.offset is not None, targets) if terms else family


def _checked_weights(weights: Tensor, rows: int, reduction: Reduction) -> Tensor:
    if weights.shape not in ((rows,), (rows, 1)):
        raise ValueError(f"weights of shape {tuple(weights.shape)} for {counted(rows)}: give one number a row")
    weights = weights.reshape(-1, 1)
    weights = weights if weights.is_floating_point() else weights.double()
    refuse_any(
        weights,
        lambda part: ~(torch.isfinite(part) & (part >= 0)),
        lambda bad: (
            f"{int(bad.sum())} of {counted(rows, 'weight')} {are(int(bad.sum()))} negative or not finite: a "
            "weight says how often a row counts, 0 or more"
        ),
    )
    if not is_asynchronous(weights) and total_count(int((weights > 0).any()), reduction, weights.device) == 0:
        raise ValueError("all weights are 0: there is not a single row to compute a loss from")
    return weights


def _checked_offset(offset: Tensor, rows: int, outputs: int) -> Tensor:
    if offset.shape not in ((rows,), (rows, outputs)) or (offset.ndim == 1 and outputs > 1):
        expected = "one number a row" if outputs == 1 else f"{outputs} numbers a row, one for each output"
        raise ValueError(f"an offset of shape {tuple(offset.shape)} for {counted(rows)}: give {expected}")
    offset = offset.reshape(rows, outputs)
    offset = offset if offset.is_floating_point() else offset.double()
    refuse_any(
        offset,
        lambda part: ~torch.isfinite(part),
        lambda bad: f"{int(bad.sum())} offsets are not finite: remove those rows (the logarithm of an exposure of 0 is none)",
    )
    return offset
