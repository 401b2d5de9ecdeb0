"""The coefficients of a linear model as a table for a terminal."""

from collections.abc import Callable
from typing import Any

from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Column as TableColumn
from rich.table import Table

from command_line.aligned_numbers import add_rows, aligned

Numbers = dict[str, float | None]
Coefficients = dict[str, dict[str, Numbers]]
Column = tuple[str, Callable[[dict[str, Numbers]], str]]
OWN, SCALED = "own_units", "per_deviation"
SD = "standard deviation (s.d.)"
# What standard errors are of, where it is not called by its name.
ERRORS = {"expected": "of the expected information", "cluster": "of clusters of rows"}


def coefficient_table(console: Console, summary: dict[str, Any]) -> Group:
    """Estimates, standard errors, intervals and p-values in the table's own units; those of scaled features beside them.

    Where all of that is wider than the terminal, the intervals are left to `summary.json`. A penalty leaves the estimates.
    """
    coefficients: Coefficients = summary["coefficients"]
    level, covariance = f"{100 * summary['level']:g} %", summary["covariance"]
    first = next(iter(coefficients.values()))
    is_sure, is_scaled = first[OWN]["p_value"] is not None, SCALED in first
    unit = "in own units" if is_scaled else "estimate"
    estimate, error = (unit, _number(OWN, "estimate", 4)), ("± s.e.", _number(OWN, "standard_error", 2))
    sure, interval = ("p", _p_value), (f"{level} interval", _interval)
    scaled, its_error = ("per s.d.", _number(SCALED, "estimate", 4)), ("± s.e.", _number(SCALED, "standard_error", 2))
    own = "coefficients in the table's own units"
    heading = own + (f", and per {SD}" if is_scaled else "")
    if unit_of_each := summary.get("coefficient_unit"):
        heading += f";\neach in {unit_of_each} per own unit of its feature{', or per s.d.' if is_scaled else ''}"
    if not is_sure:
        strengths = [f"{name} = {summary[name]:g}" for name in ("l2", "l1") if summary.get(name)]
        heading += f";\na penalty, {' and '.join(strengths)}, leaves no standard errors, intervals or p-values"
        kept = {name: row for name, row in coefficients.items() if is_told(row)}
        if len(kept) < len(coefficients):
            heading += f";\n{len(coefficients) - len(kept)} that are 0 are left out"
        return Group(heading, _table(kept, [estimate, *([scaled] if is_scaled else [])]))
    is_profile = summary.get("intervals") == "profile"
    errors = "" if covariance == "observed" else f";\nstandard errors {ERRORS.get(covariance, f'by {covariance}')}"
    errors += ";\nintervals and p-values by the profile of the likelihood" if is_profile else ""
    heading += errors
    if not is_scaled:
        return Group(heading, _table(coefficients, [estimate, error, interval, sure]))
    table = _table(coefficients, [estimate, error, interval, sure, scaled, its_error])
    if _width(console, table).maximum <= console.width:
        return Group(heading, table)
    if is_profile:
        narrow = f"{own}{errors};\nfor those per {SD} see summary.json, or widen the terminal"
        return Group(narrow, _table(coefficients, [estimate, error, interval, sure]))
    # Else a long name would be cut.
    candidates = [
        (_table(coefficients, [estimate, error, sure, scaled, its_error]), ""),
        (_table(coefficients, [estimate, error, sure, scaled]), " and the standard errors per s.d."),
        (_table(coefficients, [estimate, error, sure]), " and what is per s.d."),
    ]
    fitting = (each for each in candidates if _width(console, each[0]).minimum <= console.width)
    table, left_out = next(fitting, candidates[-1])
    return Group(f"{heading};\nfor {level} intervals{left_out} see summary.json, or widen the terminal", table)


def _width(console: Console, table: Table) -> Measurement:
    """From that with every word whole to that with every cell in a line."""
    return Measurement.get(console, console.options.update(width=1000), table)


def num_shown(summary: dict[str, Any]) -> int:
    """Rows of the table: under l1 those of coefficients that are not 0, or that errors are told of."""
    return sum(map(is_told, summary["coefficients"].values()))


def is_told(row: dict[str, Numbers]) -> bool:
    """Whether there is something to say of a coefficient."""
    return row[OWN]["estimate"] != 0 or row[OWN]["p_value"] is not None


def effect_table(summary: dict[str, Any]) -> Group:
    """Average marginal effects with errors, intervals and p-values, in the table's own units."""
    columns: list[Column] = [
        ("effect", _number(OWN, "estimate", 4)),
        ("± s.e.", _number(OWN, "standard_error", 2)),
        (f"{100 * summary['level']:g} % interval", _interval),
        ("p", _p_value),
    ]
    heading = "average marginal effects on the prediction, in the table's own units"
    return Group(heading, _table(summary["marginal_effects"], columns, "feature"))


def _table(coefficients: Coefficients, columns: list[Column], what: str = "coefficient") -> Table:
    """Names give way where it is narrow, numbers never."""
    table = Table(TableColumn(what, overflow="fold"))
    rows = list(coefficients.values())
    numbers = [_intervals(rows) if number is _interval else [number(row) for row in rows] for _, number in columns]
    for title, _ in columns:
        table.add_column(title, no_wrap=True, min_width=len(title))
    add_rows(table, list(zip(coefficients, *numbers, strict=True)))
    return table


def _number(units: str, name: str, digits: int) -> Callable[[dict[str, Numbers]], str]:
    return lambda row: _shown(row[units][name], digits)


def _interval(row: dict[str, Numbers]) -> str:
    return f"{_shown(row[OWN]['low'], 3)} … {_shown(row[OWN]['high'], 3)}"


def _intervals(rows: list[dict[str, Numbers]]) -> list[str]:
    """With the points of both ends below each other."""
    lows, highs = (aligned([_shown(row[OWN][end], 3) for row in rows]) for end in ("low", "high"))
    return [f"{low} … {high}" for low, high in zip(lows, highs, strict=True)]


def _p_value(row: dict[str, Numbers]) -> str:
    return "< 1e-300" if row[OWN]["p_value"] == 0 else _shown(row[OWN]["p_value"], 2)


def _shown(value: float | None, digits: int) -> str:
    """A stroke for what is not known."""
    return "–" if value is None else f"{value:.{digits}g}"
