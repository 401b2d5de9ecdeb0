"""A batch whose categories are codes, for models that take them, and the same written out, for all others."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.columns.coding import Coding

# Whole numbers up to there have a place in float32.
MOST_IN_FLOAT32 = 2**24


class CodedBatch(tuple[Tensor, ...]):
    """(features as they are stored, targets), or with weights; behind the features the offset, if there is one.

    Attributes:
        coding: what the stored columns are: `numbers`, `firsts` and `widths`.
        mean: of the features (d,), 0 for numbers, which are scaled already.
        deviation: of the features (d,), 1 for numbers.
        long_rows: `Coding.long_rows`, where it is computed.
    """

    coding: Coding
    mean: Tensor
    deviation: Tensor
    long_rows: Tensor | None

    def __new__(
        cls, parts: Iterable[Tensor], coding: Coding, mean: Tensor, deviation: Tensor, long_rows: Tensor | None
    ) -> "CodedBatch":
        batch = super().__new__(cls, parts)
        batch.coding, batch.mean, batch.deviation, batch.long_rows = coding, mean, deviation, long_rows
        return batch

    def joined_with(self, others: Iterable["CodedBatch"]) -> "CodedBatch":
        """The rows of this one and of others below them."""
        parts = map(torch.cat, zip(self, *others, strict=True))
        return CodedBatch(parts, self.coding, self.mean, self.deviation, self.long_rows)

    @property
    def written_out(self) -> tuple[Tensor, ...]:
        """The same with the features (n, d) themselves."""
        features, *others = self
        return written_out(features, self.coding, self.mean, self.deviation, self.long_rows), *others


class Codes:
    """What the stored columns of a table are, on every device that is asked for.

    Args:
        coding: the columns.
        mean, deviation: of the features (d,).
    """

    def __init__(self, coding: Coding, mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> None:
        self.coding = coding
        numbers = torch.tensor(coding.numbers, dtype=torch.long)  # they are scaled already
        self._scaling = torch.tensor(mean).index_fill(0, numbers, 0.0), torch.tensor(deviation).index_fill(0, numbers, 1.0)
        self._moved: dict[torch.device, tuple[Tensor, Tensor, Tensor | None]] = {}

    def told(self, rows: Iterable[Tensor], device: torch.device) -> CodedBatch:
        """Rows with what they are, to be computed with on a device."""
        if device not in self._moved:
            (mean, deviation), long_rows = self._scaling, self.coding.long_rows
            beside = None if long_rows is None else torch.from_numpy(long_rows).to(device)
            self._moved[device] = mean.to(device), deviation.to(device), beside
        return CodedBatch(rows, self.coding, *self._moved[device])

    def can_be_in(self, dtype: torch.dtype | None) -> bool:
        """Whether a floating type holds all codes and places."""
        return dtype == torch.float64 or (dtype == torch.float32 and self.coding.num_features < MOST_IN_FLOAT32)


def written_out(stored: Tensor, coding: Coding, mean: Tensor, deviation: Tensor, long_rows: Tensor | None = None) -> Tensor:
    """Features as they are stored (n, c), or with an offset behind them, -> (n, d), or (n, d + 1).

    Args:
        stored: numbers, scaled, and codes.
        coding: what they are.
        mean, deviation: of the features (d,), in float64.
        long_rows: as in `CodedBatch`.
    """
    q, c, d = len(coding.numbers), coding.num_stored, coding.num_features
    features = stored.new_zeros(len(stored), d + stored.shape[1] - c)
    if m := coding.slots:
        end = c - (long_rows is not None)
        places, values = stored[:, end - 2 * m : end - m].long(), stored[:, end - m : end]
        # Empty slots have a column of their own, which is left out.
        wide = torch.cat([features.new_zeros(len(features), 1), features[:, :d]], 1)
        scaled = (values.double() / deviation[(places - 1).clamp(min=0)]).to(stored)
        features[:, :d] = wide.scatter_(1, places, scaled)[:, 1:]
        if long_rows is not None:
            numbers = stored[:, end].long()
            rows = numbers.nonzero()[:, 0]
            features[rows, :d] += (long_rows[numbers[rows] - 1] / deviation).to(stored)
    features[:, list(coding.numbers)], features[:, d:] = stored[:, :q], stored[:, c:]
    zero, one = ((value / deviation).to(stored) for value in (-mean, 1 - mean))
    for number, (first, width) in enumerate(zip(coding.firsts, coding.widths, strict=True)):
        codes = stored[:, q + number].long()
        features[:, first : first + width] = zero[first : first + width]
        rows = codes.nonzero()[:, 0]
        places = first - 1 + codes[rows]
        features[rows, places] = one[places]
    return features
