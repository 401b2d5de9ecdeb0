"""What a file holds, found out by one reading of it that keeps no rows."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.columns.arrow_types import described, is_text
from datamodules.columns.column import Column
from datamodules.columns.given import NOTHING_GIVEN, Given, given
from datamodules.columns.meaning import ROW_NUMBERS, decimal_of, meaning
from datamodules.columns.missing_codes import AMONG_NUMBERS, AMONG_TEXTS
from datamodules.columns.profile import Profile
from datamodules.columns.report import Report, Topic
from datamodules.columns.rules import ColumnRules
from datamodules.columns.target import Target, target
from datamodules.columns.zero_weights import are_zero
from datamodules.messages import counted, listed

INDEX = "__index_level_"
# Columns are counted beyond.
MOST_NAMED = 3
FEWEST_DIFFERENT = 20
IDENTIFIER = re.compile(r"(^|[^A-Za-z])(id|ids|no|nr|key|code|number|uuid)$|[a-z](Id|ID)$", re.IGNORECASE)


@dataclass(frozen=True)
class Scan:
    """What is known of a table when its cells have been looked at.

    Attributes:
        rows: n, with those that have no target.
        columns: of which features can be made, and how they are read.
        target: what is predicted.
        empty: those of the columns that have no value in any row.
        given: weights, offset and exposure.
    """

    rows: int
    columns: tuple[Column, ...]
    target: Target
    empty: frozenset[str]
    given: Given = NOTHING_GIVEN


def scan(schema: pa.Schema, pieces: Iterable[pa.Table], rules: ColumnRules, report: Report, delimiter: str = ",") -> Scan:
    """Look at all cells.

    Args:
        schema: names and types of the file's columns.
        pieces: its rows.
        rules: what may be done to them.
        report: told what was done.
        delimiter: what is between the cells of a text file.

    Raises:
        ValueError: an option that names no column, no rows, a target or a column that nothing can be made of; what the rules
            refuse.
    """
    _check_names(schema.names, rules)
    codes = frozenset(rules.missing_codes)
    # Columns that a Parquet file encodes as categories are categories, whatever they are made of.
    encoded = {field.name: field.type.value_type for field in schema if pa.types.is_dictionary(field.type)}
    rules = replace(rules, categorical=(*rules.categorical, *encoded))
    kinds = {field.name: encoded.get(field.name, field.type) for field in schema if field.name not in rules.exclude}
    profiles = {name: Profile(kind, codes) for name, kind in kinds.items()}
    counters = {name: _RowNumbers() for name in profiles if _may_number_rows(name, schema)}
    rows = without_weight = 0
    for piece in pieces:
        cells = dict(zip(piece.column_names, piece.columns, strict=True))
        for name, profile in profiles.items():
            profile.add(cells[name])
            if name in counters:
                counters[name].add(cells[name])
        rows += len(piece)
        without_weight += int(are_zero(cells[rules.weights]).sum()) if rules.weights is not None else 0
    if not rows:
        raise ValueError(f"{rules.path} has no rows: nothing can be fitted; check the file")
    if without_weight == rows:
        raise ValueError(
            f"{rules.path}: column {rules.weights!r} (weights) is 0 in all {counted(rows)}, so that none of them counts: name "
            "another column"
        )
    report.rows["read"] = rows
    report.columns.update(dict.fromkeys(rules.exclude, "excluded"))
    decimal = decimal_of(profiles, rules, delimiter)
    others = given(profiles, rules, decimal, report)
    goal = target(profiles[rules.target], rules, decimal, report)
    report.columns[rules.target] = "the target"
    report.columns.update(dict.fromkeys([rules.clusters] if rules.clusters else [], "the clusters of the rows"))
    columns = []
    for name, profile in profiles.items():
        if name in rules.no_features:
            continue
        is_index = name == "" or name.startswith(INDEX)
        if (
            name in counters
            and name not in rules.categorical
            and (is_index or counters[name].are_they(profile, rows - without_weight))
        ):
            report.add(Topic.ROW_NUMBERS, f"{name!r}")
            report.columns[name] = Topic.ROW_NUMBERS.done
        elif (column := meaning(name, profile, rules, decimal, report)) is None:
            report.add(Topic.UNUSABLE, f"{name!r} ({described(profile.kind)})")
            report.columns[name] = Topic.UNUSABLE.done
        else:
            columns.append(column)
            if column.kind == "number" and _may_identify(name, profile):
                report.add(Topic.ALL_DIFFERENT, f"{name!r}")
    _report_codes({column.name: column for column in (*columns, goal.column, *others.columns)}, profiles, report)
    report.check()
    if not columns:
        why = "; ".join(report.lines(3)) or "all others are excluded"
        raise ValueError(
            f"{rules.path} has no column left besides the target {rules.target!r}: there is nothing to predict it from ({why})"
        )
    empty = frozenset(
        name for name, profile in profiles.items() if not (profile.numbers or profile.others or len(profile.levels))
    )
    return Scan(rows, tuple(columns), goal, empty, others)


def _check_names(names: list[str], rules: ColumnRules) -> None:
    asked = {
        "target": (rules.target,),
        "categorical": rules.categorical,
        "exclude": rules.exclude,
        "groups": (rules.groups,) if rules.groups is not None else (),
        "clusters": (rules.clusters,) if rules.clusters is not None else (),
        **{option: (name,) for option, name in rules.given.items()},
    }
    for option, wanted in asked.items():
        if unknown := [name for name in wanted if name not in names]:
            is_single = len(names) == 1
            close = (
                []
                if is_single
                else list(dict.fromkeys(found for name in unknown if (found := _close_name(name, names)) is not None))
            )
            raise ValueError(
                f"{rules.path} has no column {listed(map(repr, unknown))} ({option}): its columns are "
                f"{listed(map(repr, names), 20)}"
                + (f"; did you mean {listed(map(repr, close))}?" if close else "")
                + ("; if its cells are separated by another sign, give delimiter" if is_single else "")
            )


def _close_name(name: str, names: list[str]) -> str | None:
    """That of the names which may be meant: it differs in capitals or blanks only, or in few letters."""
    folded = [found.casefold().strip() for found in names]
    close = difflib.get_close_matches(name.casefold().strip(), folded, 1)
    return names[folded.index(close[0])] if close else None


def _may_number_rows(name: str, schema: pa.Schema) -> bool:
    return name.lower() in ROW_NUMBERS or name.startswith(INDEX)


def _may_identify(name: str, profile: Profile) -> bool:
    """Whether a column of whole numbers that all differ is called like an identifier."""
    is_different = profile.levels.is_cut or len(profile.levels) == profile.numbers
    return profile.is_whole and is_different and profile.numbers >= FEWEST_DIFFERENT and IDENTIFIER.search(name) is not None


class _RowNumbers:
    """Whether a column, called like one, counts the rows from 0 or 1, or has another name for each."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._counts = True

    def add(self, column: pa.ChunkedArray) -> None:
        if not self._counts or not len(column):
            return
        try:
            values = column.cast(pa.int64())
        except pa.ArrowException:
            self._counts = False
            return
        start = values[0].as_py() if self._next is None else self._next
        self._counts = start is not None and values.null_count == 0
        if self._counts:
            numbers: NDArray[np.int64] = values.to_numpy()
            self._counts = (self._next is not None or start in (0, 1)) and bool(
                (numbers == np.arange(start, start + len(numbers))).all()
            )
            self._next = start + len(numbers)

    def are_they(self, profile: Profile, rows: int) -> bool:
        if self._counts:
            return True
        is_different = profile.levels.is_cut or len(profile.levels) == rows
        return is_different and bool(profile.others)


def _report_codes(read: Mapping[str, Column], profiles: Mapping[str, Profile], report: Report) -> None:
    """Say which texts were taken for missing values; an empty cell needs no saying."""
    found: dict[str, dict[str, int]] = {}
    for name, column in read.items():
        usual = AMONG_TEXTS if column.kind == "category" else AMONG_NUMBERS
        for text, count in profiles[name].missing.items():
            is_typed = text == "NaN" and not is_text(profiles[name].kind)
            if text and not is_typed and text not in column.levels and (text in usual or text in column.codes):
                found.setdefault(text, {})[name] = count
    for text, counts in found.items():
        where = listed(map(repr, counts)) if len(counts) <= MOST_NAMED else counted(len(counts), "column")
        report.add(Topic.MISSING_CODES, f"{text!r} ({counted(sum(counts.values()), 'cell')} of {where})")
