"""From a comparison to its report: everything run, drawn and written, and the table for the terminal."""

from pathlib import Path
from typing import Any

from command_line.saying import say
from command_line.terminal import Terminal
from command_line.whole_files import whole_folder
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from comparing.class_figures import draw_class_figures
from comparing.figures import draw_figures
from comparing.five_lines import five_lines
from comparing.kept_fits import KeptFits
from comparing.observations import observe
from comparing.peer_runs import read_peers
from comparing.report import write_report
from comparing.side_by_side import fit_side_by_side
from comparing.study import refuse_if_all_diverged
from comparing.study_figures import draw_study
from comparing.study_report import write_study
from comparing.study_run import num_fits, study_all
from datamodules.messages import counted


def report_side_by_side(comparison: dict[str, Any], output: Path) -> Table:
    """Run every method once, watching all measures after every epoch, and write the report."""
    peers = read_peers(comparison)
    try:
        found = fit_side_by_side(comparison, peers)
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None  # how a single run goes on does not help: these begin anew
    found.refuse_if_all_diverged()
    runs, by_label = found.runs, found.by_label()
    said = [text for label, peer in peers.items() if label in by_label for text in peer.observe(by_label[label], by_label)]
    endings = [f"{label}: {divergence}, so it has no row." for label, divergence in found.diverged.items()]
    observations = five_lines(observe(runs, said), endings)
    with whole_folder(output) as folder:
        curves = draw_figures(runs, folder)
        classes = draw_class_figures(runs, folder)
        return write_report(comparison["title"], runs, found.diverged, observations, curves, classes, folder)


def report_study(comparison: dict[str, Any], output: Path, kept: KeptFits) -> Table:
    """Choose every method's settings on validation, run it over seeds or folds, test each run once, and write the report.

    Raises:
        KeyboardInterrupt: it was broken off; says what is kept of it.
    """
    if len(kept):
        say(f"goes on where it was broken off: fits that are the same are in {kept.folder}; remove it to begin anew")
    columns = (
        TextColumn("{task.description:24}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("fits"),
        TimeRemainingColumn(),
    )
    total = num_fits(comparison)
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        try:
            studies = study_all(comparison, lambda label: progress.update(task, advance=1, description=label), kept)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(kept_so_far(kept)) from None
    refuse_if_all_diverged(studies)
    with whole_folder(output) as folder:
        figures = draw_study(studies, comparison["select"], folder, comparison["unit"])
        table = write_study(comparison, studies, figures, folder, taken_over(kept, total))
    kept.clear()
    return table


def taken_over(kept: KeptFits, total: int) -> str:
    """How much of a study is of an earlier sitting, whose seconds another load of the machine may have made."""
    return (
        f"{kept.earlier} of the {counted(total, 'fit')} had been done before the study was broken off." if kept.earlier else ""
    )


def kept_so_far(kept: KeptFits) -> str:
    """How a study goes on; empty if none of its fits is done."""
    if not len(kept):
        return ""
    return f"{counted(len(kept), 'fit')} of the study kept in {kept.folder}, and the same command goes on from there"
