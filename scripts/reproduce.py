"""Run published systems again and hold every number against what is expected here. `--help` lists the options.

python scripts/reproduce.py S3 S12            some of them
python scripts/reproduce.py all               all sixteen, within a quarter of an hour on two cores
"""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
import warnings
from pathlib import Path

from command_line.choices import choices
from command_line.class_names import suggestion
from command_line.one_line_errors import CommandLineError, run
from command_line.program_parser import ProgramParser
from command_line.quiet import quiet
from command_line.saying import say_lines
from command_line.terminal import Terminal
from command_line.version_folder import report_folder
from evidence.systems import SYSTEMS, System
from evidence.systems.result import Result
from evidence.systems.results_file import update_docs
from evidence.systems.results_page import write_results
from evidence.systems.running import run_systems


def main(args: list[str]) -> None:
    """Run the systems that the arguments name, print their tables, write the page.

    Raises:
        CommandLineError: an unknown system, a folder of data that does not exist.
        ArithmeticError: a number is not as expected, or a system failed.
    """
    quiet()
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated")  # by torch, whose own torch.func uses it
    numbers = [system.number for system in SYSTEMS]
    if not args:
        titles = {system.number: system.title for system in SYSTEMS}
        say_lines("\n".join(choices("reproduce.py NAME ...", titles, "or all of them: all. --help lists the options.")))
        return
    parser = ProgramParser(prog="reproduce.py", description=__doc__)
    parser.add_argument("systems", nargs="+", help=f"{', '.join(numbers)}, or all.")
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
    chosen = choose(options.systems)
    data_dir = Path(options.data_dir or "data")
    if options.data_dir is not None and not data_dir.is_dir():
        raise CommandLineError(f"--data_dir={data_dir}: there is no such folder")
    if options.quick and options.long:
        raise CommandLineError("--quick and --long exclude each other")
    if options.update_docs and options.quick:
        raise CommandLineError("--update_docs and --quick exclude each other: a quick run has no numbers to show")
    with report_folder(options.output, Path("reports") / "reproduce") as output:
        results = run_systems(chosen, data_dir, output, options.quick, options.long, options.debug)
        write_results(results, output)
    if options.update_docs:
        update_docs(results, output, numbers)
    Terminal().say(f"page: {output / 'index.html'}")
    conclude(results)


def choose(names: list[str]) -> list[System]:
    """The systems of these names, in order, each once.

    Raises:
        CommandLineError: there is none of a name.
    """
    systems = {system.number: system for system in SYSTEMS}
    for name in names:
        if name != "all" and name not in systems:
            raise CommandLineError(
                f"there is no system {name!r}{suggestion(name, list(systems))}: choose among {', '.join(systems)}, all"
            )
    return [system for number, system in systems.items() if number in names or "all" in names]


def conclude(results: list[Result]) -> None:
    """Say how it went.

    Raises:
        ArithmeticError: a number is not as expected, or nothing could be run.
    """
    stopped = [f"{result.system.number} stopped: {result.error}" for result in results if result.error]
    missed = [f"{result.system.number} {claim.name}: {claim.text}" for result in results for claim in result.failed]
    if stopped or missed:
        raise ArithmeticError(f"not as expected: {'; '.join([*stopped, *missed])}")
    if all(result.obstacle for result in results):
        raise OSError(f"nothing could be run: {'; '.join(f'{r.system.number} {r.obstacle}' for r in results)}; see --data_dir")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
