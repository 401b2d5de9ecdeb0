"""Measure the project against what a user would pick instead, side by side in one run. `--help` lists the options."""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
from pathlib import Path

from command_line.choices import choices, refuse_unknown
from command_line.interruptible import importing
from command_line.one_line_errors import one_line, run
from command_line.program_parser import ProgramParser
from command_line.saying import say_lines
from command_line.terminal import Terminal
from command_line.whole_files import write_json
from evidence.titles import SECTION_TITLES


def main(args: list[str]) -> None:
    """Run the sections that the arguments name and print their tables.

    Raises:
        CommandLineError: there is no such section.
        ArithmeticError: the sides of a comparison disagree.
        OSError: what a section needs is not there.
        ValueError: docs/performance.md has no place for the table.
    """
    if not args:
        more = "or all of them, for hours: all. --help lists the options."
        say_lines("\n".join(choices("benchmark.py NAME", SECTION_TITLES, more)))
        return
    parser = ProgramParser(prog="benchmark.py", description=__doc__)
    parser.add_argument(
        "section", nargs="?", default="all", help=f"{', '.join(SECTION_TITLES)}; or all. Without arguments they are listed."
    )
    parser.add_argument("--data_dir", type=str, default="data", help="Folder of the data sets.")
    parser.add_argument("--json", type=str, default=None, help="File for the numbers.")
    parser.add_argument("--update_docs", action="store_true", help="Put them into docs/performance.json and .md.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    refuse_unknown("section", [options.section], SECTION_TITLES)
    # Torch takes seconds, in which Ctrl-C ends the program; nothing above needs it.
    with importing():
        from evidence.benchmarks.performance import refuse_missing_block, update_docs  # noqa: PLC0415
        from evidence.benchmarks.sections import SECTIONS, measure_section, section_tables  # noqa: PLC0415

    if options.update_docs:
        refuse_missing_block()  # refused now, not after hours
    names = list(SECTIONS) if options.section == "all" else [options.section]
    found = {name: measure_section(name, options.data_dir) for name in names}
    if len(names) == 1 and (error := found[names[0]].error) is not None:
        raise error
    # A file has no width of its own: wide enough for no cell to be broken.
    console = Terminal(width=None if Terminal().is_terminal else 280)
    for name, section in found.items():
        for table in section_tables(name, section):
            console.print(table)
        for remark in section.remarks:
            console.say(f"{name}: {remark}")
    if options.json is not None:
        write_json(Path(options.json), {"sections": {name: section.plain() for name, section in found.items()}})
    if options.update_docs:
        update_docs(found)
    if stopped := [f"{name} stopped: {one_line(section.error)}" for name, section in found.items() if section.error]:
        raise ArithmeticError("; ".join(stopped))


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
