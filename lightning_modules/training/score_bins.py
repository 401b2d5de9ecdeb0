r"""How many rows of a class, and of others, have which score: in memory that does not grow with the rows.

Scores in [0, 1] are numbered in their order: below ½ by the bits of the number, above it by those of 1 − s, which is exact
there. So the numbers are as close at 1 − 1e-12 as at 1e-12, relative to what is left to 1 or to 0: as close everywhere, to
within a factor of two, as the log-odds are relative to a probability. A bin is what the numbers share but for their last k
bits, k the smallest with which there are few enough bins.

That k never depends on what came first, since of more scores there are no fewer bins: the counts are the same in any order of
the rows, and however many processes hold them. Where k = 0 every score has a bin of its own.

The chance that a row of the class has a higher score than another, of bins b with P_b rows of the class and N_b others, is

    A = Σ_b P_b (Σ_{c<b} N_c + N_b / 2) / (P N) ± Σ_b P_b N_b / (2 P N)

to within what is unknown of rows that share a bin. Equal scores count half by definition: bins of a single score, as all are
if k = 0, are left out of the second sum. It is some 1e-6 where scores are spread as those of a regression are, near 0 and 1
too; where half of all scores differ by less than 1e-5 of themselves and the others do not, it is large, and says so.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

# The number of the score ½.
_HALF = 0x3FE0000000000000


@dataclass(frozen=True)
class ScoreBins:
    """Counts of scores, bin by bin in their order.

    Attributes:
        first, last: the smallest and the largest number in each bin (b,), int64, ascending.
        of_class, others: rows in each bin (b,), int64, or sums of their weights, float64.
        shift: k.
    """

    first: Tensor
    last: Tensor
    of_class: Tensor
    others: Tensor
    shift: int = 0

    @staticmethod
    def of(scores: Tensor, is_class: Tensor, weights: Tensor | None = None) -> "ScoreBins":
        """A bin for every row, in no order: scores (n,) in [0, 1], whether each row is of the class (n,), weights (n,)."""
        numbers, of_class = numbers_of(scores), is_class.long()
        if weights is None:
            return ScoreBins(numbers, numbers, of_class, 1 - of_class)
        return ScoreBins(numbers, numbers, of_class * weights, (1 - of_class) * weights)

    def merged(self, other: "ScoreBins", most: int) -> "ScoreBins":
        """The rows of both, in at most so many bins."""
        shift = max(self.shift, other.shift)
        first, last = torch.cat([self.first, other.first]), torch.cat([self.last, other.last])
        bins, place = torch.unique(first >> shift, return_inverse=True)
        further = _shift_to(bins, most)
        if further:
            bins, again = torch.unique_consecutive(bins >> further, return_inverse=True)
            place = again[place]
        nothing = torch.zeros_like(bins)
        of_class, others = torch.cat([self.of_class, other.of_class]), torch.cat([self.others, other.others])
        no_rows = of_class.new_zeros(len(bins))
        return ScoreBins(
            nothing.scatter_reduce(0, place, first, "amin", include_self=False),
            nothing.scatter_reduce(0, place, last, "amax", include_self=False),
            no_rows.index_add(0, place, of_class),
            no_rows.index_add(0, place, others),
            shift + further,
        )

    def area(self) -> tuple[Tensor, Tensor]:
        """(A, how far it may be off), both (); nan where all rows are of the class or none is."""
        pairs = (self.of_class.sum() * self.others.sum()).double()
        twice = (self.of_class * (2 * self.others.cumsum(0) - self.others)).sum()
        shared = (self.of_class * self.others)[self.first < self.last].sum()
        area, error = (torch.where(pairs > 0, part.double() / (2 * pairs), float("nan")) for part in (twice, shared))
        return area, error


def numbers_of(scores: Tensor) -> Tensor:
    """Numbers that sort like the scores in [0, 1], and tell all of them apart: (n,) -> (n,), int64."""
    scores = scores.double() + 0.0  # there is no −0
    is_low = scores < 0.5
    bits = torch.where(is_low, scores, 1 - scores).view(torch.int64)
    return torch.where(is_low, bits, 2 * _HALF - bits)


def _shift_to(numbers: Tensor, most: int) -> int:
    """The fewest bits to leave out of ascending numbers, so that at most so many are left."""
    low, high = 0, 63
    while low < high:
        middle = (low + high) // 2
        left = numbers >> middle
        if 1 + int((left[1:] != left[:-1]).sum()) > most:
            low = middle + 1
        else:
            high = middle
    return low
