"""Batches whose categories are stored as codes, for models that read them; all others get them written out."""

from typing import Any, Protocol, cast

import torch
from torch import Tensor

from lightning_modules.objectives import CodedColumns

Batch = tuple[Tensor, ...]

SAYS_WHAT_IT_READS = {"objective", "loss_share", "evaluate", "training_step", "reads_codes"}


class Coding(Protocol):
    """What the stored columns are; see `CodedColumns`."""

    @property
    def numbers(self) -> tuple[int, ...]: ...

    @property
    def widths(self) -> tuple[int, ...]: ...

    @property
    def firsts(self) -> tuple[int, ...]: ...

    @property
    def slots(self) -> int: ...


class Coded(Protocol):
    """A batch with codes, as a data module gives it to a model with `takes_codes`."""

    @property
    def coding(self) -> Coding: ...

    @property
    def mean(self) -> Tensor: ...

    @property
    def deviation(self) -> Tensor: ...

    @property
    def long_rows(self) -> Tensor | None: ...


def takes_codes(model: object) -> bool:
    """Whether the class that says what a model reads of a batch says too that it reads codes."""
    levels = [vars(model), *(vars(level) for level in type(model).__mro__)]
    lowest = next((level for level in levels if level.keys() & SAYS_WHAT_IT_READS), {})
    return bool(lowest.get("reads_codes", False))


def columns_of(batch: Any) -> CodedColumns | None:
    """What the features of a batch are stored as; None = as they are."""
    if not hasattr(batch, "coding"):
        return None
    coded, d = cast(Coded, batch), batch.mean.shape[0]
    coding = coded.coding
    return CodedColumns(
        d, coding.numbers, coding.widths, coding.firsts, coded.mean, coded.deviation, coding.slots, coded.long_rows
    )


def written_out(batch: Batch) -> Batch:
    """A batch with its features (n, d) themselves, and the offset behind them, if there is one."""
    columns = columns_of(batch)
    return batch if columns is None else (columns.expanded(batch[0]), *batch[1:])


def joined(batches: list[Batch]) -> Batch:
    """Batches below one another."""
    first, *others = batches
    if hasattr(first, "joined_with"):
        whole: Batch = first.joined_with(others)
        return whole
    return tuple(torch.cat(parts) for parts in zip(*batches, strict=True))
