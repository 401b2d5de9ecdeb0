"""A column of texts or categories, as indicators of its levels."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_modules.counting import counted

# Of more levels the indicators would fill memory, and hardly a row would speak for each.
MOST_LEVELS = 1000


@dataclass(frozen=True)
class Levels:
    """Levels of a column: the most frequent one is the reference, each of the others has an indicator.

    Attributes:
        column: its name.
        values: the levels, in order, without the missing one.
        reference: place of the most frequent level; one past the last is the missing one.
        has_missing: whether rows without a value are a level of their own.
    """

    column: str
    values: tuple[Any, ...]
    reference: int
    has_missing: bool

    @staticmethod
    def learn(column: str, cells: Any, weights: NDArray[np.float64] | None) -> "Levels":
        """Of the cells, a pandas series (n,), and the rows' weights (n,), by which levels are counted.

        Raises:
            ValueError: more than 1000 levels.
        """
        import pandas as pd  # noqa: PLC0415 – whoever has a frame has it

        coded = pd.Categorical(cells)
        codes, has_missing = np.asarray(coded.codes, np.int64), bool((coded.codes < 0).any())
        counts = np.bincount(np.where(codes < 0, len(coded.categories), codes), weights, len(coded.categories) + 1)
        present = np.flatnonzero(counts[:-1])  # a frame's own list of levels may be longer than what its rows have
        if len(present) > MOST_LEVELS:
            raise ValueError(
                f"column {column!r} has {len(present)} different levels in {len(codes)} rows, more than {MOST_LEVELS}: "
                "leave it out, or pool the rare ones"
            )
        kept = counts[[*present, len(coded.categories)]]
        return Levels(column, tuple(coded.categories[present].tolist()), int(kept.argmax()), has_missing)

    @property
    def names(self) -> list[str]:
        """Of the indicators, as scikit-learn's OneHotEncoder names them: "town_Paris"."""
        names = [f"{self.column}_{level}" for level in (*self.values, *(("nan",) if self.has_missing else ()))]
        return names[: self.reference] + names[self.reference + 1 :]

    def indicators(self, cells: Any) -> NDArray[np.bool_]:
        """Of a pandas series (n,): (n, levels − 1). A level that no training row had counts as the reference, and is told."""
        return self.codes(cells)[:, None] == np.arange(1, len(self.names) + 1)

    def codes(self, cells: Any) -> NDArray[np.int64]:
        """As `indicators`: which of them is 1, from 1, or 0 for the reference (n,)."""
        import pandas as pd  # noqa: PLC0415

        codes = pd.Index(self.values).get_indexer(pd.Index(cells)).astype(np.int64)
        is_missing = np.asarray(cells.isna())
        if self.has_missing:
            codes[is_missing] = len(self.values)
        if (unseen := codes < 0).any():
            self._tell(list(dict.fromkeys(cells[unseen].astype(object).tolist())), int(unseen.sum()))
        codes = np.where(codes < 0, self.reference, codes)
        return np.where(codes == self.reference, 0, codes + (codes < self.reference))

    def _tell(self, unseen: list[Any], count: int) -> None:
        values = (*self.values, "nan")
        listed = ", ".join(map(repr, unseen[:3])) + (", …" if len(unseen) > 3 else "")
        warnings.warn(
            f"column {self.column!r}: {counted(count)} {'has a level' if count == 1 else 'have levels'} that no training row "
            f"had ({listed}); {'it counts' if count == 1 else 'they count'} as "
            f"{values[self.reference]!r}, the most frequent one",
            UserWarning,
            stacklevel=2,
        )
