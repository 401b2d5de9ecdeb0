"""What is to be predicted: real numbers, or classes."""

from collections import Counter
from dataclasses import dataclass, replace

import pyarrow as pa

from datamodules.columns.arrow_types import described, is_date, is_number, is_text, is_truth
from datamodules.columns.column import Column
from datamodules.columns.levels import MOST_LEVELS
from datamodules.columns.meaning import as_category, meaning
from datamodules.columns.number_text import read_number
from datamodules.columns.profile import Profile, level_text
from datamodules.columns.report import Report
from datamodules.columns.rules import ColumnRules
from datamodules.messages import counted, listed

MOST_INTEGER_CLASSES = 20
MOST_CLASSES = 1_000


@dataclass(frozen=True)
class Target:
    """The column of the targets and how it is read.

    Attributes:
        column: a cell is a real number, or the place of a class; nan where there is none.
        class_names: C names; None for real targets.
        class_rows: rows of each class (C,); of real targets (1,), all that have one.
    """

    column: Column
    class_names: tuple[str, ...] | None
    class_rows: tuple[int, ...]


def target(profile: Profile, rules: ColumnRules, decimal: str, report: Report) -> Target:
    """How the target is read, by the task that the rules name or by what it looks like.

    Raises:
        ValueError: it suits no task, or not that one; it has one class, or no value at all.
    """
    name, kind = rules.target, profile.kind
    if not (is_number(kind) or is_text(kind) or is_truth(kind)):
        raise ValueError(
            f"{rules.path}: the target {name!r} is {described(kind)}, neither number nor text: convert it, or choose "
            "another target"
        )
    plain = Column(name, "category", codes=rules.missing_codes)
    as_classes = as_category(plain, profile, rules, are_numbers=not profile.with_zeros)
    if not (as_classes.levels or profile.levels.is_cut):
        raise ValueError(f"{rules.path}: the target {name!r} is missing in all {counted(profile.rows, 'row')}: choose another")
    if rules.task == "classification" or (rules.task == "auto" and _looks_like_classes(profile, as_classes, rules)):
        return _classes(as_classes, profile, rules)
    own = replace(rules, categorical=(), dates="text" if rules.task == "regression" else rules.dates)
    column = meaning(name, profile, own, decimal, report)
    assert column is not None
    if column.kind == "date":
        raise ValueError(f"{rules.path}: the target {name!r} is a date, neither number nor class: choose another target")
    if column.kind != "number":
        raise ValueError(
            f"{rules.path}: the target {name!r} holds {listed(map(repr, as_classes.levels), 3)}, not numbers: use "
            "task=classification, and a model for classes"
        )
    return Target(column, None, (profile.numbers,))


def _looks_like_classes(profile: Profile, column: Column, rules: ColumnRules) -> bool:
    """Texts, truth values, categories and few whole numbers."""
    if rules.target in rules.categorical:
        return True
    if not (is_number(profile.kind) or profile.numbers):
        return not (profile.dates.formats or is_date(profile.kind)) or rules.dates == "text"
    if profile.others:  # categories of numbers and texts, or a slip
        return meaning(rules.target, profile, rules, ".", Report(rules.path)).kind == "category"  # type: ignore[union-attr]
    texts = profile.levels.counts
    is_integer = (
        all(text.lstrip("+-").isdigit() for text in texts) if is_text(profile.kind) else pa.types.is_integer(profile.kind)
    )
    return is_integer and len(column.levels) <= MOST_INTEGER_CLASSES


def _classes(column: Column, profile: Profile, rules: ColumnRules) -> Target:
    name, levels = rules.target, column.levels
    if len(levels) < 2 and not profile.levels.is_cut:
        only = f"{levels[0]!r}{_among_missing(profile)}"
        raise ValueError(
            f"{rules.path}: the target {name!r} has one class only ({only}): there is nothing to tell apart; choose another "
            "target column or add rows of another class"
        )
    is_cut = profile.levels.is_cut
    if is_cut or len(levels) > MOST_CLASSES or (not profile.is_whole and len(levels) > MOST_INTEGER_CLASSES):
        number = f"more than {MOST_LEVELS} different values" if is_cut else counted(len(levels), "different value")
        raise ValueError(
            f"{rules.path}: the target {name!r} has {number}, which are no classes: for real "
            "numbers use task=regression and LinearRegression, say (LogisticRegression for shares between 0 and 1), or choose "
            "another target"
        )
    rows: Counter[str] = Counter()
    for text, count in profile.levels.counts.items():
        rows[_level(column, text)] += count
    return Target(column, levels, tuple(rows[level] for level in levels))


def _among_missing(profile: Profile) -> str:
    """What was taken for missing values may have been the other class."""
    found = ", ".join(f"{text!r}" for text in profile.missing if text)
    return f"; {found} stand for missing values, unless not_missing names them" if found else ""


def _level(column: Column, text: str) -> str:
    number = read_number(text, ".") if column.notation == "." else None
    return text if number is None else level_text(number)
