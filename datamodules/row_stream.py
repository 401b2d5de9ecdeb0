"""The rows of a CSV or Parquet file, a piece at a time."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from datamodules.table_file import plain, readable

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
        with readable(self.path):
            if self.is_parquet:
                with pyarrow.parquet.ParquetFile(self.path) as file:
                    return plain(file.schema_arrow.empty_table()).schema
            with self._csv([], {}) as reader:
                return pa.schema(
                    [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in reader.schema]
                )

    @property
    def is_parquet(self) -> bool:
        return self.path.suffix.lower() == ".parquet"

    def pieces(self, columns: list[str], real: Collection[str]) -> Iterator[pa.Table]:
        """A few MiB of rows at a time, of these columns; `real` ones as float64."""
        types = {name: pa.float64() if name in real else self.schema.field(name).type for name in columns}
        with readable(self.path):
            if self.is_parquet:
                rows = max(256, PIECE_BYTES // (8 * len(columns)))
                with pyarrow.parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=2**20) as file:
                    for batch in file.iter_batches(rows, columns=columns, use_threads=False):
                        piece = plain(pa.Table.from_batches([batch]))
                        yield piece.cast(pa.schema([(name, types[name]) for name in piece.column_names]))
            else:
                with self._csv(columns, types) as reader:
                    for batch in reader:
                        yield pa.Table.from_batches([batch])

    def _csv(self, columns: list[str], types: dict[str, pa.DataType]) -> pa.csv.CSVStreamingReader:
        return pyarrow.csv.open_csv(
            self.path,
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=self.delimiter),
            convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True, include_columns=columns, column_types=types),
        )
