"""How often each text of a column occurs, in memory that does not grow with the number of rows."""

from collections import Counter
from collections.abc import Mapping

MOST_LEVELS = 10_000


class LevelCounts:
    """Exact for up to 10 000 different texts. Of more, those that are more than 1/5 000 of all are kept for certain.

    Source: J. Misra and D. Gries, Finding repeated elements (1982), by many elements at once.

    Attributes:
        counts: of the texts; where `is_cut`, too low.
        is_cut: whether there were more than 10 000.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.is_cut = False

    def add(self, counts: Mapping[str, int]) -> None:
        self.counts.update(counts)
        if len(self.counts) > MOST_LEVELS:
            self.is_cut = True
            cut = sorted(self.counts.values(), reverse=True)[MOST_LEVELS // 2]
            self.counts = Counter({text: count - cut for text, count in self.counts.items() if count > cut})

    def __len__(self) -> int:
        return len(self.counts)
