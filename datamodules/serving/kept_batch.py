"""The full batch of training on its device, in the model's type: made once, not in every epoch."""

from collections.abc import Callable

from torch import Tensor

Batch = tuple[Tensor, ...]


class KeptBatch:
    """What was last made of a batch, given again when the same rows come again.

    Every epoch brings new tensors that are views of the same memory: they are recognised by place, shape and version, not by
    their numbers, of which there may be more than memory holds.
    """

    def __init__(self) -> None:
        # The batch is held as long as what was made of it, so that no other tensor can take its place in memory.
        self._last: tuple[Batch, list[object], Batch] | None = None

    def get_or_make(self, batch: Batch, make: Callable[[Batch], Batch], *settings: object) -> Batch:
        """`make(batch)`, made once for the same batch and settings."""
        identity = [*((tensor.data_ptr(), tensor._version, tensor.shape, tensor.dtype) for tensor in batch), *settings]
        if self._last is None or self._last[1] != identity:
            self._last = (batch, identity, make(batch))
        return self._last[2]
