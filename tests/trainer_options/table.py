"""The whole table: options × methods."""

from collections.abc import Iterable

from tests.trainer_options import (
    table_callbacks,
    table_lengths,
    table_machines,
    table_numbers,
    table_optimizers,
    table_training_callbacks,
    table_watching,
)
from tests.trainer_options.expectations import CURVATURE, FIRST_ORDER
from tests.trainer_options.rows import Row

# Headings of the page, with their rows.
SECTIONS: dict[str, list[Row]] = {
    "How long, and on which rows": table_lengths.ROWS,
    "How numbers are computed": table_numbers.ROWS,
    "On what it runs": table_machines.ROWS,
    "What is shown and kept": table_watching.ROWS,
    "Callbacks that watch, stop and keep": table_callbacks.ROWS,
    "Callbacks that change the training": table_training_callbacks.ROWS,
    "Classes of torch.optim": table_optimizers.ROWS,
}
ROWS = [row for rows in SECTIONS.values() for row in rows]
CELLS = [(row, method) for row in ROWS if not row.program for method in row.expected]


def by_turns(rows: Iterable[Row]) -> list[tuple[Row, str]]:
    """For each row one curvature method and one of torch.optim: every method meets every kind of option."""
    cells = []
    for number, row in enumerate(rows):
        if set(row.expected) >= set(CURVATURE):
            cells += [(row, CURVATURE[number % len(CURVATURE)]), (row, FIRST_ORDER[number % len(FIRST_ORDER)])]
        else:
            cells += [(row, method) for method in row.expected]
    return cells


QUICK = by_turns(row for row in ROWS if not row.slow and not row.program)
# The others, but of rows that take seconds for a cell.
SLOW = [cell for cell in CELLS if not cell[0].slow and cell not in QUICK] + by_turns(row for row in ROWS if row.slow)
