"""What the numbers of a comparison say."""

from command_line.four_digits import four_digits

from comparing.run import Run
from datamodules.messages import counted


def observe(runs: list[Run], further: list[str]) -> list[str]:
    """Sentences computed from the runs: who is best at the end, on the way there, and at what cost.

    Args:
        runs: at least one.
        further: what else is to be said of their ends: how the peers' and ours agree, who diverged.
    """
    courses = [run for run in runs if run.has_course]
    return [*at_the_end(runs), *further, *on_the_way(courses), *by_the_epoch(courses), *verdicts(runs)]


def at_the_end(runs: list[Run]) -> list[str]:
    """Best and worst by test loss, score and training objective."""
    score = runs[0].score
    by_loss = sorted(runs, key=lambda run: run.summary["test/loss"])
    by_objective = sorted(runs, key=lambda run: run.objective)
    top = max(run.summary[f"test/{score}"] for run in runs)
    winners = [run.label for run in runs if run.summary[f"test/{score}"] == top]
    lowest, *others = by_objective
    above = "; ".join(f"{run.label} by {run.objective - lowest.objective:.1e}" for run in others)
    return [
        f"Lowest test loss at the end: {by_loss[0].label} with {four_digits(by_loss[0].summary['test/loss'])}; "
        f"highest: {by_loss[-1].label} with {four_digits(by_loss[-1].summary['test/loss'])}.",
        f"Best test {score} at the end: {four_digits(top)}, by {' and '.join(winners)}.",
        f"Lowest training objective: {lowest.label} with {lowest.objective:.9f}{'; above it end ' + above if above else ''}.",
    ]


def on_the_way(runs: list[Run]) -> list[str]:
    """When each got as far as all of them, and whose test loss rose again."""
    sentences, falling = [], []
    name = f"test/{runs[0].score}" if runs else ""
    worst_final = min((run.summary[name] for run in runs), default=0.0)
    for run in runs:
        reached = next((i for i, value in enumerate(run.history[name]) if value >= worst_final), None)
        if reached is not None:
            sentences.append(
                f"{run.label} first reached a {name.replace('/', ' ')} of {four_digits(worst_final)}, which all end with or "
                f"above, after {counted(reached + 1, 'epoch')} and {run.history['time/train_seconds'][reached]:.3f} s."
            )
    for run in runs:
        losses = run.history["test/loss"]
        lowest = min(range(len(losses)), key=losses.__getitem__)
        if lowest + 1 < len(losses) and losses[-1] > 1.01 * losses[lowest]:
            sentences.append(
                f"{run.label}'s test loss rose from {four_digits(losses[lowest])} after {counted(lowest + 1, 'epoch')} to "
                f"{four_digits(losses[-1])}: it went on fitting the training set past the point where that helps."
            )
        elif lowest + 1 == len(losses):
            falling.append(run.label)
    if falling:
        sentences.append(f"The test loss was still at its lowest in the last epoch of {', '.join(falling)}.")
    return sentences


def by_the_epoch(runs: list[Run]) -> list[str]:
    """What an epoch of each costs, relative to the cheapest."""
    if len(runs) < 2:
        return []
    cheapest, *others = sorted(runs, key=lambda run: run.seconds / run.epochs)
    ratios = {run.label: (run.seconds / run.epochs) / (cheapest.seconds / cheapest.epochs) for run in others}
    listed = ", ".join(f"{label} {ratio:.1f} times as long" for label, ratio in ratios.items())
    return [f"An epoch of {cheapest.label} was the shortest; the others': {listed}."]


def verdicts(runs: list[Run]) -> list[str]:
    """How each run ended."""
    return [f"{run.label}: {run.summary['status']} – {run.summary['status_message']}." for run in runs]
