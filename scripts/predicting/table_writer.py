"""Predictions as a table."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from predicting.spreadsheet_text import as_shown, name_as_shown

FORMATS = {".csv": pa.csv.CSVWriter, ".parquet": pa.parquet.ParquetWriter}


class TableWriter:
    """Writes rows to a CSV or Parquet file: kept columns, then `class` and the probability of each, or the value, then others.

    Use it in a `with` statement.

    Args:
        path: the file.
        suffix: .csv or .parquet, whatever the path ends in.
        kept: names and types of the kept columns.
        class_names: C names, or None for real values.
        num_outputs: C, or the number K of values.
        for_spreadsheets: whether texts that a spreadsheet would run as formulae get an apostrophe, see `spreadsheet_text.py`.
        beside: names of further numbers, behind the predictions.

    Raises:
        ValueError: a kept column has a name that a prediction takes.
    """

    def __init__(
        self,
        path: Path,
        suffix: str,
        kept: pa.Schema,
        class_names: tuple[str, ...] | None,
        num_outputs: int,
        for_spreadsheets: bool = False,
        beside: tuple[str, ...] = (),
    ) -> None:
        self.class_names, self.for_spreadsheets = class_names, for_spreadsheets
        if class_names is not None:
            added = [("class", pa.string()), *((f"probability {name}", pa.float64()) for name in class_names)]
        elif num_outputs == 1:
            added = [("value", pa.float64())]
        else:
            added = [(f"value {k}", pa.float64()) for k in range(num_outputs)]
        added += [(name, pa.float64()) for name in beside]
        if taken := {name for name, _ in added} & set(kept.names):
            raise ValueError(f"the column {min(taken)!r} cannot be kept: the predictions have one of that name; rename it")
        if for_spreadsheets:
            kept = pa.schema([field.with_name(name_as_shown(field.name)) for field in kept])
        self.schema = pa.schema([*kept, *map(pa.field, *zip(*added, strict=True))])
        self._writer = FORMATS[suffix](path, self.schema)

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, kept: pa.Table, predictions: NDArray[np.floating], beside: NDArray[np.float64] | None = None) -> None:
        """Rows: kept columns, probabilities (m, C) or values (m, K), and further numbers (m, B), nan where there is none."""
        columns = [pa.array(values) for values in predictions.astype(np.float64).T]
        columns += [] if beside is None else [pa.array(values, from_pandas=True) for values in beside.T]
        if self.class_names is not None:
            columns = [pa.array(np.array(self.class_names, object)[predictions.argmax(1)], pa.string()), *columns]
        columns = [*kept.columns, *columns]
        if self.for_spreadsheets:
            columns = [as_shown(column) for column in columns]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self.schema))
