"""What a table's file holds, found out without holding it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datamodules.serving.encoding import Encoding
from datamodules.tables.column_rules import (
    MOST_CATEGORIES,
    MOST_INTEGER_CLASSES,
    ColumnRules,
    count_missing,
    is_number,
    is_text,
)


@dataclass(frozen=True)
class TableContents:
    """What a first reading of the file finds.

    Attributes:
        rows: n.
        encodings: of the columns of features.
        class_names: C names; None for real targets.
        labels: class of each value of the target.
        class_counts: rows of each class (C,); for real targets (1,), all rows.
    """

    rows: int
    encodings: tuple[Encoding, ...]
    class_names: tuple[str, ...] | None
    labels: dict[Any, int]
    class_counts: list[int]

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(name for encoding in self.encodings for name in encoding.names)

    def features(self, piece: pa.Table) -> NDArray[np.float64]:
        """(m, d)."""
        return np.concatenate([encoding.block(piece[encoding.column]) for encoding in self.encodings], 1)

    def targets(self, column: pa.ChunkedArray) -> NDArray[Any]:
        """Labels (m,), or real targets (m, 1)."""
        if self.class_names is None:
            return column.to_numpy().astype(np.float64)[:, None]
        index = pc.index_in(column, value_set=pa.array(list(self.labels), column.type)).to_numpy()
        return np.array(list(self.labels.values()), np.int64)[index]


def read_as_real(schema: pa.Schema, rules: ColumnRules) -> list[str]:
    """Columns that are numbers and nothing else, whole as they may look in the beginning."""
    kept = {*rules.categorical, *([rules.target] if rules.task == "classification" else [])}
    return [field.name for field in schema if is_number(field.type) and field.name not in kept]


def scan_table(pieces: Iterable[pa.Table], schema: pa.Schema, rules: ColumnRules) -> TableContents:
    """Count rows, empty cells, categories and classes.

    Raises:
        ValueError: what `TabularDataModule` refuses in memory.
    """
    target, names = rules.target, rules.features(schema.names)
    kinds = {name: schema.field(name).type for name in [*names, target]}
    _refuse_kinds(kinds, rules)
    by_value = [name for name in names if name in rules.categorical or is_text(kinds[name])]
    found: dict[str, Counter[Any]] = {name: Counter() for name in [*by_value, target]}
    rows, missing, is_class = 0, Counter[str](), True
    for piece in pieces:
        rows += len(piece)
        missing.update({name: count_missing(piece[name]) for name in kinds})
        for name in by_value:
            found[name].update(_counts(piece[name]))
            if len(found[name]) > MOST_CATEGORIES and name not in rules.categorical:
                rules.encoding(name, _column(found[name], kinds[name]), rows)  # says that these are too many
        if is_class:
            found[target].update(_counts(piece[target]))
            is_class = _may_be_class(found[target], kinds[target], rules)
    rules.refuse_empty(rows)
    rules.refuse_missing(dict(missing))
    encodings = tuple(rules.encoding(name, _column(found.get(name, {}), kinds[name]), rows) for name in names)
    if not is_class:
        return TableContents(rows, encodings, None, {}, [rows])
    labels, class_names = rules.targets(_column(found[target], kinds[target]), "different value")
    class_counts = np.bincount(labels, list(found[target].values())).astype(int).tolist()
    return TableContents(rows, encodings, class_names, dict(zip(found[target], labels.tolist(), strict=True)), class_counts)


def _refuse_kinds(kinds: dict[str, pa.DataType], rules: ColumnRules) -> None:
    for name, kind in kinds.items():
        if not (is_number(kind) or is_text(kind) or pa.types.is_boolean(kind)):
            if name == rules.target:
                rules.targets(_column({}, kind))
            elif name not in rules.categorical or pa.types.is_nested(kind):
                rules.encoding(name, _column({}, kind))


def _may_be_class(found: Counter[Any], kind: pa.DataType, rules: ColumnRules) -> bool:
    """Whether the values of the target found so far allow that they are classes."""
    if not is_number(kind) or rules.task == "classification":
        return True
    whole = pa.types.is_integer(kind) and all(float(value).is_integer() for value in found)
    return rules.task == "auto" and whole and len(found) <= MOST_INTEGER_CLASSES


def _counts(column: pa.ChunkedArray) -> dict[Any, int]:
    return {cell["values"]: cell["counts"] for cell in pc.value_counts(column.drop_null()).to_pylist()}


def _column(values: Iterable[Any], kind: pa.DataType) -> pa.ChunkedArray:
    """The different values; whole numbers were read as real ones."""
    return pa.chunked_array([[int(v) for v in values] if pa.types.is_integer(kind) else list(values)], kind)
