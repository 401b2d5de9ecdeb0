"""The rows of a CSV or Parquet file, a piece at a time."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from datamodules.tables.table_file import one_line_read_errors, without_dictionaries

PIECE_BYTES = 2**22


@dataclass(frozen=True)
class RowStream:
    """A file that is read again and again, never at once.

    Types in a CSV file are what its first piece shows; a later cell of another type is an error. But what looks like whole
    numbers there may go on with others, so those columns can be read as real numbers.
    """

    path: Path
    delimiter: str

    @cached_property
    def schema(self) -> pa.Schema:
        """Names and types of the columns; nothing but empty cells counts as text."""
        with one_line_read_errors(self.path):
            if self.is_parquet:
                with pyarrow.parquet.ParquetFile(self.path) as file:
                    return without_dictionaries(file.schema_arrow.empty_table()).schema
            with self._csv([], {}) as reader:
                return pa.schema(
                    [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in reader.schema]
                )

    @property
    def is_parquet(self) -> bool:
        return self.path.suffix.lower() == ".parquet"

    def pieces(self, columns: list[str], real: Collection[str]) -> Iterator[pa.Table]:
        """A few MiB of rows at a time, of these columns; `real` ones as float64."""
        return self._typed({name: pa.float64() if name in real else self.schema.field(name).type for name in columns})

    def unconverted(self, columns: list[str]) -> Iterator[pa.Table]:
        """The same with the cells as they are: in a CSV file texts, of which only the empty ones are missing."""
        if self.is_parquet:
            return self.pieces(columns, ())
        return self._typed({name: pa.string() for name in columns}, null_values=[""])

    @property
    def expected_rows(self) -> int:
        """For a progress bar: in a CSV file the lines below the header, though a cell in quotes may go over several."""
        with one_line_read_errors(self.path):
            if self.is_parquet:
                return int(pyarrow.parquet.read_metadata(self.path).num_rows)
            with self.path.open("rb") as file:
                return max(0, sum(piece.count(b"\n") for piece in iter(lambda: file.read(2**20), b"")) - 1)

    def _typed(self, types: dict[str, pa.DataType], **options: Any) -> Iterator[pa.Table]:
        columns = list(types)
        with one_line_read_errors(self.path):
            if self.is_parquet:
                rows = max(256, PIECE_BYTES // (8 * len(columns)))
                with pyarrow.parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=2**20) as file:
                    for batch in file.iter_batches(rows, columns=columns, use_threads=False):
                        piece = without_dictionaries(pa.Table.from_batches([batch]))
                        yield piece.cast(pa.schema([(name, types[name]) for name in piece.column_names]))
            else:
                with self._csv(columns, types, **options) as reader:
                    for batch in reader:
                        yield pa.Table.from_batches([batch])

    def _csv(self, columns: list[str], types: dict[str, pa.DataType], **options: Any) -> pa.csv.CSVStreamingReader:
        options |= {"strings_can_be_null": True, "include_columns": columns, "column_types": types}
        return pyarrow.csv.open_csv(
            self.path,
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=self.delimiter),
            convert_options=pyarrow.csv.ConvertOptions(**options),
        )
