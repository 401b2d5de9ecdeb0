"""The report of a comparison: one HTML page with the figures inside, its table, and what the numbers say."""

import base64
import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from summary import write_json

HEADINGS = ("method", "test loss", "lowest test loss", "epochs", "seconds", "ms per epoch", "status")
PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse }}
td, th {{ padding: .3rem .8rem; border-bottom: 1px solid #ddd; text-align: right }}
td:first-child, th:first-child, td:last-child, th:last-child {{ text-align: left }}
img {{ max-width: 100% }}
</style>
<h1>{title}</h1>
<p>Data {data}, model {model}, seed {seed}; the same split and the same initial weights for all. Seconds are those of
training alone, without evaluation, in one run on one machine.</p>
{table}
<h2>What the numbers say</h2>
<ul>
{observations}
</ul>
<h2>Curves</h2>
{figures}
<p>{versions}</p>
</html>
"""


@dataclass(frozen=True)
class Run:
    """One method's run.

    Attributes:
        label: name of the method in the comparison.
        summary: what `summary.json` holds.
        history: values at the end of each epoch, by metric.
    """

    label: str
    summary: dict[str, Any]
    history: dict[str, list[float]]

    @property
    def score(self) -> str:
        """The metric shown beside the loss."""
        return "accuracy" if "test/accuracy" in self.summary else "r2"

    @property
    def seconds(self) -> float:
        return float(self.summary["train_seconds"])

    @property
    def epochs(self) -> int:
        return int(self.summary["epochs"])


def write_report(title: str, runs: list[Run], figures: list[Path], output: Path) -> Table:
    """Write report.html and report.json; return the table for the terminal."""
    headings = (HEADINGS[0], HEADINGS[1], f"test {runs[0].score}", *HEADINGS[2:])
    rows = [row(run) for run in runs]
    observations = observe(runs)
    summary = runs[0].summary
    page = PAGE.format(
        title=html.escape(title),
        data=summary["data"],
        model=summary["model"],
        seed=summary["seed"],
        table=html_table(headings, rows),
        observations="\n".join(f"<li>{html.escape(text)}</li>" for text in observations),
        figures="\n".join(inline(path) for path in figures[1:]),
        versions=", ".join(f"{name} {version}" for name, version in summary["versions"].items()),
    )
    (output / "report.html").write_text(page, encoding="utf-8")
    write_json(
        output / "report.json", {"title": title, "runs": {run.label: run.summary for run in runs}, "observations": observations}
    )
    table = Table(*headings, title=title)
    for cells in rows:
        table.add_row(*cells)
    return table


def row(run: Run) -> tuple[str, ...]:
    """The cells of a run in the table."""
    summary = run.summary
    return (
        run.label,
        f"{summary['test/loss']:.4f}",
        f"{summary[f'test/{run.score}']:.4f}",
        f"{min(run.history['test/loss']):.4f}",
        str(run.epochs),
        f"{run.seconds:.3f}",
        f"{1e3 * run.seconds / run.epochs:.1f}",
        str(summary["status"]),
    )


def observe(runs: list[Run]) -> list[str]:
    """Sentences computed from the runs."""
    sentences = []
    score = runs[0].score
    by_loss, by_score = [
        sorted(runs, key=key) for key in (lambda run: run.summary["test/loss"], lambda run: -run.summary[f"test/{score}"])
    ]
    sentences.append(
        f"Lowest test loss at the end: {by_loss[0].label} with {by_loss[0].summary['test/loss']:.4f}; "
        f"highest: {by_loss[-1].label} with {by_loss[-1].summary['test/loss']:.4f}."
    )
    top = by_score[0].summary[f"test/{score}"]
    winners = [run.label for run in runs if run.summary[f"test/{score}"] == top]
    sentences.append(f"Best test {score} at the end: {top:.4f}, by {' and '.join(winners)}.")
    worst_final = min(run.summary[f"test/{score}"] for run in runs)
    for run in runs:
        reached = next((i for i, value in enumerate(run.history[f"test/{score}"]) if value >= worst_final), None)
        if reached is not None:
            sentences.append(
                f"{run.label} first reached a test {score} of {worst_final:.4f}, which all end with or above, after "
                f"{reached + 1} epochs and {run.history['time/train_seconds'][reached]:.3f} s."
            )
    for run in runs:
        losses = run.history["test/loss"]
        lowest = min(range(len(losses)), key=losses.__getitem__)
        if lowest + 1 < len(losses) and losses[-1] > 1.01 * losses[lowest]:
            sentences.append(
                f"{run.label}'s test loss rose from {losses[lowest]:.4f} after {lowest + 1} epochs to {losses[-1]:.4f}: "
                "it went on fitting the training set past the point where that helps."
            )
        elif lowest + 1 == len(losses):
            sentences.append(f"{run.label}'s test loss was still at its lowest in the last epoch.")
    cheapest = min(runs, key=lambda run: run.seconds / run.epochs)
    for run in runs:
        ratio = (run.seconds / run.epochs) / (cheapest.seconds / cheapest.epochs)
        if run is not cheapest:
            sentences.append(f"An epoch of {run.label} took {ratio:.1f} times as long as one of {cheapest.label}.")
    sentences.extend(f"{run.label}: {run.summary['status']} – {run.summary['status_message']}." for run in runs)
    return sentences


def html_table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A plain HTML table."""
    cells = [f"<tr>{''.join(f'<th>{html.escape(text)}</th>' for text in headings)}</tr>"]
    cells += [f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in texts)}</tr>" for texts in rows]
    return "<table>\n" + "\n".join(cells) + "\n</table>"


def inline(path: Path) -> str:
    """An image inside the page, so that the page can be moved and mailed."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img src="data:image/png;base64,{data}" alt="{path.stem.replace("_", " ")}"></p>'
