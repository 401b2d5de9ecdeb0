"""From a comparison to its report: everything run, drawn and written, and the table for the terminal."""

from pathlib import Path
from typing import Any

from command_line.terminal import Terminal
from command_line.whole_files import whole_folder
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from comparing.class_figures import draw_class_figures
from comparing.figures import draw_figures
from comparing.five_lines import five_lines
from comparing.observations import observe
from comparing.peer_runs import read_peers
from comparing.report import write_report
from comparing.side_by_side import fit_side_by_side
from comparing.study import refuse_if_all_diverged
from comparing.study_figures import draw_study
from comparing.study_report import write_study
from comparing.study_run import num_fits, study_all


def report_side_by_side(comparison: dict[str, Any], output: Path) -> Table:
    """Run every method once, watching all measures after every epoch, and write the report."""
    peers = read_peers(comparison)
    found = fit_side_by_side(comparison, peers)
    found.refuse_if_all_diverged()
    runs, by_label = found.runs, found.by_label()
    said = [text for label, peer in peers.items() if label in by_label for text in peer.observe(by_label[label], by_label)]
    endings = [f"{label}: {divergence}, so it has no row." for label, divergence in found.diverged.items()]
    observations = five_lines(observe(runs, said), endings)
    with whole_folder(output) as folder:
        curves = draw_figures(runs, folder)
        classes = draw_class_figures(runs, folder)
        return write_report(comparison["title"], runs, found.diverged, observations, curves, classes, folder)


def report_study(comparison: dict[str, Any], output: Path) -> Table:
    """Choose every method's settings on validation, run it over seeds or folds, test each run once, and write the report."""
    columns = (
        TextColumn("{task.description:24}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("fits"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=num_fits(comparison))
        studies = study_all(comparison, lambda label: progress.update(task, advance=1, description=label))
    refuse_if_all_diverged(studies)
    with whole_folder(output) as folder:
        return write_study(comparison, studies, draw_study(studies, comparison["select"], folder, comparison["unit"]), folder)
