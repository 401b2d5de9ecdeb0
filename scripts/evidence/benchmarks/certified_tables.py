"""Tables of runs on problems with certified answers: a line for each problem, and a line for each method."""

from collections.abc import Sequence
from statistics import median

from command_line.aligned_numbers import add_rows
from rich.table import Column, Table

from evidence.benchmarks.certified_run import CertifiedRun
from evidence.benchmarks.row_cells import number

# Digits that make an answer right, and below which it is wrong.
RIGHT, WRONG = 6.0, 4.0


def summary_headings(runs: Sequence[CertifiedRun]) -> tuple[str, ...]:
    """Of `summary_cells`."""
    problems = len({run.problem for run in runs})
    return (
        "method",
        f"≥ {RIGHT:.0f} digits, of {problems}",
        f"< {WRONG:.0f} digits though it reports success",
        "median steps",
        "median evaluations",
    )


def summary_cells(runs: Sequence[CertifiedRun]) -> list[tuple[str, ...]]:
    """A line for each method, over all of its runs."""
    lines: list[tuple[str, ...]] = []
    for method, own in by_method(runs).items():
        right = sum(run.digits >= RIGHT for run in own)
        misled = sum(run.digits < WRONG and run.reports_success for run in own)
        steps, evaluations = (number(median(counts)) for counts in ([r.steps for r in own], [r.evaluations for r in own]))
        lines.append((method, str(right), str(misled), steps, evaluations))
    return lines


def summary_table(title: str, runs: Sequence[CertifiedRun]) -> Table:
    """The lines of `summary_cells`."""
    table = Table(*summary_headings(runs), title=title)
    add_rows(table, summary_cells(runs))
    return table


def runs_table(title: str, runs: Sequence[CertifiedRun]) -> Table:
    """A line for each problem: digits of each method, its steps and evaluations; ? where it reports no success."""
    methods = by_method(runs)
    table = Table(
        "problem",
        *(Column(m, overflow="fold") for m in methods),
        title=f"{title}: digits (steps/evaluations), ? without success reported",
    )
    rows = []
    for problem in dict.fromkeys(run.problem for run in runs):
        found = {run.method: run for run in runs if run.problem == problem}
        rows.append((problem, *(run_cell(found[method]) if method in found else "" for method in methods)))
    add_rows(table, rows)
    return table


def run_cell(run: CertifiedRun) -> str:
    """ "7.6 (110/461)"."""
    return f"{run.digits:.1f}{'' if run.reports_success else '?'} ({run.steps}/{run.evaluations})"


def by_method(runs: Sequence[CertifiedRun]) -> dict[str, list[CertifiedRun]]:
    """The runs of each method, in their order."""
    found: dict[str, list[CertifiedRun]] = {}
    for run in runs:
        found.setdefault(run.method, []).append(run)
    return found
