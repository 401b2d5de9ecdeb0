"""Run published systems again and hold every number against what is expected here. `--help` lists the options.

python scripts/reproduce.py S3 S12            some of them
python scripts/reproduce.py all               all sixteen, within a quarter of an hour on two cores
"""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
import warnings
from pathlib import Path

from command_line.choices import choices, refuse_unknown
from command_line.interruptible import importing
from command_line.one_line_errors import CommandLineError, run
from command_line.program_parser import ProgramParser
from command_line.quiet import quiet
from command_line.saying import say_lines
from command_line.terminal import Terminal
from command_line.version_folder import report_folder
from evidence.titles import SYSTEM_TITLES


def main(args: list[str]) -> None:
    """Run the systems that the arguments name, print their tables, write the page.

    Raises:
        CommandLineError: an unknown system, a folder of data that does not exist.
        ArithmeticError: a number is not as expected, or a system failed.
    """
    if not args:
        more = "or all of them: all. --help lists the options."
        say_lines("\n".join(choices("reproduce.py NAME ...", SYSTEM_TITLES, more)))
        return
    parser = ProgramParser(prog="reproduce.py", description=__doc__)
    parser.add_argument("systems", nargs="+", help=f"{', '.join(SYSTEM_TITLES)}, or all.")
    parser.add_argument("--data_dir", type=str, default=None, help="Folder of MNIST and California housing; default data.")
    parser.add_argument("--output", type=str, default=None, help="Folder of the page; default reports/reproduce/version_n.")
    parser.add_argument(
        "--quick", action="store_true", help="The smallest run of everything; what depends on size is not compared."
    )
    parser.add_argument(
        "--long", action="store_true", help="Whole studies and sweeps, which take hours, where they are shortened."
    )
    parser.add_argument("--update_docs", action="store_true", help="Put the numbers into docs/results.json and .md.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    refuse_unknown("system", options.systems, SYSTEM_TITLES)
    data_dir = Path(options.data_dir or "data")
    if options.data_dir is not None and not data_dir.is_dir():
        raise CommandLineError(f"--data_dir={data_dir}: there is no such folder")
    if options.quick and options.long:
        raise CommandLineError("--quick and --long exclude each other")
    if options.update_docs and options.quick:
        raise CommandLineError("--update_docs and --quick exclude each other: a quick run has no numbers to show")
    # Torch takes seconds, in which Ctrl-C ends the program; nothing above needs it.
    with importing():
        from evidence.systems import SYSTEMS  # noqa: PLC0415
        from evidence.systems.results_file import update_docs  # noqa: PLC0415
        from evidence.systems.results_page import write_results  # noqa: PLC0415
        from evidence.systems.running import conclude, run_systems  # noqa: PLC0415

    quiet()
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated")  # by torch, whose own torch.func uses it
    chosen = [system for system in SYSTEMS if system.number in options.systems or "all" in options.systems]
    with report_folder(options.output, Path("reports") / "reproduce") as output:
        results = run_systems(chosen, data_dir, output, options.quick, options.long, options.debug)
        write_results(results, output)
    if options.update_docs:
        update_docs(results, output, list(SYSTEM_TITLES))
    Terminal().say(f"page: {output / 'index.html'}")
    conclude(results)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
