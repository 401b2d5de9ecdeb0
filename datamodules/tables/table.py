"""A table of numbers with a target, checked before anything is computed from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.columns import Column, Encoder
from datamodules.columns.coding import Coding
from datamodules.columns.given import NOTHING_GIVEN, OFFSET, WANTED, WEIGHTS, Given, bad_cell
from datamodules.messages import are, counted, listed

LARGEST = 1e150


@dataclass(frozen=True)
class Table:
    """Features and target of every row.

    Attributes:
        features: (n, d) float64, unscaled; with a coding what is stored of them (n, c).
        targets: class labels 0 … C−1 (n,) int64, or real targets (n, K) float64.
        feature_names: d names.
        class_names: C names, or None for real targets.
        encoder: how the features were made of columns; None if each is a column of numbers.
        weights: how many times each row counts (n,), ≥ 0; None = once.
        offset: what is added to the linear predictor of each row (n,); None without one.
        given: columns of a file that the offset is made of; of an offset that is from none, one that is called so.
        clusters: the number of the cluster of each row (n,); None where rows do not depend on each other.
        groups: that of the group of each row (n,), whose rows stay together; None where each is by itself.
        coded: how the features are stored; None = as they are.
    """

    features: NDArray[np.float64]
    targets: NDArray[np.int64] | NDArray[np.float64]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] | None = None
    encoder: Encoder | None = None
    weights: NDArray[np.float64] | None = None
    offset: NDArray[np.float64] | None = None
    given: Given = NOTHING_GIVEN
    clusters: NDArray[np.int64] | None = None
    groups: NDArray[np.int64] | None = None
    coded: Coding | None = None

    def __post_init__(self) -> None:
        if self.offset is not None and not self.given.has_offset:
            # A file with new rows has it in a column.
            name = next(free for n in count() if (free := "(" * n + "offset" + ")" * n) not in self.feature_names)
            object.__setattr__(self, "given", Given(offset=Column(name, "number", groups=False)))

    def of_rows_that_count(self) -> "Table":
        """The rows whose weight is above 0, and no weights where all are 1.

        Raises:
            ValueError: weights or an offset that are not one number a row, or none that will do.
        """
        for option, values in ((WEIGHTS, self.weights), (OFFSET, self.offset)):
            if values is None:
                continue
            if values.shape != (len(self.features),):
                raise ValueError(f"{option} of shape {values.shape}: give one number for each of {counted(len(self.features))}")
            row = int(np.isnan(values).argmax()) if np.isnan(values).any() else bad_cell(option, values)
            if row is not None:
                raise ValueError(f"{option}[{row}] is {values[row]:g}, and every row needs {WANTED[option]}: correct it")
        if self.weights is None or (self.weights == 1).all():
            return replace(self, weights=None)
        rows = self.weights != 0
        if rows.all():
            return self
        if not rows.any():
            raise ValueError(f"weights are 0 in all {counted(len(rows))}, so that none of them counts: give other weights")
        beside = (self.offset, self.clusters, self.groups)
        offset, clusters, groups = (None if values is None else values[rows] for values in beside)
        own = {"features": self.features[rows], "targets": self.targets[rows], "weights": self.weights[rows]}
        return replace(self, **own, offset=offset, clusters=clusters, groups=groups)

    @property
    def is_classification(self) -> bool:
        return self.class_names is not None

    @cached_property
    def coding(self) -> Coding:
        """How the features are stored."""
        return self.coded or Coding.of_numbers(len(self.feature_names))

    @property
    def stored_names(self) -> tuple[str, ...]:
        """Of what is stored."""
        return self.coding.stored_names(self.feature_names)

    def check(self) -> None:
        """Refuse what no model can be fitted to.

        Raises:
            ValueError: no rows, values that are missing or infinite, fewer than two classes.
        """
        if not len(self.features):
            raise ValueError("the table has no rows: nothing can be fitted")
        stored = self.features[:, : len(self.stored_names)]  # slots were looked at when they were made
        bad = ~np.isfinite(stored)
        refuse_not_finite(bad.sum(0), int(bad.any(1).sum()), self.stored_names)
        if not self.is_classification and not np.isfinite(self.targets).all():
            lost = int((~np.isfinite(self.targets)).sum())
            drop = "that row" if lost == 1 else "those rows"
            raise ValueError(f"{counted(lost, 'target')} {are(lost)} missing or infinite: drop {drop}")
        self._check_size()
        if self.is_classification:
            present = np.unique(self.targets)
            if len(present) < 2:
                raise ValueError(
                    f"the target has one class only ({listed(map(repr, self.class_names or ()))}): there is nothing to "
                    "tell apart; choose another target column or add rows of another class"
                )

    def _check_size(self) -> None:
        """Refuse numbers whose squares are infinite."""
        columns: dict[str, NDArray[Any]] = {name: self.features[:, j] for j, name in enumerate(self.stored_names)}
        if not self.is_classification:
            columns |= {"the target": self.targets}
        huge = [name for name, values in columns.items() if np.abs(values).max() > LARGEST]
        if huge:
            raise ValueError(
                f"values above {LARGEST:g} in {'column' if len(huge) == 1 else 'columns'} "
                f"{listed(map(repr, huge))}: their squares overflow; choose a larger unit"
            )


def refuse_not_finite(counts: NDArray[np.int64], rows: int, names: Sequence[str]) -> None:
    """Refuse values that are missing or infinite: so many in each feature (d,), in so many rows.

    Raises:
        ValueError: names the features.
    """
    if rows:
        values, columns = int(counts.sum()), "column" if np.count_nonzero(counts) == 1 else "columns"
        them = "it" if values == 1 else "them"
        where = listed(f"{names[int(j)]!r} ({counts[j]})" for j in np.flatnonzero(counts))
        raise ValueError(
            f"{counted(values, 'value')} {are(values)} missing or infinite, in {columns} {where}: fill {them} in, drop "
            f"{'that row' if rows == 1 else f'those {rows} rows'}, or leave the {columns} out"
        )


def check_not_constant(features: NDArray[np.float64], names: Sequence[str], where: str) -> None:
    """Refuse columns with a single value: they carry no information and cannot be scaled to unit variance.

    Raises:
        ValueError: names the columns and, by `where` (" in the training rows"), the rows.
    """
    refuse_constant(np.flatnonzero(np.ptp(features, axis=0) == 0).tolist(), names, where)


def refuse_constant(constant: list[int], names: Sequence[str], where: str) -> None:
    """As `check_not_constant`, of columns that were found to be constant, given by their places."""
    if constant:
        raise ValueError(
            f"{counted(len(constant), 'column')} {are(len(constant))} constant{where}: "
            f"{listed(repr(names[j]) for j in constant)}; leave {'it' if len(constant) == 1 else 'them'} out"
            + (", or choose another seed or fraction" if where else "")
            + ", or give standardize=False, which keeps features as they are"
        )
