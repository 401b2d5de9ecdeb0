"""Mini-batches of a memory-mapped table: read for several of them at once, and the pages given back.

A row that is read at random brings the pages around it into the process, a thousand times what it holds. So the rows of the
next batches are read together, in the order in which they lie in the file, and put into the batches after that.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from datamodules.mapped.given_back import GivenBack
from datamodules.serving.batch_sampler import Index, ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches

# What is read at once, in memory; of a batch that is larger, the batch.
READ_BYTES = 2**23
# What is read of the file between two looks at how much was touched, and the most that the kernel maps around a row.
BLOCK_BYTES, AROUND_BYTES = 2**23, 2**21


class MappedBatches(TensorBatches):
    """`TensorBatches` of tensors that are mapped files: the same batches, each a copy in memory, but a full batch is a view.

    Args:
        tensors: each (n, …).
        sampler: which rows make up each batch.
        pages: given back as rows are read.
    """

    def __init__(self, tensors: tuple[Tensor, ...], sampler: ShardedBatchSampler, pages: GivenBack) -> None:
        super().__init__(tensors, sampler)
        self._pages = pages

    def load(self, batches: Iterable[Index], first: int) -> Iterator[tuple[Any, ...]]:
        row_bytes = sum(tensor[:1].nbytes for tensor in self.tensors)
        waiting: list[Tensor] = []
        for rows in batches:
            if isinstance(rows, slice):
                yield self.given(tuple(tensor[rows] for tensor in self.tensors))
                continue
            waiting.append(rows)
            if sum(map(len, waiting)) * row_bytes >= READ_BYTES:
                yield from self._read(waiting)
                waiting = []
        yield from self._read(waiting)

    def _read(self, batches: list[Tensor]) -> Iterator[tuple[Tensor, ...]]:
        """The rows of these batches, read in ascending order."""
        if not batches:
            return
        rows, places = torch.cat(batches).sort()
        read = [self._in_order(tensor, rows, places) for tensor in self.tensors]
        yield from map(self.given, zip(*(part.split([len(batch) for batch in batches]) for part in read), strict=True))

    def _in_order(self, tensor: Tensor, rows: Tensor, places: Tensor) -> Tensor:
        """Ascending rows of a tensor, each put into its place."""
        read = tensor.new_empty(len(rows), *tensor.shape[1:])
        blocks = rows * tensor[:1].nbytes // BLOCK_BYTES
        sizes = torch.unique_consecutive(blocks, return_counts=True)[1].tolist()
        for some, where in zip(rows.split(sizes), places.split(sizes), strict=True):
            read[where] = tensor[some]
            self._pages.touched(min(BLOCK_BYTES, len(some) * AROUND_BYTES))
        return read
