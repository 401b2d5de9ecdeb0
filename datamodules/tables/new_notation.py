"""How the texts of another file are to be read: its numbers and dates may be written otherwise than those of the training."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from datamodules.columns import Column
from datamodules.columns.arrow_types import is_text
from datamodules.columns.date_text import DAYS, ISO
from datamodules.columns.number_text import NOTATIONS
from datamodules.columns.profile import Profile
from datamodules.files import TableFile
from datamodules.messages import listed

_SAID = {".": "decimal points", ",": "decimal commas"}


def read_in_new_notation(file: TableFile, columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns in the notation that reads all cells of the file: that of the training rows, if it does, or another one.

    Where none does they stay as they are, so that the cell is refused. All cells are looked at, in a reading of their own:
    a few do not tell 1.500 from 1,5.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    kinds = {field.name: field.type for field in file.schema}
    texts = [column for column in columns if column.kind in ("number", "date") and _holds_text(kinds[column.name])]
    if not texts:
        return tuple(columns)
    profiles = {column.name: Profile(pa.string(), frozenset(column.codes)) for column in texts}
    for piece in file.pieces(list(profiles)):
        for name, profile in profiles.items():
            profile.add(piece[name])
    found = {column.name: _by_itself(column, profiles[column.name]) for column in texts}
    pairs = [(column.notation, found[column.name].notation) for column in texts if column.kind == "number"]
    if len(others := {new for old, new in pairs if new != old}) == 1:
        found = {name: _beside(column, profiles[name], *others) for name, column in found.items()}
    return tuple(found.get(column.name, column) for column in columns)


def new_notations(old: Sequence[Column], new: Sequence[Column]) -> list[str]:
    """Which columns are read otherwise than in the training, a line for each notation."""
    names: dict[str, list[str]] = {}
    for before, column in zip(old, new, strict=True):
        if column.notation != before.notation:
            said = f"numbers with {_SAID[column.notation]}" if column.kind == "number" else f"dates by {column.notation}"
            names.setdefault(said, []).append(column.name)
    return [f"{said}: {listed(map(repr, some))}" for said, some in names.items()]


def _holds_text(kind: pa.DataType) -> bool:
    return is_text(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _by_itself(column: Column, profile: Profile) -> Column:
    """The column as its own cells say."""
    if column.kind == "date":
        formats = profile.dates.formats
        is_known = not formats or (ISO if column.notation == DAYS else column.notation) in formats
        return column if is_known else replace(column, notation=formats[0])
    if profile.others:
        return column
    possible = profile.notations if column.groups else profile.notations - profile.grouped
    notation = next((form for form in (column.notation, *NOTATIONS) if form in possible), column.notation)
    return replace(column, notation=notation)


def _beside(column: Column, profile: Profile, decimal: str) -> Column:
    """The column in a file of which other columns can only be read with this decimal sign.

    There 1.500 is no longer 1.5 because the training rows have points; if they did not part thousands, it is refused.
    """
    is_doubtful = column.kind == "number" and not profile.others and decimal in profile.notations and profile.grouped
    return replace(column, notation=decimal) if is_doubtful else column
