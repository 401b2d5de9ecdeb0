"""Run published systems again and hold every number against what is expected here. `--help` lists the options.

python scripts/reproduce.py S3 S12            some of them
python scripts/reproduce.py all               all sixteen, within a quarter of an hour on two cores
"""

import json
import os
import platform
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from command_line.one_line_errors import CommandLineError, one_line, run, suggestion
from command_line.one_line_parser import OneLineParser
from command_line.summary import write_json
from compare import next_version
from fit import quiet
from readme_tables import README, results_block, write_block
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from systems import SYSTEMS, Context, Outcome, System
from systems.result import Result
from systems.results_page import HEADINGS, results_page

DOCS = README.parent / "docs"
RESULTS = DOCS / "results.json"


def main(args: list[str]) -> None:
    """Run the systems that the arguments name, print their tables, write the page.

    Raises:
        CommandLineError: an unknown system, a folder of data that does not exist.
        ArithmeticError: a number is not as expected, or a system failed.
    """
    quiet()
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated")  # by torch, whose own torch.func uses it
    known = [system.number for system in SYSTEMS]
    parser = OneLineParser(prog="reproduce.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("systems", nargs="+", help=f"{', '.join(known)}, or all.")
    parser.add_argument("--data_dir", type=str, default=None, help="Folder of MNIST and California housing; default data.")
    parser.add_argument("--output", type=str, default=None, help="Folder of the page; default reports/reproduce/version_n.")
    parser.add_argument(
        "--quick", action="store_true", help="The smallest run of everything; what depends on size is not compared."
    )
    parser.add_argument(
        "--long", action="store_true", help="Whole studies and sweeps, which take hours, where they are shortened."
    )
    parser.add_argument("--update_readme", action="store_true", help="Put the numbers into docs/results.json and README.md.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    chosen = choose(options.systems)
    data_dir = Path(options.data_dir or "data")
    if options.data_dir is not None and not data_dir.is_dir():
        raise CommandLineError(f"--data_dir={data_dir}: there is no such folder")
    if options.quick and options.long:
        raise CommandLineError("--quick and --long exclude each other")
    if options.update_readme and options.quick:
        raise CommandLineError("--update_readme and --quick exclude each other: a quick run has no numbers to show")
    output = Path(options.output) if options.output else next_version(Path("reports") / "reproduce")
    results = run_all(chosen, data_dir, output, options)
    write(results, output)
    if options.update_readme:
        update_readme(results, output)
    Console().print(f"page: {output / 'index.html'}", highlight=False, soft_wrap=True)
    conclude(results)


def choose(names: list[str]) -> list[System]:
    """The systems of these names, in order, each once.

    Raises:
        CommandLineError: there is none of a name.
    """
    known = {system.number: system for system in SYSTEMS}
    for name in names:
        if name != "all" and name not in known:
            raise CommandLineError(
                f"there is no system {name!r}{suggestion(name, list(known))}: choose among {', '.join(known)}, all"
            )
    return [system for number, system in known.items() if number in names or "all" in names]


def run_all(systems: list[System], data_dir: Path, output: Path, options: Any) -> list[Result]:
    """Run one after the other and print the table of each as soon as it is there."""
    columns = (
        TextColumn("{task.description:60}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("systems"),
        TimeElapsedColumn(),
    )
    results = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(systems))

        @contextmanager
        def paused() -> Iterator[None]:
            progress.stop()
            try:
                yield
            finally:
                progress.start()

        for system in systems:

            def tell(step: str, number: str = system.number) -> None:
                progress.update(task, description=f"{number}: {step}"[:60])

            tell(system.title)
            context = Context(data_dir, output / system.number, options.quick, options.long, tell, paused)
            results.append(run_one(system, context, options.debug))
            progress.advance(task)
            with paused():
                show(results[-1])
    return results


def run_one(system: System, context: Context, debug: bool) -> Result:
    """Run a system; what keeps it from running is a result as well, so that the others run."""
    result = Result(
        system,
        Outcome([]),
        is_compared=system.is_exact or not context.quick,
        shortened="" if context.long or context.quick else system.shortened,
    )
    if system.needs is not None and not system.needs.is_in(context.data_dir):
        return replace(result, obstacle=f"needs {system.needs.value}, which is not in {context.data_dir}")
    context.output.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    try:
        outcome = system.run(context)
    except Exception as error:
        if debug:
            raise
        return replace(result, error=one_line(error), seconds=time.perf_counter() - start)
    return replace(result, outcome=outcome, seconds=time.perf_counter() - start)


def show(result: Result) -> None:
    """Print a system's table."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    system = result.system
    table = Table(*HEADINGS, title=f"{system.number} {system.title}: {result.verdict}", title_justify="left")
    for row in result.rows():
        table.add_row(*row)
    console.print(table if result.outcome.claims else table.title, highlight=False)
    for label, text in (("wrong in the published version", system.wrong), ("shortened", result.shortened)):
        if text:
            console.print(f"{label}: {text}", highlight=False)
    console.print()


def write(results: list[Result], output: Path) -> None:
    """index.html and results.json."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "index.html").write_text(results_page(results, machine()), encoding="utf-8")
    write_json(output / "results.json", {"systems": plain(results)})


def plain(results: list[Result]) -> dict[str, Any]:
    """Plain values by the systems' numbers."""
    return {result.system.number: result.plain(machine()) for result in results}


def machine() -> str:
    """What it was run on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads"


def update_readme(results: list[Result], output: Path) -> None:
    """Put these systems into docs/results.json, their pictures beside it, and all that is there into the README.

    Raises:
        ValueError: one of them could not be run.
    """
    empty = [f"{result.system.number} {result.verdict}" for result in results if not result.outcome.claims]
    if empty:
        raise ValueError(f"the README stays as it is: {'; '.join(empty)}")
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["systems"] if RESULTS.exists() else {}
    merged = kept | plain(results)
    content = {"systems": {system.number: merged[system.number] for system in SYSTEMS if system.number in merged}}
    for result in results:
        for name in result.system.readme_pictures:
            shutil.copyfile(output / result.system.number / name, DOCS / f"systems_{result.system.number}_{name}")
    write_json(RESULTS, content)
    write_block(README, "results", results_block(content))


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
