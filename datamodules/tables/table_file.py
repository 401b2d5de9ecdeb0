"""A table in a CSV or Parquet file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet


@contextmanager
def one_line_read_errors(path: Path) -> Iterator[None]:
    """Errors of reading the file, as one line that says what to do.

    Raises:
        OSError: there is no such file, or it may not be read.
        ValueError: it is damaged, or of another kind.
    """
    if path.is_dir() or not path.exists():
        raise FileNotFoundError(f"there is no file {path}: check the path" + (" (it is a folder)" if path.is_dir() else ""))
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise ValueError(f"{path}: only .csv and .parquet files can be read, not {suffix or 'files without an ending'}")
    try:
        yield
    except PermissionError as error:
        raise PermissionError(f"{path} cannot be opened: you have no permission to read it") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        first_line = str(error).splitlines()[0]
        remedy = "check the file and the delimiter option" if suffix == ".csv" else "check the file, or write it anew"
        raise ValueError(f"{path} cannot be read as {suffix[1:]}: {first_line}; {remedy}") from error


def read_columns(path: Path, delimiter: str) -> pa.Table:
    """The columns of a CSV file with a header, or of a Parquet file, as they are.

    Raises:
        OSError, ValueError: as `one_line_read_errors` has them.
    """
    with one_line_read_errors(path):
        if path.suffix.lower() == ".parquet":
            # Not read_table: it cannot read a column whose name occurs twice, so the fault could not be named.
            with pyarrow.parquet.ParquetFile(path) as file:
                table = without_dictionaries(file.read())
        else:
            table = pyarrow.csv.read_csv(
                path,
                parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
                convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True),
            )
        table.column_names  # noqa: B018 – decodes the header, which can fail
    return table


def without_dictionaries(table: pa.Table) -> pa.Table:
    """Dictionary-encoded columns (pandas' categories) as the values they stand for."""
    for j, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(j, field.name, table.column(j).cast(field.type.value_type))
    return table
