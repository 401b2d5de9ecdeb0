"""Columns of every kind, and the files that hold them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

N = 30
NUMBERS = [0.5 * i for i in range(N)]
COUNTS = list(range(N))
LABELS = ["yes" if i % 3 else "no" for i in range(N)]
COLOURS = [("red", "green", "blue")[i % 3] for i in range(N)]
FLAGS = [i % 2 == 0 for i in range(N)]
LEVELS = [i % 4 for i in range(N)]

Columns = dict[str, Any] | pa.Table


def parquet(folder: Path, columns: Columns) -> str:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pyarrow.parquet.write_table(table, folder / "table.parquet")
    return str(folder / "table.parquet")


def csv(folder: Path, columns: Columns, delimiter: str = ",") -> str:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pyarrow.csv.write_csv(table, folder / "table.csv", pyarrow.csv.WriteOptions(delimiter=delimiter))
    return str(folder / "table.csv")


def written(name: str, content: str | bytes) -> Callable[[Path], str]:
    """A file with exactly these contents."""

    def write(folder: Path) -> str:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return str(folder / name)

    return write
