"""What a user says about the columns of a file; what is not said is found out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from datamodules.columns.report import HARMLESS, Topic
from datamodules.messages.option_types import TEXT, WHOLE, check_choice, check_names, check_type

Task = Literal["auto", "classification", "regression"]
Missing = Literal["impute", "drop", "refuse"]
Dates = Literal["auto", "day_first", "month_first", "text"]


@dataclass(frozen=True)
class ColumnRules:
    """The options of `TabularDataModule` that say what the columns of its file are and what may be done to them; see there."""

    path: Path
    target: str
    categorical: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    task: Task = "auto"
    missing: Missing = "impute"
    missing_codes: tuple[str, ...] = ()
    not_missing: tuple[str, ...] = ()
    decimal: str | None = None
    dates: Dates = "auto"
    rare_levels: int | None = None
    max_levels: int = 100
    strict: bool = False
    groups: str | None = None
    weights: str | None = None
    offset: str | None = None
    exposure: str | None = None
    clusters: str | None = None

    @property
    def no_features(self) -> frozenset[str]:
        """Columns that say something else of the rows."""
        named = (self.target, self.groups, self.clusters, *self.given.values())
        return frozenset(name for name in named if name is not None)

    @property
    def given(self) -> dict[str, str]:
        """The columns that are no features but say how a row counts or where its predictor begins, by their options."""
        named = {"weights": self.weights, "offset": self.offset, "exposure": self.exposure}
        return {option: name for option, name in named.items() if name is not None}

    @property
    def refused(self) -> frozenset[Topic]:
        """What may not be done."""
        if self.strict:
            return frozenset(Topic) - HARMLESS
        return frozenset({Topic.MISSING}) if self.missing == "refuse" else frozenset()


def column_rules(
    path: Path,
    target: str,
    categorical: list[str] | None = None,
    exclude: list[str] | None = None,
    missing_codes: list[str | int | float] | None = None,
    not_missing: list[str] | None = None,
    **others: Any,
) -> ColumnRules:
    """The rules as options give them.

    Raises:
        ValueError: an option of a wrong type, or out of its range; the target among the excluded columns; a column with two
            roles.
    """
    check_type("target", target, TEXT, "the name of a column")
    check_names("categorical", categorical)
    check_names("exclude", exclude)
    if missing_codes is not None and not isinstance(missing_codes, (list, tuple)):
        raise ValueError(f"missing_codes={missing_codes!r}: give a list of texts or numbers, [-9, unknown] for example")
    codes = tuple(str(code).strip() for code in missing_codes or ())
    rules = ColumnRules(
        path,
        target,
        tuple(categorical or ()),
        tuple(exclude or ()),
        missing_codes=codes,
        not_missing=tuple(not_missing or ()),
        **others,
    )
    for name in ("groups", "weights", "offset", "exposure", "clusters"):
        check_type(name, getattr(rules, name), TEXT, "the name of a column, or None", optional=True)
    check_choice("task", rules.task, get_args(Task))
    check_choice("missing", rules.missing, get_args(Missing))
    check_choice("dates", rules.dates, get_args(Dates))
    check_choice("decimal", rules.decimal, (None, ".", ","))
    check_names("not_missing", not_missing)
    for name in ("rare_levels", "max_levels"):
        check_type(name, value := getattr(rules, name), WHOLE, "a whole number", optional=name == "rare_levels")
        if value is not None and value < 1:
            raise ValueError(f"{name}={value}: give a whole number ≥ 1")
    if target in rules.exclude:
        raise ValueError(f"exclude={exclude}: the target {target!r} cannot be left out; remove it from exclude")
    for option in ("groups", "clusters"):
        if (named := getattr(rules, option)) is not None and named in (target, *rules.exclude):
            raise ValueError(f"{option}={named!r}: the {option} cannot be the target or an excluded column; name another one")
    roles: dict[str, tuple[str, ...]] = {"target": (target,), "groups": (rules.groups or "",)}
    roles["clusters"] = (rules.clusters or "",)
    roles |= {"exclude": rules.exclude, "categorical": rules.categorical}
    for option, name in rules.given.items():
        if other := next((role for role, names in roles.items() if name in names and name), None):
            raise ValueError(f"{option}={name!r}: {other} names this column too, and it can be only one of them; name another")
        roles[option] = (name,)
    return rules
