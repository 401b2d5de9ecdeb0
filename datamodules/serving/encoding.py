"""How a column of a table becomes numbers: the rows it was found from, and any later ones."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

NUMBER = "double"


@dataclass(frozen=True)
class Encoding:
    """A column of numbers as it is, or an indicator of each category but the first, the reference.

    Attributes:
        column: its name.
        kind: Arrow's name of the type of its cells; every type of number counts as "double".
        categories: as texts, the reference first; None for a column of numbers or truth values.
    """

    column: str
    kind: str = NUMBER
    categories: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the k columns of numbers."""
        return (self.column,) if self.categories is None else tuple(f"{self.column}={c}" for c in self.categories[1:])

    def block(self, column: pa.ChunkedArray) -> NDArray[np.float64]:
        """(n, k)."""
        if self.categories is None:
            return column.to_numpy().astype(np.float64)[:, None]
        return (self.codes(column)[:, None] == np.arange(1, len(self.categories))).astype(np.float64)

    def codes(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        """The place of each cell among the categories (n,); −1 for one that is none of them."""
        places = {category: place for place, category in enumerate(self.categories or ())}
        codes = [np.zeros(0, np.int64)]
        for chunk in column.chunks:
            cells = chunk.dictionary_encode()
            of_value = np.array([places.get(str(value), -1) for value in cells.dictionary.to_pylist()], np.int64)
            codes.append(of_value[cells.indices.to_numpy()])
        return np.concatenate(codes)
