"""Systems run one after the other, each with its table as soon as it is there."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from command_line.aligned_numbers import add_rows
from command_line.one_line_errors import one_line
from command_line.terminal import Terminal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from evidence.provenance import provenance
from evidence.systems.result import Result
from evidence.systems.results_page import HEADINGS
from evidence.systems.system import Context, Outcome, System


def run_systems(systems: list[System], data_dir: Path, output: Path, quick: bool, long: bool, debug: bool) -> list[Result]:
    """Run one after the other and print the table of each as soon as it is there."""
    columns = (
        TextColumn("{task.description:60}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("systems"),
        TimeElapsedColumn(),
    )
    results = []
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(systems))

        @contextmanager
        def paused() -> Iterator[None]:
            progress.stop()
            try:
                yield
            finally:
                progress.start()

        for system in systems:

            def show_step(step: str, number: str = system.number) -> None:
                progress.update(task, description=f"{number}: {step}"[:60])

            show_step(system.title)
            context = Context(data_dir, output / system.number, quick, long, show_step, paused)
            results.append(run_system(system, context, debug))
            progress.advance(task)
            with paused():
                print_result(results[-1])
    return results


def run_system(system: System, context: Context, debug: bool) -> Result:
    """Run a system; what keeps it from running is a result as well, so that the others run."""
    result = Result(
        system,
        Outcome([]),
        is_compared=system.is_exact or not context.quick,
        shortened="" if context.long or context.quick else system.shortened,
        provenance=provenance(system.peers),
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


def print_result(result: Result) -> None:
    """Print a system's table."""
    console = Terminal(width=None if sys.stdout.isatty() else 140)
    system = result.system
    table = Table(*HEADINGS, title=f"{system.number} {system.title}: {result.verdict}", title_justify="left")
    add_rows(table, result.rows())
    console.print(table if result.outcome.claims else table.title)
    for label, text in (("wrong in the published version", system.wrong), ("shortened", result.shortened)):
        if text:
            console.print(f"{label}: {text}")
    console.print()


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
