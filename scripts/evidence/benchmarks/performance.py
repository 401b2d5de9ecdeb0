"""The measurements of all sections as docs/performance.json keeps them, and the table of them in docs/performance.md."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from command_line.whole_files import write_json

from evidence.benchmarks.certified_run import CertifiedRun
from evidence.benchmarks.certified_tables import summary_cells, summary_headings
from evidence.benchmarks.row import BenchmarkRow
from evidence.benchmarks.row_cells import HEADINGS, row_cells
from evidence.benchmarks.sections import SECTIONS, Measurements
from evidence.page_tables import DOCS, block, markdown_table, write_block
from evidence.provenance import measured

PERFORMANCE, PAGE = DOCS / "performance.json", DOCS / "performance.md"


def refuse_missing_block() -> None:
    """Refuse to measure for hours what could not be shown.

    Raises:
        ValueError: docs/performance.md has no place for the table.
    """
    block(PAGE.read_text(encoding="utf-8"), "performance")


def update_docs(found: dict[str, Measurements]) -> None:
    """Put the sections that ran to their end into docs/performance.json, and all that is there into docs/performance.md.

    Raises:
        ValueError: there is none, so that no table could be shown.
    """
    kept = json.loads(PERFORMANCE.read_text(encoding="utf-8"))["sections"] if PERFORMANCE.exists() else {}
    kept |= {name: section.plain() for name, section in found.items() if section.has_results and section.error is None}
    if not kept:
        raise ValueError("docs/performance.md stays as it is: no section ran to its end with rows to show")
    sections = {name: kept[name] for name in SECTIONS if name in kept}
    write_json(PERFORMANCE, {"sections": sections})
    write_block(PAGE, "performance", performance_block(sections))


def performance_block(sections: dict[str, Any]) -> str:
    """The block "performance": every row of every section, whoever wins; what wins is bold. Then the summaries.

    Args:
        sections: by name, each with its `rows` (`BenchmarkRow.plain`), its `remarks`, where they come from (`provenance`), and
            `runs` (`CertifiedRun.plain`) where it has some.
    """
    table = markdown_table(HEADINGS, [cells for name, section in sections.items() for cells in section_cells(name, section)])
    rows = [row for section in sections.values() for row in rows_of(section)]
    remarks = [f"- {name}: {remark}" for name, section in sections.items() for remark in section["remarks"]]
    parts = [
        table,
        f"{counted_rows(rows)} `docs/performance.json` has every measurement. Measured: {measured(sections)}.",
        *(runs_summary(name, section["runs"]) for name, section in sections.items() if section.get("runs")),
        *(["\n".join(remarks)] if remarks else []),
    ]
    return "\n\n".join(parts) + "\n"


def runs_summary(name: str, plain: list[dict[str, Any]]) -> str:
    """A table with a line for each method, of the runs of a section (`CertifiedRun.plain`)."""
    runs = [CertifiedRun(**run) for run in plain]
    return f"Against certified answers (`{name}`):\n\n" + markdown_table(summary_headings(runs), summary_cells(runs))


def counted_rows(rows: Sequence[BenchmarkRow]) -> str:
    """Who wins how often: of rivals only, and where it is known."""
    rivals = [row for row in rows if row.role == "rival"]
    ours, theirs, even = (sum(row.better == who for row in rivals) for who in ("ours", "theirs", "even"))
    unknown, few = len(rivals) - ours - theirs - even, sum(row.interval is None for row in rivals)
    return (
        f"Medians (least … most). Of {len(rivals)} rows beside rivals ours is better in {ours} and worse in {theirs}, in "
        f"{even} the interval of the ratio holds 1, and {unknown} are not counted: {unknown - few} too noisy, {few} of fewer "
        f"than five pairs. {len(rows) - len(rivals)} rows beside floors, which nobody beats, or ourselves are not counted."
    )


def rows_of(section: dict[str, Any]) -> list[BenchmarkRow]:
    """The rows of a section as the file has it."""
    return [BenchmarkRow.of_plain(row) for row in section["rows"]]


def section_cells(name: str, section: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """A line with the section's name, then one for each of its rows."""
    rows = rows_of(section)
    if rows:
        yield f"**{name}**", *[""] * (len(HEADINGS) - 1)
    for row in rows:
        case, ours, theirs, *others = row_cells(row)
        ours = f"**{ours}**" if row.better == "ours" else ours
        theirs = f"**{theirs}**" if row.better == "theirs" else theirs
        yield case, ours, theirs, *others
