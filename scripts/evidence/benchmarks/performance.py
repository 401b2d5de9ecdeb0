"""The measurements of all sections as docs/performance.json keeps them, and the table of them in docs/performance.md."""

import json
from collections.abc import Iterator
from statistics import median
from typing import Any

from command_line.whole_files import write_json

from evidence.benchmarks.certified_run import CertifiedRun
from evidence.benchmarks.certified_tables import summary_cells, summary_headings
from evidence.benchmarks.row import number
from evidence.benchmarks.sections import SECTIONS, Measurements
from evidence.page_tables import DOCS, block, markdown_table, write_block
from evidence.provenance import measured

PERFORMANCE, PAGE = DOCS / "performance.json", DOCS / "performance.md"
HEADINGS = ("case", "ours", "theirs", "peer", "ours ÷ theirs")


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
    """The block "performance": every row of every section, whoever wins; the winner's median is bold. Then the summaries.

    Args:
        sections: by name, each with its `rows` (`BenchmarkRow.plain`), its `remarks`, where they come from (`provenance`), and
            `runs` (`CertifiedRun.plain`) where it has some.
    """
    table = markdown_table(HEADINGS, [cells for name, section in sections.items() for cells in section_cells(name, section)])
    rows = [row for section in sections.values() for row in section["rows"]]
    won = sum(row["better"] == "ours" for row in rows)
    remarks = [f"- {name}: {remark}" for name, section in sections.items() for remark in section["remarks"]]
    counted = f"Medians; ours is better in {won} of all {len(rows)} rows. `docs/performance.json` has every measurement."
    parts = [
        table,
        f"{counted} Measured: {measured(sections)}.",
        *(runs_summary(name, section["runs"]) for name, section in sections.items() if section.get("runs")),
        *(["\n".join(remarks)] if remarks else []),
    ]
    return "\n\n".join(parts) + "\n"


def runs_summary(name: str, plain: list[dict[str, Any]]) -> str:
    """A table with a line for each method, of the runs of a section (`CertifiedRun.plain`)."""
    runs = [CertifiedRun(**run) for run in plain]
    return f"Against certified answers (`{name}`):\n\n" + markdown_table(summary_headings(runs), summary_cells(runs))


def section_cells(name: str, section: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """A line with the section's name, then one for each of its rows."""
    if section["rows"]:
        yield f"**{name}**", "", "", "", ""
    for row in section["rows"]:
        ours, theirs = (f"{number(median(row[side]))} {row['unit']}" for side in ("ours", "theirs"))
        ours, theirs = (f"**{ours}**", theirs) if row["better"] == "ours" else (ours, f"**{theirs}**")
        yield row["case"], ours, theirs, row["peer"], number(row["ratio"])
