"""Measure the project against what a user would pick instead, side by side in one run. `--help` lists the options."""

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from benchmarks import diagonal, glm, gpu, memory, networks, overhead, scaling, two_view
from benchmarks.performance import performance_block
from benchmarks.row import BenchmarkRow
from command_line.one_line_errors import one_line, run
from command_line.one_line_parser import OneLineParser
from command_line.summary import write_json
from readme_tables import README, block, write_block
from rich.console import Console
from rich.progress import track
from rich.table import Table

PERFORMANCE = README.parent / "docs" / "performance.json"
# A section yields its rows one by one, and remarks where something could not be measured. The number of them is known, for the
# progress bar.
SECTIONS: dict[str, tuple[Callable[[str], Iterator[BenchmarkRow | str]], int]] = {
    "glm": (glm.measure, glm.NUM_ROWS),
    "networks": (networks.measure, networks.NUM_ROWS),
    "diagonal": (diagonal.measure, diagonal.NUM_ROWS),
    "two_view": (two_view.measure, two_view.NUM_ROWS),
    "overhead": (overhead.measure, overhead.NUM_ROWS),
    "scaling": (scaling.measure, scaling.NUM_ROWS),
    "memory": (memory.measure, memory.NUM_ROWS),
    "gpu": (gpu.measure, gpu.NUM_ROWS),
}


@dataclass
class Section:
    """What a section gave, and the error that ended it early."""

    rows: list[BenchmarkRow] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    error: Exception | None = None

    def plain(self) -> dict[str, Any]:
        """Plain values for a file."""
        date = datetime.now().astimezone().date().isoformat()
        rows = [row.plain() for row in self.rows]
        return {"machine": machine(), "date": date, "remarks": self.remarks, "rows": rows}


def main(args: list[str]) -> None:
    """Run the sections that the arguments name and print their tables.

    Raises:
        ArithmeticError: the sides of a comparison disagree.
        OSError: what a section needs is not there.
        ValueError: README.md has no place for the table.
    """
    parser = OneLineParser(prog="benchmark.py", description=__doc__)
    parser.add_argument("section", nargs="?", choices=[*SECTIONS, "all"], default="all", help="What to measure.")
    parser.add_argument("--data_dir", type=str, default="data", help="Folder of the data sets.")
    parser.add_argument("--json", type=str, default=None, help="File for the numbers.")
    parser.add_argument("--update_readme", action="store_true", help="Put them into docs/performance.json and README.md.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    if options.update_readme:
        block(README.read_text(encoding="utf-8"), "performance")  # refused now, not after hours
    names = list(SECTIONS) if options.section == "all" else [options.section]
    found = {name: measured(name, options.data_dir) for name in names}
    if len(names) == 1 and (error := found[names[0]].error) is not None:
        raise error
    # A file has no width of its own: wide enough for no cell to be broken.
    console = Console(width=None if Console().is_terminal else 180)
    for name, section in found.items():
        if section.rows:
            console.print(table_of(name, section.rows))
        for remark in section.remarks:
            console.print(f"{name}: {remark}", highlight=False, soft_wrap=True)
    if options.json is not None:
        rows = {name: [row.plain() for row in section.rows] for name, section in found.items()}
        remarks = {name: section.remarks for name, section in found.items()}
        write_json(Path(options.json), {"machine": machine(), "remarks": remarks, **rows})
    if options.update_readme:
        update_readme(found)
    if stopped := [f"{name} stopped: {one_line(section.error)}" for name, section in found.items() if section.error]:
        raise ArithmeticError("; ".join(stopped))


def measured(name: str, data_dir: str) -> Section:
    """Run a section; what ends it early is kept, so that the others run, and so are the rows until then."""
    measure, total = SECTIONS[name]
    section, console = Section(), Console(stderr=True)
    try:
        for given in track(measure(data_dir), description=name, total=total, console=console, transient=True):
            if isinstance(given, str):
                section.remarks.append(given)
            else:
                section.rows.append(given)
    except (ArithmeticError, OSError, ValueError) as error:
        section.error = error
    return section


def table_of(name: str, rows: list[BenchmarkRow]) -> Table:
    """Medians with their range, and the ratio of ours to theirs."""
    table = Table("case", "ours", "theirs", "peer", "ours ÷ theirs", "better", title=f"{name} ({machine()})")
    for row in rows:
        table.add_row(*row.cells())
    return table


def update_readme(found: dict[str, Section]) -> None:
    """Put the sections that ran to their end into docs/performance.json, and all that is there into README.md.

    Raises:
        ValueError: there is none, so that no table could be shown.
    """
    kept = json.loads(PERFORMANCE.read_text(encoding="utf-8"))["sections"] if PERFORMANCE.exists() else {}
    kept |= {name: section.plain() for name, section in found.items() if section.rows and section.error is None}
    if not kept:
        raise ValueError("the README stays as it is: no section ran to its end with rows to show")
    sections = {name: kept[name] for name in SECTIONS if name in kept}
    write_json(PERFORMANCE, {"sections": sections})
    write_block(README, "performance", performance_block(sections))


def machine() -> str:
    """What the numbers were measured on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
