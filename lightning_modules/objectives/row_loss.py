"""A pointwise loss of a network's outputs on rows: what is read a chunk at a time, summed, divided once, and penalised."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor
from typing_extensions import Self

from lightning_modules.objectives.drawn_curvature import DrawnCurvature
from lightning_modules.objectives.every_kth import every_kth
from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.l2_penalty import L2Penalty
from lightning_modules.objectives.mapped_pages import MappedPages, pieces
from lightning_modules.objectives.proportional_rows import EvenCurvature, drawn_rows, lengths
from lightning_modules.objectives.reduction import Reduction, joined_rows, rows_of_each


class Trace(Protocol):
    """What a pass of rows leaves behind."""

    @property
    def outputs(self) -> Tensor:
        """f (n, K)."""

    def split(self, rows: int) -> Iterator[Self]:
        """The same pass in parts of at most so many rows."""


AnyTrace = TypeVar("AnyTrace", bound=Trace)


@dataclass(frozen=True)
class Pass(Generic[AnyTrace]):
    """A chunk of rows and its way through the network.

    Attributes:
        targets: y of the rows.
        trace: what the pass left behind.
        pointwise: l.
    """

    targets: Tensor
    trace: AnyTrace
    pointwise: PointwiseLoss

    @property
    def losses(self) -> Tensor:
        """l of each row (n,)."""
        return self._loss_and_gradient[0]

    @property
    def slopes(self) -> Tensor:
        """∂l/∂f of each row (n, K)."""
        return self._loss_and_gradient[1]

    @cached_property
    def _loss_and_gradient(self) -> tuple[Tensor, Tensor]:
        # A Gauss–Newton matrix asks for neither.
        return self.pointwise.loss_and_gradient(self.trace.outputs, self.targets)


@dataclass(frozen=True)
class RowLoss(ABC, Generic[AnyTrace]):
    """A pointwise loss of a network's outputs, over the rows of all processes, with the penalty λ/2 Σ ‖W‖².

    Attributes:
        pointwise: l, the loss of one row.
        features, targets: this process's rows; features that are not where the targets are, on a device, are moved there chunk
            by chunk, when they are read.
        l2_penalty: r(θ).
        reduction: sums over processes.
        num_rows: n, over all processes.
        counts: rows on each process, of a sample of them; None where they are those of the batch.
    """

    pointwise: PointwiseLoss
    features: Tensor
    targets: Tensor
    l2_penalty: L2Penalty
    reduction: Reduction
    num_rows: int
    counts: tuple[int, ...] | None = field(default=None, kw_only=True)

    @property
    @abstractmethod
    def chunk_rows(self) -> int:
        """Rows at a time."""

    @property
    @abstractmethod
    def numbers_left(self) -> int:
        """How many numbers all that is computed in a pass of one row leaves behind."""

    @abstractmethod
    def trace(self, theta: Tensor, features: Tensor) -> AnyTrace:
        """Take rows through the network at θ (p,)."""

    def every_kth(self, k: int) -> Self:
        """The same loss of every k-th of all rows, see `every_kth.py`."""
        own, counts = every_kth(self._rows_of_each(), self.reduction.rank, k)
        x, y = self.features[own], self.targets[own]
        return replace(self, features=x, targets=y, num_rows=sum(counts), counts=tuple(counts))

    def in_proportion(self, k: int, seed: int, passes: Iterable[Pass[AnyTrace]]) -> Self:
        """The same loss of k of all rows, drawn by their curvature in the passes, see `proportional_rows.py`."""
        traces = [self.pointwise.curvature_trace(each.trace.outputs, each.targets) for each in passes]
        own = torch.cat(traces) if traces else torch.zeros(0, device=self.targets.device)
        everywhere = joined_rows(own, self.reduction)
        longest = everywhere.max()
        all_lengths = lengths(everywhere, longest)
        places, counts = drawn_rows(all_lengths, k, seed), [k]
        if self.reduction.num_processes > 1:
            ends = torch.tensor(self._rows_of_each(), device=places.device).cumsum(0)
            first = torch.searchsorted(places, ends).tolist()  # of the rows of the process after it
            counts = [after - before for before, after in zip([0, *first], first, strict=False)]
            rank = self.reduction.rank
            places = places[sum(counts[:rank]) : sum(counts[: rank + 1])] - (ends[rank] - len(own))
        x, y = self.features[places.to(self.features.device)], self.targets[places]
        pointwise = EvenCurvature(self.pointwise, longest, all_lengths.sum() / len(all_lengths))
        return replace(self, pointwise=pointwise, features=x, targets=y, num_rows=k, counts=tuple(counts))

    def drawn(self, draws: int, seed: int) -> Self:
        """The same loss with random draws for its curvature's factor, see `drawn_curvature.py`."""
        return replace(self, pointwise=DrawnCurvature(self.pointwise, draws, seed, self.rows_before))

    @property
    def rows_before(self) -> int:
        """How many rows the processes before this one have."""
        return sum(self._rows_of_each()[: self.reduction.rank])

    def _rows_of_each(self) -> Sequence[int]:
        return self.counts or rows_of_each(len(self.features), self.reduction, self.targets.device)

    @property
    def num_factors(self) -> int:
        """C, how many rows the factor S of the loss's curvature has for each row of data."""
        nothing = torch.zeros(0, self.pointwise.num_outputs, device=self.targets.device)
        return len(self.pointwise.curvature_factor(nothing, self.targets[:0]))

    @property
    def l2(self) -> float:
        """λ ≥ 0."""
        return self.l2_penalty.strength

    @cached_property
    def pages(self) -> MappedPages:
        """Of the rows, if these are memory-mapped."""
        return MappedPages(self.features, self.targets)

    @property
    def starts(self) -> range:
        """The first rows of the chunks."""
        return range(0, len(self.features), self.chunk_rows)

    def chunk(self, start: int) -> tuple[Tensor, Tensor]:
        """Features and targets of `chunk_rows` rows from one of them on: views where they lie there as features, to be read at
        once."""
        x, y = self.features[start : start + self.chunk_rows], self.targets[start : start + self.chunk_rows]
        self.pages.was_read(x, y)
        # Not waited for: memory of the host that can be swapped out is read before the call returns.
        return x.to(y.device, non_blocking=True), y

    def passes(self, theta: Tensor) -> Iterator[Pass[AnyTrace]]:
        """The rows of this process, taken through the network at θ (p,) in chunks."""
        for x, y in map(self.chunk, self.starts):
            trace = self.trace(theta, x)
            yield Pass(y, trace, self.pointwise)

    def mean(self, sums: Tensor) -> Tensor:
        """Sums over this process's rows -> means over all rows, in their place where one process has all."""
        return self.reduction(sums).div_(self.num_rows)

    def mean_of_targets(self, of: Callable[[Tensor], Tensor]) -> Tensor:
        """The mean over all rows of a function of their targets: (n, …) -> (…)."""
        return self.mean(torch.stack([of(y).sum(0) for (y,) in pieces(self.targets)]).sum(0))

    def mean_of_features(self, of: Callable[[Tensor], Tensor]) -> Tensor:
        """Likewise of their features: (n, …) -> (n,); ()."""
        sums = [of(x).sum(0).to(self.targets.device) for (x,) in pieces(self.features)]
        return self.mean(torch.stack(sums).sum(0))

    def penalty(self, theta: Tensor) -> Tensor:
        """r(θ): (p,) -> ()."""
        return self.l2_penalty.value(theta)

    def penalised(self, derivative: Tensor, v: Tensor) -> Tensor:
        """`derivative` with ∇²r v added in place: (…, p), v (…, p). No copy: θ may be large."""
        return self.l2_penalty.add_product(derivative, v)
