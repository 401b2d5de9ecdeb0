"""How rows are shown, in the terminal and on the page: medians with their spread, and a ratio only where it is known."""

import math
from statistics import median

from evidence.benchmarks.row import BenchmarkRow, paired_ratios

HEADINGS = ("case", "ours", "theirs", "peer", "ours ÷ theirs", "by CPU time", "both answers")
ROLES = {"rival": "", "floor": " (a floor)", "ourselves": " (ourselves)"}
TOO_NOISY, UNKNOWN = "too noisy", "–"


def row_cells(row: BenchmarkRow) -> tuple[str, ...]:
    """A line below `HEADINGS`."""
    sides = (spread(values, row.unit) for values in (row.ours, row.theirs))
    agreement = UNKNOWN if row.agreement is None else str(row.agreement)
    return (row.case, *sides, f"{row.peer}{ROLES[row.role]}", ratio_cell(row), cpu_cell(row), agreement)


def better_cell(row: BenchmarkRow) -> str:
    """Who wins; nobody beside a floor or ourselves."""
    return row.better or (TOO_NOISY if row.role == "rival" and row.interval is not None else UNKNOWN)


def spread(values: tuple[float, ...], unit: str) -> str:
    """ "1.2 s (1.1 … 1.5)"."""
    return f"{number(median(values))} {unit} ({number(min(values))} … {number(max(values))})"


def ratio_cell(row: BenchmarkRow) -> str:
    """ "0.3 (0.27 … 0.33)", "too noisy", or where there are too few pairs for an interval how many there are."""
    if row.interval is None:
        pairs = len(row.ratios)
        return f"{number(row.ratio)}, of {pairs} pair{'s' if pairs > 1 else ''}"
    if not row.is_settled:
        return TOO_NOISY
    low, high = row.interval
    return f"{number(row.ratio)} ({number(low)} … {number(high)})"


def cpu_cell(row: BenchmarkRow) -> str:
    """ "0.9 and 1.8 s: 0.5", both medians by the processor's clock and the median of their ratios."""
    if row.our_cpu is None or row.their_cpu is None:
        return UNKNOWN
    ratio = median(paired_ratios(row.our_cpu, row.their_cpu))
    return f"{number(median(row.our_cpu))} and {number(median(row.their_cpu))} {row.unit}: {number(ratio)}"


def number(value: float) -> str:
    """Three digits, or all of those before the point."""
    if math.isinf(value):
        return "∞"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
