"""The table of a file, in memory: scanned, divided, and then made numbers by what its training rows settle."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.columns import Encoder
from datamodules.columns.learning import Learner, describe, pruned
from datamodules.columns.report import Report, Topic
from datamodules.columns.rules import ColumnRules
from datamodules.columns.scan import Scan
from datamodules.files import TableFile
from datamodules.files.progress_bar import with_progress_bar
from datamodules.files.scan_file import scan_file
from datamodules.files.unchanged import unchanged
from datamodules.messages import counted
from datamodules.serving.divided_rows import DividedRows, Rows
from datamodules.tables.cell_pieces import cell_pieces
from datamodules.tables.cluster_codes import ClusterCodes
from datamodules.tables.split_table import PARTS, TableInMemory
from datamodules.tables.table import Table
from datamodules.tables.usable_rows import RowFilter, UsableRows


@dataclass(frozen=True)
class Targets:
    """What a division of rows looks at.

    Attributes:
        targets: class labels (n,), or real targets (n, 1).
        class_names: C names; None for real targets.
        groups: what each row belongs to (n,); None without groups.
    """

    targets: NDArray[np.int64] | NDArray[np.float64]
    class_names: tuple[str, ...] | None
    groups: NDArray[np.object_] | None = None


@dataclass(frozen=True)
class Cells:
    """The rows that can be used, as numbers.

    Attributes:
        columns: cells of each column (c, n).
        targets: of the rows.
        weights: how many times each of them counts (n,); None = once.
        offset: of the rows (n,); None without one.
        clusters: the number of the cluster of each (n,), −1 of the rows of a test file; None without a column of them.
        own_test_rows: how many of them, the last ones, are of the test file.
    """

    columns: NDArray[np.float64]
    targets: Targets
    weights: NDArray[np.float64] | None = None
    offset: NDArray[np.float64] | None = None
    clusters: NDArray[np.int64] | None = None
    own_test_rows: int = 0


class FileTable(TableInMemory):
    """Read twice: once to find out what the columns are, once for the rows.

    Args:
        file: the file.
        rules: what may be done to it.
        divide: gives the rows for training, validation and test, and notes on that.
        standardize: whether to scale the features.
        test_file: rows for the test, if they are in a file of their own.
    """

    def __init__(
        self,
        file: TableFile,
        rules: ColumnRules,
        divide: Callable[[Targets], DividedRows],
        standardize: bool,
        test_file: TableFile | None = None,
    ) -> None:
        super().__init__(self._encode, lambda table: self._divided, standardize)
        self._file, self._rules, self._divide_targets, self._test_file = file, rules, divide, test_file
        self.report, self.is_strict = Report(rules.path, rules.refused), rules.strict or rules.missing != "impute"

    @cached_property
    def _scan(self) -> Scan:
        return scan_file(self._file, self._rules, self.report)

    @cached_property
    def _cells(self) -> Cells:
        files = [self._file] if self._test_file is None else [self._file, self._test_file]
        with unchanged([file.path for file in files]):
            self._scan  # noqa: B018 – the first reading
            cells = self._read(self._file)
            if self._test_file is not None:
                cells = _joined(cells, self._read(self._test_file))
        is_weighted = cells.weights is not None and bool((cells.weights != 1).any())
        return cells if is_weighted else replace(cells, weights=None)

    def _read(self, file: TableFile) -> Cells:
        """The rows of a file that have a target and, if the rules say so, no missing value."""
        found: list[UsableRows] = []
        groups: list[object] = []
        is_own = file is self._file
        asked = [self._rules.groups] if self._rules.groups is not None and is_own else []
        codes = ClusterCodes(file.path, self._rules.clusters) if self._rules.clusters is not None and is_own else None
        usable, names = RowFilter(file, self._scan, self._rules), self._scan.target.class_names
        pieces = cell_pieces(file, usable.columns, [*asked, *([codes.name] if codes else [])])
        for piece in with_progress_bar("reading", pieces, self._scan.rows, lambda piece: piece.cells.shape[1]):
            rows = usable(piece.cells)
            found.append(rows if codes is None else replace(rows, clusters=codes(piece.others[codes.name], rows.are_usable)))
            groups += [group for name in asked for group in piece.others[name].filter(pa.array(rows.are_usable)).to_pylist()]
        usable.tell(self.report)
        targets = np.concatenate([rows.targets for rows in found])
        values = targets.astype(np.int64) if names is not None else targets[:, None]
        return Cells(
            np.concatenate([rows.cells for rows in found], 1),
            Targets(values, names, _groups(groups, self._rules) if asked else None),
            _one_after_the_other([rows.weights for rows in found]),
            _one_after_the_other([rows.offset for rows in found]),
            None if codes is None else np.concatenate([rows.clusters for rows in found if rows.clusters is not None]),
        )

    @cached_property
    def _divided(self) -> tuple[Rows, Rows, Rows]:
        """Row numbers of the parts."""
        cells = self._cells
        count = len(cells.targets.targets) - cells.own_test_rows
        own = Targets(cells.targets.targets[:count], cells.targets.class_names, cells.targets.groups)
        divided = self._divide_targets(own)
        self.report.add(Topic.CLASSES, *divided.notes)
        train, val, test = divided
        if cells.own_test_rows:
            test = np.arange(count, count + cells.own_test_rows)
        self.report.rows.update(dict(zip(("training", "validation", "test"), map(len, (train, val, test)), strict=True)))
        return train, val, test

    @cached_property
    def rows(self) -> dict[str, Rows]:
        return dict(zip(PARTS, self._divided, strict=True))

    @cached_property
    def _encoder(self) -> Encoder:
        """With all categories of the file."""
        cells = self._cells.columns
        learnt = with_progress_bar("learning", cells, len(cells), lambda _: 1, "columns")
        learner, weights = Learner(self._rules, self.report), self._cells.weights
        return learner.encoder(self._scan.columns, learnt, self.rows["train"], weights)

    def _encode(self) -> Table:
        encoder, cells = self._encoder, self._cells
        place = {column.name: number for number, column in enumerate(self._scan.columns)}
        coding = encoder.coding(cells.columns.shape[1])
        features = encoder.stored([cells.columns[place[column.name]] for column in encoder.columns], coding)
        describe(encoder, self.report)
        table = Table(
            features, cells.targets.targets, encoder.names, cells.targets.class_names, pruned(encoder), cells.weights,
            cells.offset, self._scan.given.without_weights(), cells.clusters, _numbered(cells), coding,
        )  # fmt: skip
        del self.__dict__["_cells"]  # the table holds the same
        return table


def _joined(cells: Cells, test: Cells) -> Cells:
    """The rows of the file, and behind them those of the test file."""
    labels = np.concatenate([cells.targets.targets, test.targets.targets])
    return Cells(
        np.concatenate([cells.columns, test.columns], 1),
        Targets(labels, cells.targets.class_names, cells.targets.groups),
        _one_after_the_other([cells.weights, test.weights]),
        _one_after_the_other([cells.offset, test.offset]),
        None if cells.clusters is None else np.append(cells.clusters, np.full(len(test.targets.targets), -1)),
        len(test.targets.targets),
    )


def _one_after_the_other(parts: list[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    """Either all of them are there or none is."""
    held = [part for part in parts if part is not None]
    return np.concatenate(held) if held else None


def _numbered(cells: Cells) -> NDArray[np.int64] | None:
    """The number of each row's group, −1 for rows of a test file; None without groups."""
    if (groups := cells.targets.groups) is None:
        return None
    known: dict[object, int] = {}
    numbers = [known.setdefault(group, len(known)) for group in groups]
    return np.array(numbers + [-1] * cells.own_test_rows, np.int64)


def _groups(values: list[object], rules: ColumnRules) -> NDArray[np.object_]:
    """What each row belongs to, texts without the blanks around them.

    Raises:
        ValueError: a row belongs to nothing.
    """
    if lacking := sum(value is None for value in values):
        raise ValueError(
            f"{rules.path}: column {rules.groups!r} (groups) is empty in {counted(lacking)} of {len(values)}: fill it in, or "
            "drop those rows"
        )
    return np.array([value.strip() if isinstance(value, str) else value for value in values], object)
