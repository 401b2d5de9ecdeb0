"""README's table of the benchmark, from what docs/performance.json keeps of every section."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from readme_tables import markdown_table

from benchmarks.row import number

HEADINGS = ("case", "ours", "theirs", "peer", "ours ÷ theirs")


def performance_block(sections: dict[str, Any]) -> str:
    """The block "performance": every row of every section, whoever wins; the winner's median is bold.

    Args:
        sections: by name, each with its `rows` (`BenchmarkRow.plain`), its `remarks`, and the `machine` and `date` of them.
    """
    table = markdown_table(HEADINGS, [cells for name, section in sections.items() for cells in section_cells(name, section)])
    places: dict[str, list[str]] = {}
    for name, section in sections.items():
        places.setdefault(f"{section['machine']}, {section['date']}", []).append(name)
    rows = [row for section in sections.values() for row in section["rows"]]
    won = sum(row["better"] == "ours" for row in rows)
    remarks = [f"- {name}: {remark}" for name, section in sections.items() for remark in section["remarks"]]
    counted = f"Medians; ours is better in {won} of all {len(rows)} rows. `docs/performance.json` has every measurement."
    measured = "; ".join(f"{', '.join(names)} on {place}" for place, names in places.items())
    return "\n\n".join([table, f"{counted} Measured: {measured}.", *(["\n".join(remarks)] if remarks else [])]) + "\n"


def section_cells(name: str, section: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """A line with the section's name, then one for each of its rows."""
    if section["rows"]:
        yield f"**{name}**", "", "", "", ""
    for row in section["rows"]:
        ours, theirs = (f"{number(median(row[side]))} {row['unit']}" for side in ("ours", "theirs"))
        ours, theirs = (f"**{ours}**", theirs) if row["better"] == "ours" else (ours, f"**{theirs}**")
        yield row["case"], ours, theirs, row["peer"], number(row["ratio"])
