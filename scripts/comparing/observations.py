"""What the numbers of a comparison say: only what another run of it says as well, so nothing of seconds."""

from collections.abc import Iterable

from command_line.four_digits import four_digits

from comparing.metric_names import metric_name
from comparing.run import Run
from datamodules.messages import counted

# Differences below are of rounding, which another machine does otherwise.
ROUNDING = 1e-12


def observe(runs: list[Run], further: list[str]) -> list[str]:
    """At most five sentences computed from the runs: who is best at the end, how they ended, what happened on the way.

    Args:
        runs: at least one.
        further: what else is to be said of their ends: how the peers' and ours agree; they share one line.
    """
    courses = [run for run in runs if run.has_course]
    found = [on_the_test_rows(runs), on_the_objective(runs), " ".join(further), on_the_way(courses), verdicts(runs)]
    return [text for text in found if text]


def on_the_test_rows(runs: list[Run]) -> str:
    """Best and worst by test loss and score; those that agree in all digits shown share the place."""
    metric = f"test/{runs[0].score}"
    losses = sorted({run.summary["test/loss"] for run in runs})
    top = max(run.summary[metric] for run in runs)
    lowest, highest = (four_digits(loss) for loss in (losses[0], losses[-1]))
    sentence = f"Lowest test loss at the end: {lowest}, by {those(runs, 'test/loss', lowest)}"
    if lowest != highest:
        sentence += f"; highest: {highest}, by {those(runs, 'test/loss', highest)}"
    return f"{sentence}. Best {metric_name(metric)}: {four_digits(top)}, by {those(runs, metric, four_digits(top))}."


def enumerated(names: Iterable[str]) -> str:
    """One, two and three."""
    *others, last = list(names) or [""]
    return f"{', '.join(others)} and {last}" if others else last


def those(runs: list[Run], name: str, digits: str) -> str:
    """The labels of the runs whose number is shown by these digits."""
    return enumerated(run.label for run in runs if four_digits(run.summary[name]) == digits)


def on_the_objective(runs: list[Run]) -> str:
    """Who minimised best, and how far above the others ended."""
    lowest = min(run.objective for run in runs)
    first = [run for run in runs if run.objective - lowest <= ROUNDING * max(1.0, abs(lowest))]
    above = enumerated(f"{run.label} {run.objective - lowest:.2g}" for run in runs if run not in first)
    best = f"Lowest training objective: {lowest:.9f}, by {enumerated(run.label for run in first)}"
    return best + (f"; how far above it the others ended: {above}." if above else ".")


def on_the_way(runs: list[Run]) -> str:
    """Whose test loss rose again, and after how many epochs each was where all got to."""
    risen = []
    for run in runs:
        losses = run.history["test/loss"]
        lowest = min(range(len(losses)), key=losses.__getitem__)
        if losses[-1] > 1.01 * losses[lowest]:
            epochs = counted(lowest + 1, "epoch")
            risen.append(f"{run.label}'s from {four_digits(losses[lowest])} after {epochs} to {four_digits(losses[-1])}")
    rise = (
        f"Past the point where fitting the training rows helps, the test loss rose again: {'; '.join(risen)}." if risen else ""
    )
    return " ".join(text for text in (rise, first_there(runs)) if text)


def first_there(runs: list[Run]) -> str:
    """After how many epochs each first had the score that all end with or above."""
    if len(runs) < 2:
        return ""
    metric = f"test/{runs[0].score}"
    goal = min(run.summary[metric] for run in runs)
    reached = {run.label: next((i for i, value in enumerate(run.history[metric]) if value >= goal), None) for run in runs}
    listed = enumerated(f"{label} after {counted(epoch + 1, 'epoch')}" for label, epoch in reached.items() if epoch is not None)
    return (
        f"A {metric_name(metric)} of {four_digits(goal)}, which no method ends below, was reached by {listed}."
        if listed
        else ""
    )


def verdicts(runs: list[Run]) -> str:
    """How the runs ended, those that ended alike together; report.json has the reasons."""
    endings: dict[str, list[str]] = {}
    for run in runs:
        endings.setdefault(str(run.summary["status"]), []).append(run.label)
    return "Verdicts: " + "; ".join(f"{ending} – {enumerated(labels)}" for ending, labels in endings.items()) + "."
