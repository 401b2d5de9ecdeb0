"""Rows that depend on each other: a whole number for every different value of a column."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.columns.missing_codes import AMONG_TEXTS


@dataclass
class ClusterCodes:
    """Numbers clusters in the order in which they come.

    Attributes:
        path: of the file.
        name: of the column.
        known: the number of each value, texts without the blanks around them.
    """

    path: Path
    name: str
    known: dict[Any, int] = field(default_factory=dict)
    _rows: int = 0

    def __call__(self, values: pa.ChunkedArray, are_usable: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Of the next rows of the file, those that can be used: (m,), which are usable (m,) -> (k,).

        Raises:
            ValueError: one of them has no value.
        """
        values = values.combine_chunks()
        encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        found = encoded.dictionary.to_pylist()
        places = encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)
        codes = np.array([*map(self._number, found), -1], np.int64)[places]
        if (lacking := np.flatnonzero((codes < 0) & are_usable)).size:
            held = values[int(lacking[0])].as_py()
            what = "empty" if held is None or str(held).strip() == "" else f"missing ({held!r})"
            raise ValueError(
                f"{self.path}: column {self.name!r} (clusters) is {what} in row {self._rows + lacking[0] + 1}, and every row "
                "needs one: fill it in, or leave out that row"
            )
        self._rows += len(codes)
        return codes[are_usable]

    def _number(self, value: Any) -> int:
        """−1 where there is nothing."""
        value = value.strip() if isinstance(value, str) else value
        is_missing = value is None or value != value or (isinstance(value, str) and value in AMONG_TEXTS)  # noqa: PLR0124 – nan
        return -1 if is_missing else self.known.setdefault(value, len(self.known))
