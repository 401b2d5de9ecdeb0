"""A file with a table, read from the beginning whenever asked, a few MiB of rows at a time."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from datamodules.columns.meaning import PARQUETS
from datamodules.columns.zero_weights import without_zero_weights
from datamodules.files.categories import encoded_columns, without_dictionaries
from datamodules.files.column_names import unique_names
from datamodules.files.compression import open_bytes, suffix_of
from datamodules.files.plain_lines import PlainLines
from datamodules.files.read_errors import one_line_read_errors
from datamodules.files.text_format import TextFormat, text_format
from datamodules.messages import counted

PIECE_BYTES = 2**23
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}


@dataclass(frozen=True)
class TableFile:
    """A text file of which nothing is known but its ending, or a Parquet file.

    Attributes:
        path: the file.
        delimiter, encoding, header: of a text file, as in `TabularDataModule`; None = found out.
        wanted: the name of a column that is looked for.
        weights: the name of the column of weights: a row of weight 0 is as good as not there, and holds nothing.
    """

    path: Path
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    wanted: str = ""
    weights: str | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ValueError(f"delimiter={self.delimiter!r}: cells are separated by one character, such as ',' or ';' or '\\t'")
        if self.delimiter is not None and (self.delimiter in '\r\n\0"' or not self.delimiter.isascii()):
            raise ValueError(
                f"delimiter={self.delimiter!r} cannot stand between cells: give another character, such as ',' or ';' or '\\t'"
            )
        if self.encoding is not None:
            try:
                if not isinstance("".encode(self.encoding), bytes):  # rot13 is one of texts to texts
                    raise LookupError
            except (LookupError, TypeError) as error:
                raise ValueError(f"encoding={self.encoding!r}: Python knows no such encoding; utf-8 or cp1252, say") from error

    @property
    def is_parquet(self) -> bool:
        return suffix_of(self.path) in PARQUETS

    @cached_property
    def format(self) -> TextFormat:
        """Of a text file.

        Raises:
            OSError, ValueError: as `one_line_read_errors` has them.
        """
        with one_line_read_errors(self.path):
            return text_format(self.path, self.delimiter, self.encoding, self.header, self.wanted)

    @cached_property
    def schema(self) -> pa.Schema:
        """Names of the columns, all different, and their types: texts, or what a Parquet file says.

        Raises:
            OSError, ValueError: as `one_line_read_errors` has them.
        """
        if not self.is_parquet:
            return pa.schema([(name, pa.string()) for name in unique_names(self._own_names)])
        with one_line_read_errors(self.path), pyarrow.parquet.ParquetFile(self.path) as file:
            schema, encoded = file.schema_arrow, encoded_columns(file)
            kinds = [
                pa.dictionary(pa.int32(), kind) if name in encoded and not pa.types.is_dictionary(kind) else kind
                for name, kind in zip(schema.names, schema.types, strict=True)
            ]
            return pa.schema(list(zip(unique_names(schema.names), kinds, strict=True)))

    @property
    def _own_names(self) -> list[str]:
        """As they stand in the file; a blank one is empty."""
        if self.is_parquet:
            with one_line_read_errors(self.path), pyarrow.parquet.ParquetFile(self.path) as file:
                return list(file.schema_arrow.names)
        form = self.format
        if form.header is None:
            return [f"column {number}" for number in range(1, form.width + 1)]
        names = list(form.header)
        if len(names) == form.width - 1:  # the name of the rows is left out, or the last cell is empty
            names = [*names, ""] if form.ends_with_delimiter else ["", *names]
        return names

    def notes(self) -> tuple[list[str], list[str]]:
        """(what is not plain in the form of the file, in the names of its columns), in a few words each."""
        names = self._own_names
        repeated = sorted({name for name in names if name and names.count(name) > 1})
        found = [f"several {name!r} with numbers behind" for name in repeated]
        if "" in names[1:]:
            found.append("blank ones by their places")
        if self.is_parquet:
            return [], found
        form, plain = self.format, []
        delimiter, quote = form.division.delimiter, form.division.quote
        if delimiter != ",":
            plain.append(f"cells between {SEPARATORS.get(delimiter, repr(delimiter))}")
        if form.encoding not in ("utf-8", "utf-8-sig"):
            plain.append(f"texts in {form.encoding}")
        if quote != '"' and quote:
            plain.append(f"quotes {quote}")
        if form.header is None:
            plain.append(f"no header: the columns are called {names[0]!r} … {names[-1]!r}")
        if form.comment:
            plain.append(f"lines that begin with {form.comment} are comments")
        if form.above:
            plain.append(f"{counted(form.above, 'line')} above the table")
        return plain, found

    @property
    def expected_rows(self) -> int | None:
        """For a progress bar; None where only reading would tell."""
        with one_line_read_errors(self.path):
            return int(pyarrow.parquet.read_metadata(self.path).num_rows) if self.is_parquet else None

    def pieces(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """Rows of these columns, all by default, with the types of the schema.

        Raises:
            OSError, ValueError: as `one_line_read_errors` has them.
        """
        names = self.schema.names
        wanted = names if columns is None else list(dict.fromkeys(columns))
        with one_line_read_errors(self.path, None if self.is_parquet else self.format.encoding):
            read = self._parquet if self.is_parquet else self._text
            if self.weights is None or self.weights not in names:
                yield from read(names, wanted)
                return
            for piece in read(names, list(dict.fromkeys([*wanted, self.weights]))):
                yield without_zero_weights(piece, self.weights).select(wanted)

    def _parquet(self, names: list[str], wanted: list[str]) -> Iterator[pa.Table]:
        rows = max(256, PIECE_BYTES // (8 * len(wanted)))
        with pyarrow.parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=2**20) as file:
            own = file.schema_arrow.names
            # A name that occurs twice cannot be asked for.
            some = [own[names.index(name)] for name in wanted] if len(set(own)) == len(own) else None
            for batch in file.iter_batches(rows, columns=some, use_threads=False):
                piece = pa.Table.from_batches([batch])
                if some is None:
                    piece = piece.rename_columns(names)
                else:
                    piece = piece.rename_columns([names[own.index(name)] for name in piece.column_names])
                yield without_dictionaries(piece.select(wanted))

    def _text(self, names: list[str], wanted: list[str]) -> Iterator[pa.Table]:
        form = self.format
        is_tidied = bool(form.comment) or form.division.is_aligned
        options: dict[str, Any] = {"include_columns": wanted, "column_types": dict.fromkeys(wanted, pa.string())}
        with io.BufferedReader(PlainLines(self.path, form), 2**20) if is_tidied else open_bytes(self.path) as source:
            reader = pyarrow.csv.open_csv(
                source,
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=min(PIECE_BYTES, max(2**16, 4 * self.path.stat().st_size)),  # a small file needs no large ones
                    column_names=names,
                    skip_rows=0 if is_tidied else form.skipped,
                    encoding="utf8" if is_tidied or form.encoding == "utf-8-sig" else form.encoding,
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=form.division.delimiter, quote_char=form.division.quote or False, newlines_in_values=True
                ),
                convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True, null_values=[""], **options),
            )
            for batch in reader:
                yield pa.Table.from_batches([batch])
