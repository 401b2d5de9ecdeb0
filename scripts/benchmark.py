"""Measure the project against what a user would pick instead, side by side in one run. `--help` lists the options."""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from benchmarks import diagonal, glm, two_view
from benchmarks.row import BenchmarkRow
from command_line.one_line_errors import run
from command_line.one_line_parser import OneLineParser
from command_line.summary import write_json
from rich.console import Console
from rich.progress import track
from rich.table import Table

# A section yields its rows one by one; the number of them is known, for the progress bar.
SECTIONS: dict[str, tuple[Callable[[str], Iterator[BenchmarkRow]], int]] = {
    "glm": (glm.measure, glm.NUM_ROWS),
    "diagonal": (diagonal.measure, diagonal.NUM_ROWS),
    "two_view": (two_view.measure, two_view.NUM_ROWS),
}


def main(args: list[str]) -> None:
    """Run the sections that the arguments name and print their table."""
    parser = OneLineParser(prog="benchmark.py", description=__doc__)
    parser.add_argument("section", nargs="?", choices=[*SECTIONS, "all"], default="all", help="What to measure.")
    parser.add_argument("--data_dir", type=str, default="data", help="Folder of the data sets.")
    parser.add_argument("--json", type=str, default=None, help="File for the numbers.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    names = list(SECTIONS) if options.section == "all" else [options.section]
    rows: dict[str, list[BenchmarkRow]] = {}
    console = Console(stderr=True)
    for name in names:
        measure, total = SECTIONS[name]
        rows[name] = list(track(measure(options.data_dir), description=name, total=total, console=console, transient=True))
    # A file has no width of its own: wide enough for no cell to be broken.
    printed = Console(width=None if Console().is_terminal else 180)
    for name, measured in rows.items():
        printed.print(table_of(name, measured))
    if options.json is not None:
        write_json(Path(options.json), {"machine": machine(), **{name: [row.plain() for row in r] for name, r in rows.items()}})


def table_of(name: str, rows: list[BenchmarkRow]) -> Table:
    """Medians with their range, and the ratio of ours to theirs."""
    table = Table("case", "ours", "theirs", "peer", "ours ÷ theirs", "better", title=f"{name} ({machine()})")
    for row in rows:
        table.add_row(*row.cells())
    return table


def machine() -> str:
    """What the numbers were measured on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
