"""The report of a study: its table, what the numbers say, and one HTML page with the figures inside."""

from pathlib import Path
from statistics import median
from typing import Any

from command_line.four_digits import four_digits
from command_line.whole_files import write_json
from rich.table import Table

from comparing.counted_title import counted_title
from comparing.five_lines import five_lines
from comparing.metric_names import metric_name
from comparing.page import escaped, html_table, inline, page
from comparing.report import terminal_table
from comparing.study import Study, is_score
from comparing.study_figures import gradient_seconds
from datamodules.messages import counted

# Times from here on are told apart when they are measured again.
SURE_SECONDS = 1.0
BODY = """<h1>{title}</h1>
<p>Medians over {seeds}{folds}, with the smallest and the largest. Settings are those that did best by {select} within
the trials, by the first seed; the test rows were looked at once, at the end of each run. Seconds are of training alone,
without evaluation, on one machine; gradients are these seconds in units of one gradient over all training rows.
{sittings}</p>
{table}
<h2>What the numbers say</h2>
<ul>
{observations}
</ul>
{figures}
<p>{versions}</p>
"""


def write_study(
    comparison: dict[str, Any], studies: list[Study], figures: list[Path], output: Path, sittings: str = ""
) -> Table:
    """Write report.html and report.json; return the table for the terminal.

    Args:
        comparison: its file.
        studies: at least one that did not diverge (`refuse_if_all_diverged`).
        figures: to show below the table.
        output: folder of the report.
        sittings: a sentence on fits that were done before the study was broken off.
    """
    select, title = comparison["select"], comparison["title"]
    diverged = {study.label: study.divergence for study in studies if study.diverged}
    studies = [study for study in studies if not study.diverged]
    name, unit_of_target = select.rpartition("/")[2], comparison.get("unit", "")
    shown = metric_name(name, unit_of_target)
    title_of_runs = counted_title(title, len(studies), len(diverged))
    headings = ("method", f"test {shown}", f"val {shown}", "train", "epochs", "seconds", "gradients", "trials", "chosen")
    unit = gradient_seconds(studies)
    rows = [row(study, name, unit) for study in studies]
    endings = [f"{label}: {divergence}, so it has no row." for label, divergence in diverged.items()]
    observations = five_lines(observe(studies, select), endings)
    body = BODY.format(
        title=escaped(title_of_runs),
        seeds=counted(len(comparison["seeds"]), "seed"),
        folds=f", each the mean of {comparison['folds']} folds" if comparison.get("folds") else "",
        select=escaped(metric_name(select)),
        sittings=sittings,
        table=html_table(headings, rows),
        observations="\n".join(f"<li>{escaped(text)}</li>" for text in observations),
        figures="\n".join(map(inline, figures)),
        versions=", ".join(f"{k} {v}" for k, v in studies[0].runs[0].summary["versions"].items()),
    )
    (output / "report.html").write_text(page(title_of_runs, body), encoding="utf-8")
    results = {
        study.label: {
            "chosen": study.chosen,
            "trials": study.trials,
            "runs": [run.summary | {"course": run.course, "gradient_seconds": run.gradient_seconds} for run in study.runs],
        }
        for study in studies
    }
    write_json(output / "report.json", {"title": title, "methods": results, "diverged": diverged, "observations": observations})
    narrow = [0, 1, 5, 6, 7]  # what fits a terminal; the page has it all
    return terminal_table(
        title_of_runs, tuple(headings[i] for i in narrow), [tuple(cells[i] for i in narrow) for cells in rows], diverged
    )


def row(study: Study, name: str, unit: float) -> tuple[str, ...]:
    """The cells of a method."""
    seconds = study.median("train_seconds")
    return (
        study.label,
        spread(study.by_seed(f"test/{name}")),
        f"{study.median(f'val/{name}'):.4f}" if study.has_course else "–",
        f"{study.median(f'train/{name}'):.4f}",
        f"{study.median('epochs'):g}",
        f"{seconds:.2f}",
        f"{seconds / unit:.0f}",
        str(study.trials),
        ", ".join(f"{place.rpartition('.')[2]} {value}" for place, value in (study.chosen or {}).items()) or "–",
    )


def spread(values: list[float]) -> str:
    """median (min … max)"""
    around = f" ({four_digits(min(values))} … {four_digits(max(values))})" if len(values) > 1 else ""
    return four_digits(median(values)) + around


def observe(studies: list[Study], select: str) -> list[str]:
    """Who is best, whether every run learnt, and when the first method was where the others ended, the best of them first."""
    name = select.rpartition("/")[2]
    is_more = is_score(select)
    ranked = sorted(studies, key=lambda study: study.median(f"test/{name}"), reverse=is_more)
    best = f"Best median test {metric_name(name)}: {ranked[0].label} with {four_digits(ranked[0].median(f'test/{name}'))}."
    worst = {
        study.label: (min if is_more else max)(float(run.summary[f"train/{name}"]) for run in study.runs) for study in studies
    }
    learnt = "; ".join(
        f"{label}: train {metric_name(name)} of its worst run {four_digits(value)}" for label, value in worst.items()
    )
    first = next((study for study in studies if study.has_course), None)
    others = [study for study in ranked if study.has_course and study is not first]
    return [best, f"{learnt}.", *(overtaking(first, other, select) for other in others if first)]


def overtaking(first: Study, other: Study, select: str) -> str:
    """When the median of one was where the other's ended, in seconds of training where these mean something, else in epochs."""
    curve, goal = other.curve(select), other.curve(select)[-1]
    if not is_score(select):
        goal = min(curve)
    which = "final" if is_score(select) else "lowest"
    target = f"{other.label}'s {which} validation {metric_name(select.rpartition('/')[2])} of {four_digits(goal)}"
    needed_epochs = len(curve) if is_score(select) else curve.index(goal) + 1
    needed = other.curve("seconds")[needed_epochs - 1]
    for epoch, (value, seconds) in enumerate(zip(first.curve(select), first.curve("seconds"), strict=True), 1):
        if value >= goal if is_score(select) else value <= goal:
            # What takes a moment takes twice as long the next time.
            if min(seconds, needed) < SURE_SECONDS:
                return f"{first.label} reached {target} after {counted(epoch, 'epoch')}, {other.label} after {needed_epochs}."
            return f"{first.label} reached {target} in {seconds:.2f} s, {seconds / needed:.2f} of its {needed:.2f} s."
    return f"{first.label} did not reach {target}."
