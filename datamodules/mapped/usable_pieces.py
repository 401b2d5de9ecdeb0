"""The rows of a file that can be used, a few at a time, and how many they are."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.columns.report import Report
from datamodules.columns.rules import ColumnRules
from datamodules.columns.scan import Scan
from datamodules.files import TableFile
from datamodules.files.progress_bar import with_progress_bar
from datamodules.tables.cell_pieces import cell_pieces
from datamodules.tables.cluster_codes import ClusterCodes
from datamodules.tables.usable_rows import RowFilter, UsableRows


def usable_pieces(
    what: str,
    file: TableFile,
    found: Scan,
    rules: ColumnRules,
    report: Report,
    of_features: bool = True,
    clusters: ClusterCodes | None = None,
) -> Iterator[UsableRows]:
    """A few at a time, with a progress bar.

    Args:
        what: is done, for the bar.
        file: the file, or the test file.
        found: columns and target of the file.
        rules: what may be done to it.
        report: told of the rows that were left out.
        of_features: whether columns beside the target are read.
        clusters: numbers the clusters of the rows; None without a column of them.

    Raises:
        OSError, ValueError: the file cannot be read; no row can be used; what the rules refuse.
    """
    usable = RowFilter(file, found, rules, of_features)
    rows = found.rows if file.path == rules.path else file.expected_rows
    pieces = cell_pieces(file, usable.columns, [] if clusters is None else [clusters.name])
    for piece in with_progress_bar(what, pieces, rows, lambda piece: piece.cells.shape[1]):
        some = usable(piece.cells)
        yield some if clusters is None else replace(some, clusters=clusters(piece.others[clusters.name], some.are_usable))
    usable.tell(report)


def usable_rows(file: TableFile, found: Scan, rules: ColumnRules) -> list[int]:
    """How many there are of each class (C,), or of real targets in all (1,).

    Raises:
        OSError, ValueError: as `usable_pieces` has them.
    """
    is_dropped = rules.missing == "drop"
    if file.path == rules.path and not (is_dropped or rules.missing_codes):
        return list(found.target.class_rows)
    names = found.target.class_names
    counts = np.zeros(len(names or "1"), np.int64)
    for rows in usable_pieces("counting", file, found, rules, Report(rules.path), is_dropped):
        counts += np.bincount(labels_of(rows.targets, names), minlength=len(counts))
    return counts.tolist()


def labels_of(targets: NDArray[np.float64], class_names: tuple[str, ...] | None) -> NDArray[np.int64]:
    """The classes (m,); 0 where there are none."""
    labels: NDArray[Any] = targets if class_names is not None else np.zeros(len(targets))
    return labels.astype(np.int64)
