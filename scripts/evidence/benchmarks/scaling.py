"""What becomes of time and memory as rows, processes, features and parameters grow."""

from collections.abc import Iterator
from itertools import chain

from evidence.benchmarks import by_features, by_parameters, by_processes, by_rows
from evidence.benchmarks.row import BenchmarkRow

NUM_ROWS = sum(part.NUM_ROWS for part in (by_rows, by_processes, by_features, by_parameters))


def measure_growth(_: str) -> Iterator[BenchmarkRow | str]:
    """The rows of all four.

    Raises:
        ArithmeticError: a fit does not reach the optimum.
        OSError: too little space for the largest table.
    """
    return chain(
        by_rows.measure_mapped_tables(),
        by_processes.time_processes(),
        by_features.time_solvers(),
        by_parameters.time_wide_networks(),
    )
