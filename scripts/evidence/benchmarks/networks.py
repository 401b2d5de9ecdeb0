"""Seconds of training until a network is as good on validation as a tuned rival makes it in the end.

Ours is compared with each rival by a study of the two (`comparing.study_run`): the rival's settings are the best of a budget
of trials, ours are the defaults, and for every seed both are run in turn. The score to reach is that of the weights the rival
ends with in its worst run, so that all of its runs reach it, or one that somebody else has set; a run that does not takes ∞
seconds. Validation comes after every epoch, and its time does not count. `networks.yaml` lists the studies and rivals.

All of it takes hours, so the fits that are done are kept in `reports/benchmark_networks`, those of each rival by themselves: a
run that was broken off goes on where it was, and ours and a rival's still take turns.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from command_line.base_config import read_config
from comparing.comparison_file import COMPARISONS
from comparing.kept_fits import KeptFits
from comparing.study import Study, StudyRun, is_score
from comparing.study_run import study_all

from evidence.benchmarks.optional_peers import NAMES, has, missing
from evidence.benchmarks.row import BenchmarkRow

TASKS = Path(__file__).with_suffix(".yaml")
# The only one that is no optimizer of its module.
NEWTON_CG = "evidence.benchmarks.newton_cg.NewtonCG"
NUM_ROWS = 27
UNFINISHED = Path("reports", "benchmark_networks")


def time_to_rivals_scores(data_dir: str) -> Iterator[BenchmarkRow | str]:
    """A row for each network and rival.

    Raises:
        OSError: a data set is not there.
    """
    for name, task in read_config(TASKS).items():
        study = read_config(COMPARISONS / f"{task['study']}.yaml")
        study |= {"methods": study["methods"] | task["methods"], **task.get("changes", {})}
        study["data"].setdefault("init_args", {})["data_dir"] = data_dir
        for rival in task["rivals"]:
            if (module := module_of(study["methods"][rival])) and not has(module):
                yield from (f"{name}: {rival}: {remark}" for remark in missing(module))
                continue
            pair = {label: study["methods"][label] for label in (task["ours"], rival)}
            kept = KeptFits(UNFINISHED / name.replace(" ", "_") / rival.replace(" ", "_"))
            ours, theirs = study_all({**study, "methods": pair}, lambda _: None, kept)
            if theirs.runs:
                yield compared(name, ours, theirs, study["select"], task.get("target"))
            else:
                yield f"{name}: {rival}: {theirs.divergence}"
    KeptFits(UNFINISHED).clear()


def compared(name: str, ours: Study, theirs: Study, select: str, target: float | None = None) -> BenchmarkRow:
    """Seconds to a target, or to what all of their runs reach, for every seed with which theirs did not diverge."""
    target = score_of_all(theirs, select) if target is None else target
    mine, others = ({run.seed: seconds_to(run, select, target) for run in study.runs} for study in (ours, theirs))
    case = f"{name}: {ours.label} to a validation {select.rpartition('/')[2]} of {target:.4f}"
    peer = f"{theirs.label}, {theirs.trials} trial{'s' if theirs.trials > 1 else ''}"
    if theirs.diverged:
        peer += f", {len(theirs.diverged)} of {len(others) + len(theirs.diverged)} runs diverged"
    seconds = tuple(mine.get(seed, math.inf) for seed in others)
    return BenchmarkRow(case, "s", peer, seconds, tuple(others.values()))


def module_of(method: dict[str, Any]) -> str | None:
    """The module of `optional_peers` that a method of a study needs."""
    module = method["optimizer"]["class_path"].split(".")[0]
    return "torchmin" if method["optimizer"]["class_path"] == NEWTON_CG else module if module in NAMES else None


def score_of_all(study: Study, select: str) -> float:
    """The worst run's, of the weights that are tested."""
    worst = min if is_score(select) else max
    return worst(float(run.summary[select]) for run in study.runs)


def seconds_to(run: StudyRun, select: str, target: float) -> float:
    """Of training until validation says at least as much; ∞ if it never does."""
    for point in run.course:
        if point[select] >= target if is_score(select) else point[select] <= target:
            return point["seconds"]
    return math.inf
