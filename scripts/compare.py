"""Run several methods on one task with the same split and start, and write a report. `--help` lists the options."""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
from pathlib import Path

from command_line.choices import choices
from command_line.interruptible import importing
from command_line.one_line_errors import run
from command_line.program_parser import ProgramParser
from command_line.quiet import quiet
from command_line.saying import say_lines
from command_line.terminal import Terminal
from command_line.version_folder import report_folder
from comparing.comparison_file import comparison_names, comparison_titles, find_comparison, read_comparison


def main(args: list[str]) -> None:
    """Run the comparison that the arguments name."""
    if not args:
        more = "or the path of a YAML file like theirs. --help lists the options."
        say_lines("\n".join(choices("compare.py NAME", comparison_titles(), more)))
        return
    parser = ProgramParser(prog="compare.py", description=__doc__)
    parser.add_argument("name", help=f"A comparison: {comparison_names()}, or the path of a YAML file like theirs.")
    parser.add_argument("--output", type=str, default=None, help="Folder of the report; default reports/<name>/version_n.")
    parser.add_argument("--data_dir", type=str, default=None, help="Folder of the data, where the data set needs one.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    path = find_comparison(options.name)
    comparison = read_comparison(path, options.data_dir)
    # Torch takes seconds, in which Ctrl-C ends the program; nothing above needs it.
    with importing():
        from comparing.kept_fits import KeptFits  # noqa: PLC0415
        from comparing.reports import report_side_by_side, report_study  # noqa: PLC0415

    quiet()
    reports = Path("reports") / path.stem
    with report_folder(options.output, reports) as output:
        if comparison.get("seeds"):
            kept = KeptFits(output.with_name(f"{output.name}.unfinished") if options.output else reports / "unfinished")
            table = report_study(comparison, output, kept)
        else:
            table = report_side_by_side(comparison, output)
    Terminal().print(table)
    Terminal().say(f"report: {output / 'report.html'}")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
