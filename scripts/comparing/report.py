"""The report of a comparison: one HTML page with the figures inside, its tables, and what the numbers say."""

import math
from pathlib import Path
from typing import Any

from command_line.aligned_numbers import add_rows
from command_line.four_digits import four_digits
from command_line.whole_files import write_json
from rich.box import SIMPLE_HEAD
from rich.table import Table

from comparing.counted_title import counted_title
from comparing.metric_names import metric_name
from comparing.page import escaped, html_table, inline, page
from comparing.run import Run
from datamodules.messages import shown

BODY = """<h1>{title}</h1>
<p>Data {data}, model {model}, seed {seed}; the same split and the same initial weights for all. The training objective is
the mean loss with the penalty over all training rows at the end, ‖∇‖∞ its largest gradient entry. Seconds are those of
training alone, without evaluation, in one run on one machine.</p>
{table}
<h2>What the numbers say</h2>
<ul>
{observations}
</ul>
<h2>Curves</h2>
{curves}
{classes}
<p>{versions}</p>
"""


def write_report(
    title: str,
    runs: list[Run],
    diverged: dict[str, str],
    observations: list[str],
    curves: list[Path],
    classes: list[Path],
    output: Path,
) -> Table:
    """Write report.html and report.json; return the table for the terminal.

    Args:
        title: the headline.
        runs: at least one.
        diverged: what became of the loss of the methods without a row, by label.
        observations: what the numbers say, a sentence each.
        curves: figures against epochs and seconds.
        classes: figures by class; none under regression.
        output: folder of the report.
    """
    score = metric_name(f"test/{runs[0].score}")
    counted = counted_title(title, len(runs), len(diverged))
    headings = ("method", "test loss", score, "training objective", "‖∇‖∞", "epochs", "seconds", "status")
    rows = [row(run) for run in runs]
    summary = runs[0].summary
    body = BODY.format(
        title=escaped(counted),
        data=escaped(summary["data"]),
        model=escaped(summary["model"]),
        seed=summary["seed"],
        table=html_table(headings, rows),
        observations="\n".join(f"<li>{escaped(text)}</li>" for text in observations),
        curves="\n".join(map(inline, curves)),
        classes="\n".join(["<h2>Test set by class</h2>", class_table(runs), *map(inline, classes)]) if classes else "",
        versions=", ".join(f"{name} {version}" for name, version in summary["versions"].items()),
    )
    (output / "report.html").write_text(page(counted, body), encoding="utf-8")
    results = {run.label: run.summary | by_class(run) for run in runs}
    write_json(output / "report.json", {"title": title, "runs": results, "diverged": diverged, "observations": observations})
    return terminal_table(counted, headings, rows, diverged)


def row(run: Run) -> tuple[str, ...]:
    """The cells of a run in the table."""
    summary = run.summary
    return (
        run.label,
        four_digits(summary["test/loss"]),
        f"{summary[f'test/{run.score}']:.4f}",
        f"{run.objective:.9f}",
        f"{summary['train/gradient_max']:.1e}",
        str(run.epochs),
        f"{run.seconds:.3f}",
        str(summary["status"]),
    )


def by_class(run: Run) -> dict[str, Any]:
    """Confusion matrix and accuracy of each class by its name, None of one without test rows; nothing under regression."""
    if run.predictions is None:
        return {}
    accuracy = zip(run.predictions.class_names, run.predictions.class_accuracy.tolist(), strict=True)
    shown = {name: None if math.isnan(value) else value for name, value in accuracy}
    return {"test/confusion": run.predictions.confusion.tolist(), "test/class_accuracy": shown}


def class_table(runs: list[Run]) -> str:
    """Test accuracy of each class, a row for each run."""
    accuracies = {run.label: by_class(run)["test/class_accuracy"] for run in runs}
    rows = [
        (label, *("–" if value is None else four_digits(value) for value in accuracy.values()))
        for label, accuracy in accuracies.items()
    ]
    return html_table(("accuracy of class", *next(iter(accuracies.values()))), rows)


def terminal_table(title: str, headings: tuple[str, ...], rows: list[tuple[str, ...]], diverged: dict[str, str]) -> Table:
    """The same rows for a terminal of 80 columns, where labels may wrap and numbers may not; below, who has no row and why."""
    caption = "\n".join(shown(f"{label}: {reason}") for label, reason in diverged.items()) or None
    table = Table(
        title=shown(title),
        caption=caption,
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column(headings[0], overflow="fold")
    for heading, cells in zip(headings[1:], list(zip(*rows, strict=True))[1:], strict=True):
        words = heading.replace(" ", "\n")
        table.add_column(words, min_width=max(map(len, cells)), justify="left" if heading == "status" else "right")
    add_rows(table, rows)
    return table
