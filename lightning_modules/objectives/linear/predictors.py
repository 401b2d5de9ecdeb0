"""The linear predictors of rows at a point, and the sums over rows that every derivative there is made of."""

import math
from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.objectives.linear.glm import GLM
from lightning_modules.objectives.reduction import of_each_process
from lightning_modules.objectives.shared_work import shared

# Predictors are kept up to this size: those of two million rows, so that memory does not grow with rows beyond.
KEPT_BYTES = 2**24
# A chunk on a device has as many at once.
DEVICE_KEPT_BYTES = 2**27
# It bounds the sums that threads have of their own.
SUM_BYTES = 2**26
# A thread takes as long to start as a few chunks.
CHUNKS_PER_THREAD = 2
# Adds to a sum what a chunk gives: its features (rows, d), targets and linear predictors (rows, K).
Add = Callable[[Tensor, Tensor, Tensor], None]


class Predictors:
    """z = W x + b of this process's rows at θ, computed once.

    Args:
        glm: the model on its rows.
        theta: θ (p,).
    """

    def __init__(self, glm: GLM, theta: Tensor) -> None:
        self.glm, self.theta = glm, theta
        shape = len(glm.rows.features), glm.family.num_outputs
        # Beyond the bound they are computed anew, so that memory does not grow with rows that are memory-mapped. In one piece:
        # a small one for each chunk, among what comes and goes with the chunk, would leave gaps that nothing else fits in.
        most = KEPT_BYTES if theta.device.type == "cpu" else DEVICE_KEPT_BYTES
        self._kept = theta.new_empty(shape) if math.prod(shape) * theta.element_size() <= most else None
        self._done: set[int] = set()

    def chunks(self, first: int = 0, step: int = 1) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(features, targets, linear predictors) of the first chunk and every so manyth one from there."""
        weight, bias = self.glm.layout.split(self.theta)
        rows = self.glm.rows
        # A chunk is brought into the cache by reading it from one end to the other: products read several rows at a time,
        # which memory answers more slowly.
        is_fetched = rows.num_chunks > 1 and rows.columns.are_written_out and self.theta.device.type == "cpu"
        for number in range(first, rows.num_chunks, step):
            x, y = rows.chunk(number)
            is_known, z = number in self._done, self._place(number, len(x))
            # Where the features have to be copied to another type, a piece of them at a time.
            for given, targets, out in rows.pieces(x, y, z) if x.dtype != self.theta.dtype else [(x, y, z)]:
                features = given.to(self.theta.dtype)
                if is_fetched:
                    features.sum()
                if not is_known:
                    rows.columns.product(features, weight, bias, out=out)
                yield features, targets, out
            if self._kept is not None:
                self._done.add(number)

    def pieces(self, first: int = 0, step: int = 1, most: int | None = None) -> Iterator[tuple[Tensor, ...]]:
        """As `chunks`, at most `most` rows at a time, by default `Rows.piece_rows`: for what writes features out."""
        for chunk in self.chunks(first, step):
            yield from self.glm.rows.pieces(*chunk, most=most)

    @property
    def known(self) -> Tensor | None:
        """Those of all rows (n, K), where they have been computed and are kept."""
        return self._kept if len(self._done) == self.glm.rows.num_chunks else None

    def _place(self, number: int, rows: int) -> Tensor:
        """Where the predictors of a chunk are, or will be: (rows, K)."""
        if self._kept is None:
            return self.theta.new_empty(rows, self.glm.family.num_outputs)
        return self._kept[number * self.glm.rows.chunk_rows :][:rows]

    @cached_property
    def self_concordance(self) -> float:
        """c of the family, everywhere or while no predictor changes by more than 1; see `distance_bound.py`."""
        family = self.glm.family
        if family.self_concordance < math.inf:
            return family.self_concordance
        largest = self.theta.new_ones(())
        for _, y, z in self.chunks():
            if len(z):
                largest = torch.maximum(largest, family.local_self_concordance(z, y).amax())
        return float(of_each_process(largest, self.glm.rows.reduction).amax())

    def mean_of(self, shape: tuple[int, ...], adding_to: Callable[[Tensor], Add], is_wide: bool = False) -> Tensor:
        """A sum over all rows ÷ n, the cores of a processor sharing the chunks; then the processes' sums are added.

        Args:
            shape: of the sum.
            adding_to: takes a sum that begins with 0, and returns what adds to it in place what a chunk of `chunks` gives.
            is_wide: whether that computes as many numbers of a row as it has features, or K².
        """
        threads = torch.get_num_threads() if self.theta.device.type == "cpu" else 1
        is_small = math.prod(shape) * self.theta.element_size() <= SUM_BYTES  # every thread has a sum of its own
        parts = threads if is_small and self.glm.rows.num_chunks >= CHUNKS_PER_THREAD * threads else 1

        most = self.glm.rows.wide_rows if is_wide else None

        def of_part(part: int) -> Tensor:
            total = self.theta.new_zeros(shape)
            add = adding_to(total)
            for x, y, z in self.pieces(part, parts, most) if is_wide else self.chunks(part, parts):
                add(x, y, z)
            return total

        total, *others = shared(of_part, parts)
        for other in others:
            total += other
        return self.glm.mean(total)
