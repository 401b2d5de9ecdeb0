"""Batches that are all rows of a part of the data, on their device and in the model's type: made once, not in every epoch."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

Batch = tuple[Tensor, ...]


class _Kept(NamedTuple):
    """What was made of a batch.

    The batch is held as long as what was made of it, so that no other tensor can take its place in memory.
    """

    batch: Batch
    identity: list[object]
    made: Batch

    @property
    def added_bytes(self) -> int:
        """Memory that what was made takes beside the batch."""
        own = {tensor.untyped_storage().data_ptr() for tensor in self.batch if tensor.device.type == "cpu"}
        return sum(t.nbytes for t in self.made if t.device.type != "cpu" or t.untyped_storage().data_ptr() not in own)


class KeptBatches:
    """What was last made of the batch of each part, given again when the same rows come again.

    Every epoch brings new tensors that are views of the same memory: they are recognised by place, shape and version, not by
    their numbers, of which there may be more than memory holds.
    """

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def get_or_make(
        self, part: str, batch: Batch, make: Callable[[Batch], Batch], *settings: object, most: int | None = None
    ) -> Batch:
        """`make(batch)`, made once for the same batch and settings.

        Args:
            part: whose batch it is; of each the last one is kept.
            batch: the rows.
            make: what is wanted of them.
            settings: what it depends on too.
            most: bytes that what is kept of all parts may take beside their batches, or it is not kept; None = any number.
        """
        identity = [*((tensor.data_ptr(), tensor._version, tensor.shape, tensor.dtype) for tensor in batch), *settings]
        kept = self._kept.pop(part, None)
        if kept is None or kept.identity != identity:
            del kept  # before another takes its memory
            kept = _Kept(batch, identity, make(batch))
        if most is None or kept.added_bytes + self.added_bytes <= most:
            self._kept[part] = kept
        return kept.made

    @property
    def added_bytes(self) -> int:
        """Memory that all that is kept takes beside the batches."""
        return sum(kept.added_bytes for kept in self._kept.values())

    def release_devices(self) -> None:
        """Let go of what is on a device, whose memory others need when a trainer is done."""
        self._kept = {
            part: kept for part, kept in self._kept.items() if all(tensor.device.type == "cpu" for tensor in kept.made)
        }


def is_view_of(some: Tensor, rows: Tensor) -> bool:
    """Whether the first tensor holds some of the rows of the other, and no copy of them."""
    return 0 <= some.data_ptr() - rows.data_ptr() < rows.nbytes
