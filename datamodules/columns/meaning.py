"""What a column is, told by what its cells look like."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from datamodules.columns.arrow_types import is_number, is_text, is_truth
from datamodules.columns.column import TRUTH, Column
from datamodules.columns.date_text import DAYS
from datamodules.columns.missing_codes import AMONG_TEXTS
from datamodules.columns.number_text import read_number
from datamodules.columns.profile import Profile, level_text
from datamodules.columns.report import Report, Topic
from datamodules.columns.rules import ColumnRules
from datamodules.messages import counted

# Numbers and texts in one column are categories if they are few whole numbers that occur again, or texts so often: among
# many different numbers more often.
MOST_NUMBERS_AMONG_TEXTS, FEWEST_TEXTS, TEXT_SHARE, MOST_TEXT_SHARE = 20, 2, 0.1, 0.5
PARQUETS = (".parquet", ".pq")
# What statistics programs call a column that numbers the rows.
ROW_NUMBERS = frozenset({"", "id", "index", "row", "rows", "rownames", "row.names", "row_names", "row_id", "unnamed: 0"})


def decimal_of(profiles: Mapping[str, Profile], rules: ColumnRules, delimiter: str = ",") -> str:
    """What stands before the fraction in this file: a comma if some column can only be read so.

    Semicolons between cells are there to leave the comma to the numbers: then it is one unless a column says otherwise.
    """
    if rules.decimal is not None:
        return rules.decimal
    columns = [profile for profile in profiles.values() if is_text(profile.kind) and profile.numbers and not profile.others]
    if delimiter == ";" and any(profile.has_commas for profile in columns):
        return "." if any(profile.notations == {"."} for profile in columns) else ","
    return "," if any(profile.notations == {","} for profile in columns) else "."


def meaning(name: str, profile: Profile, rules: ColumnRules, decimal: str, report: Report) -> Column | None:
    """How the column is read; None if it is left out, or nothing can be made of it.

    Raises:
        ValueError: numbers that are not finite; a text among numbers that is no code of a missing one.
    """
    column = Column(name, "number", codes=rules.missing_codes)
    if name in rules.categorical:
        if pa.types.is_nested(profile.kind):
            raise ValueError(
                f"{rules.path}: column {name!r} is {profile.kind}, which is no category: convert it, or name it in exclude"
            )
        return as_category(column, profile, rules)
    if is_truth(profile.kind):
        return replace(column, kind="truth")
    if profile.dates.formats == (DAYS,) and is_date_wanted(rules):
        report.add(Topic.DATES, f"{name!r}")
        return replace(column, kind="date", notation=DAYS)
    if is_number(profile.kind):
        _refuse_infinite(name, profile, rules)
        return replace(column, groups=False)
    if not is_text(profile.kind):
        return None
    return _of_texts(column, profile, rules, decimal, report)


def is_date_wanted(rules: ColumnRules) -> bool:
    return rules.dates != "text"


def _of_texts(column: Column, profile: Profile, rules: ColumnRules, decimal: str, report: Report) -> Column:
    name, text_levels = column.name, _levels(profile, rules)
    if text_levels and all(text.lower() in TRUTH for text in text_levels):
        return replace(column, kind="truth")
    if profile.others and is_date_wanted(rules):
        if profile.dates.formats:
            return _date(column, profile, rules, report)
        if found := profile.dates.slip:
            form, text, row = found
            raise ValueError(
                f"{rules.path}: column {name!r} holds dates ({form}), but {text!r} in row {row}: correct it, name the text in "
                "missing_codes, or give dates=text to have none"
            )
    if profile.numbers and not profile.others and profile.with_zeros and profile.is_whole:
        report.add(Topic.CODES, f"{name!r} (zeros lead its numbers, as in postal codes)")
        return as_category(column, profile, rules, are_numbers=False)
    if profile.numbers and not profile.others and profile.notations:
        _refuse_infinite(name, profile, rules)
        if 0 < profile.percents < profile.numbers:
            raise ValueError(
                f"{rules.path}: column {name!r} holds {profile.percents} numbers with a per cent sign and "
                f"{profile.numbers - profile.percents} without: write them alike, or name the column in categorical"
            )
        notation = decimal if decimal in profile.notations else min(profile.notations)
        _report_notation(name, profile, notation, rules, report)
        return replace(column, notation=notation, groups=notation in profile.grouped)
    if not profile.numbers:
        return as_category(column, profile, rules)
    return _of_both(column, profile, rules, report)


def _of_both(column: Column, profile: Profile, rules: ColumnRules, report: Report) -> Column:
    """Numbers and texts: categories, or a slip."""
    if not profile.others:
        raise ValueError(
            f"{rules.path}: column {column.name!r} holds numbers with a decimal point and others with a decimal comma: write "
            "them alike, or name the column in categorical"
        )
    numbers = [text for text in profile.levels.counts if read_number(text, ".") is not None]
    is_few = len(numbers) <= MOST_NUMBERS_AMONG_TEXTS
    is_again = is_few and profile.is_whole and len(numbers) <= profile.numbers / 2
    share = TEXT_SHARE if is_few else MOST_TEXT_SHARE
    is_often = profile.others >= max(FEWEST_TEXTS, share * (profile.numbers + profile.others))
    if not (is_again or is_often):
        assert profile.first_other is not None
        text, row = profile.first_other
        raise ValueError(
            f"{rules.path}: column {column.name!r} holds numbers, but text in {profile.others} of "
            f"{counted(profile.numbers + profile.others)} (first {text!r}, row {row}): correct those cells, or name "
            "the text in missing_codes or the column in categorical"
        )
    report.add(Topic.CODES, f"{column.name!r} (numbers and texts)")
    return as_category(column, profile, rules, are_numbers=False)


def _date(column: Column, profile: Profile, rules: ColumnRules, report: Report) -> Column:
    form, hint = _format(profile.dates.formats, rules), ""
    is_day_first = form.startswith("%d")
    if rules.dates == "auto" and any(other.startswith("%m" if is_day_first else "%d") for other in profile.dates.formats):
        first, second = ("day", "month") if is_day_first else ("month", "day")
        hint = f", the {first} first; dates={second}_first otherwise"
    report.add(Topic.DATES, f"{column.name!r} ({form}{hint})")
    return replace(column, kind="date", notation=form)


def as_category(column: Column, profile: Profile, rules: ColumnRules, are_numbers: bool = True) -> Column:
    """The column as one of categories: every different text is one, or, if they are numbers all, every different number."""
    levels = _levels(profile, rules)
    are_numbers = are_numbers and all(read_number(text, ".") is not None for text in levels)
    if are_numbers:
        levels = list(dict.fromkeys(level_text(read_number(text, ".")) for text in levels))
    return replace(column, kind="category", notation="." if are_numbers else "", levels=tuple(sorted(levels, key=place)))


def place(level: str) -> Any:
    """Sorts numbers by their value, before texts."""
    number = read_number(level, ".")
    return (1, 0.0, level) if number is None else (0, number, level)


def _levels(profile: Profile, rules: ColumnRules) -> list[str]:
    missing, counts = set(rules.missing_codes), profile.levels.counts
    if is_text(profile.kind):
        # Beside a plus, a minus is a category.
        missing |= AMONG_TEXTS - set(rules.not_missing) - ({"-"} if "+" in counts else set())
    return [text for text in counts if text not in missing]


def _format(formats: tuple[str, ...], rules: ColumnRules) -> str:
    """Of those that read all cells the first, unless the option says which of day and month is."""
    if rules.dates == "auto":
        return formats[0]
    first = "%d" if rules.dates == "day_first" else "%m"
    return next((form for form in formats if form.startswith(first)), formats[0])


def _refuse_infinite(name: str, profile: Profile, rules: ColumnRules) -> None:
    if profile.first_infinite is None:
        return
    text, row = profile.first_infinite
    if text not in rules.missing_codes:
        raise ValueError(
            f"{rules.path}: column {name!r} holds {text!r} in row {row}, which is not finite: correct it, name the column in "
            f"exclude, or give missing_codes=[{text!r}] if it stands for a missing value"
        )


def _report_notation(name: str, profile: Profile, notation: str, rules: ColumnRules, report: Report) -> None:
    found = sorted(profile.ornaments)
    if profile.has_commas:
        found.append("decimal commas" if notation == "," else "commas between thousands")
    if not found and rules.path.suffix.lower() in PARQUETS:
        found.append("texts")
    if found:
        report.add(Topic.NOTATION, f"{name!r} ({', '.join(found)})")
