"""What becomes of time and memory as rows, processes and features grow."""

from collections.abc import Iterator
from itertools import chain

from evidence.benchmarks import by_features, by_processes, by_rows
from evidence.benchmarks.row import BenchmarkRow

NUM_ROWS = by_rows.NUM_ROWS + by_processes.NUM_ROWS + by_features.NUM_ROWS


def measure_growth(_: str) -> Iterator[BenchmarkRow | str]:
    """The rows of all three.

    Raises:
        ArithmeticError: a fit does not reach the optimum.
        OSError: too little space for the largest table.
    """
    return chain(by_rows.measure_mapped_tables(), by_processes.time_processes(), by_features.time_solvers())
