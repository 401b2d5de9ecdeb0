"""Columns that are no features: weights, offset and exposure, as the options call them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.columns.arrow_types import described, is_number, is_text
from datamodules.columns.column import Column
from datamodules.columns.meaning import meaning
from datamodules.columns.profile import Profile
from datamodules.columns.report import Report
from datamodules.columns.rules import ColumnRules

WEIGHTS, OFFSET, EXPOSURE = "weights", "offset", "exposure"
WHAT = {
    WEIGHTS: "the weights of the rows",
    OFFSET: "the offset",
    EXPOSURE: "the exposure, whose logarithm is in the offset",
}
# What a cell has to be.
WANTED = {WEIGHTS: "a finite number ≥ 0", OFFSET: "a finite number", EXPOSURE: "a finite number > 0"}


@dataclass(frozen=True)
class Given:
    """How the columns are read; None of those that there are not.

    Their cells stand behind those of the features, in this order.
    """

    weights: Column | None = None
    offset: Column | None = None
    exposure: Column | None = None

    @property
    def by_option(self) -> dict[str, Column]:
        """Those that there are."""
        held = {WEIGHTS: self.weights, OFFSET: self.offset, EXPOSURE: self.exposure}
        return {option: column for option, column in held.items() if column is not None}

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(self.by_option.values())

    @property
    def has_offset(self) -> bool:
        return self.offset is not None or self.exposure is not None

    def without_weights(self) -> "Given":
        """What new rows need as well."""
        return replace(self, weights=None)

    def offset_of(self, cells: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
        """What is added to the linear predictor: offset + log(exposure), of the cells (m,) of each column, without weights."""
        parts = dict(zip((o for o in self.by_option if o != WEIGHTS), cells, strict=True))
        logarithm = np.log(parts[EXPOSURE]) if EXPOSURE in parts else 0.0
        return np.asarray(parts.get(OFFSET, 0.0) + logarithm)

    def plain(self) -> dict[str, Any]:
        """The same in texts and lists."""
        return {option: column.plain() for option, column in self.by_option.items()}

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> "Given":
        """What `plain` was made of."""
        return Given(**{option: Column.from_plain(column) for option, column in plain.items()})


NOTHING_GIVEN = Given()


def bad_cell(option: str, cells: NDArray[np.float64]) -> int | None:
    """The first cell that holds something else than it has to be; missing ones are not looked at."""
    is_bad = np.isinf(cells) | ((cells < 0) if option == WEIGHTS else (cells <= 0) if option == EXPOSURE else False)
    return int(is_bad.argmax()) if is_bad.any() else None


def given(profiles: dict[str, Profile], rules: ColumnRules, decimal: str, report: Report) -> Given:
    """The columns that the rules name.

    Raises:
        ValueError: one does not hold numbers.
    """
    found = {}
    for option, name in rules.given.items():
        found[option] = _column(option, name, profiles[name], rules, decimal, report)
        report.columns[name] = WHAT[option]
    return Given(**found)


def _column(option: str, name: str, profile: Profile, rules: ColumnRules, decimal: str, report: Report) -> Column:
    where, wanted = f"{rules.path}: column {name!r} ({option})", f"every row needs {WANTED[option]}"
    if not (is_number(profile.kind) or is_text(profile.kind)):
        raise ValueError(f"{where} is {described(profile.kind)}, and {wanted}: name another column")
    if profile.first_other is not None:
        text, row = profile.first_other
        raise ValueError(f"{where} holds {text!r} in row {row}, and {wanted}: correct it, or name another column")
    if not profile.numbers:
        raise ValueError(f"{where} is empty, and {wanted}: name another column")
    if profile.first_infinite is not None and profile.first_infinite[0] not in rules.missing_codes:
        text, row = profile.first_infinite
        raise ValueError(f"{where} holds {text!r} in row {row}, and {wanted}: correct it, or leave out that row")
    column = meaning(name, profile, replace(rules, categorical=(), dates="text"), decimal, report)
    if column is None or column.kind != "number":
        raise ValueError(f"{where} holds codes with leading zeros, and {wanted}: name another column")
    return column
