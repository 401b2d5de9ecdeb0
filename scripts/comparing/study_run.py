"""Methods run over several seeds or folds, each with settings that validation chose within a budget of trials."""

import gc
import itertools
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import mean, median
from typing import Any

import torch
from fit import check, fit
from pytorch_lightning import Callback

from comparing.run import make_cli
from comparing.study_course import Course
from lightning_modules.non_finite_loss import NonFiniteLossError

# In these more is better, in all other metrics less.
SCORES = ("accuracy", "auroc", "f1", "r2")
LOSSES = ("loss", "mse", "mae")
QUIET = {"enable_progress_bar": False, "logger": False}


@dataclass(frozen=True)
class StudyRun:
    """One fit and its test.

    Attributes:
        seed: of initial weights, and of the split where there are folds.
        summary: what `summary.json` holds, and `train/…` at the end.
        course: what validation said after every epoch, `seconds` of training until then.
        gradient_seconds: of one gradient over all training rows.
    """

    seed: int
    summary: dict[str, Any]
    course: list[dict[str, float]]
    gradient_seconds: float


@dataclass(frozen=True)
class Study:
    """All runs of one method.

    Attributes:
        label: its name in the comparison.
        group: what it is drawn together with.
        chosen: settings that validation chose, by their places; empty if none were to choose.
        trials: how many settings were tried.
        runs: over seeds and folds.
        diverged: how many more there were whose loss became infinite. The others alone would flatter the method.
    """

    label: str
    group: str
    chosen: dict[str, Any]
    trials: int
    runs: list[StudyRun]
    diverged: int = 0

    def by_seed(self, name: str) -> list[float]:
        """A number of the summary for each seed, the mean over its folds."""
        seeds = sorted({run.seed for run in self.runs})
        return [mean(float(run.summary[name]) for run in self.runs if run.seed == seed) for seed in seeds]

    def median(self, name: str) -> float:
        """Median over seeds."""
        return median(self.by_seed(name))

    def curve(self, name: str) -> list[float]:
        """Median over runs after each epoch; a run that ended earlier stays where it ended."""
        longest = max(len(run.course) for run in self.runs)
        padded = [run.course + run.course[-1:] * (longest - len(run.course)) for run in self.runs]
        return [median(run[epoch][name] for run in padded) for epoch in range(longest)]

    @property
    def has_course(self) -> bool:
        """Whether validation followed it."""
        return all(run.course for run in self.runs)


def num_fits(comparison: dict[str, Any]) -> int:
    """How many fits a study is."""
    runs = len(comparison["seeds"]) * (comparison.get("folds") or 1)
    grids = [len(list(grid(method))) for method in comparison["methods"].values()]
    return sum(runs + (size if size > 1 else 0) for size in grids)


def study_all(comparison: dict[str, Any], fitted: Callable[[str], None]) -> list[Study]:
    """Choose every method's settings on validation by the first seed, then fit and test them with all.

    The methods take turns, so that a machine that is busy for a while is so for all of them.

    Args:
        comparison: its file, with `seeds` and perhaps `folds`.
        fitted: called after each fit with the method's label.

    Raises:
        ValueError: a method whose settings all diverge, or runs of every method that do.
    """
    methods = comparison["methods"]
    chosen = {label: choose(comparison, method, partial(fitted, label)) for label, method in methods.items()}
    runs: dict[str, list[StudyRun]] = {label: [] for label in methods}
    diverged = dict.fromkeys(methods, 0)
    for seed, fold in itertools.product(comparison["seeds"], range(comparison.get("folds") or 1)):
        for label, method in methods.items():
            try:
                runs[label].append(run_once(comparison, with_settings(method, chosen[label]), seed, fold))
            except NonFiniteLossError:
                diverged[label] += 1
            fitted(label)
    if all(diverged.values()):
        raise ValueError("every method of the comparison diverged: try smaller steps")
    return [
        Study(label, method.get("group", ""), chosen[label], len(list(grid(method))), runs[label], diverged[label])
        for label, method in methods.items()
    ]


def choose(comparison: dict[str, Any], method: dict[str, Any], fitted: Callable[[], None]) -> dict[str, Any]:
    """The settings that do best on validation, by the first seed.

    Raises:
        ValueError: what selects is no metric of validation, or no setting keeps the loss finite.
    """
    select = comparison["select"]
    if select.rpartition("/")[0] != "val" or select.rpartition("/")[2] not in (*SCORES, *LOSSES):
        raise ValueError(f"select: {select} is no metric of validation: use val/{', val/'.join((*SCORES, *LOSSES))}")
    candidates = list(grid(method))
    if len(candidates) == 1:
        return candidates[0]
    scores = []
    for candidate in candidates:
        scores.append(trial(comparison, with_settings(method, candidate), comparison["seeds"][0]))
        fitted()
    finite = [score for score in scores if math.isfinite(score)]
    if not finite:
        raise ValueError(f"tune: {method['tune']} all diverge; try smaller steps")
    return candidates[scores.index((max if is_score(select) else min)(finite))]


def grid(method: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every combination of the values that `tune` lists, place by place."""
    places = method.get("tune", {})
    for values in itertools.product(*places.values()):
        yield dict(zip(places, values, strict=True))


def with_settings(method: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """A method with settings at places such as `optimizer.lr`, `data.batch_size` and `model_options.l2`.

    Raises:
        ValueError: another place.
    """
    method = {**method, "optimizer": {**method["optimizer"], "init_args": dict(method["optimizer"].get("init_args", {}))}}
    for place, value in settings.items():
        part, _, name = place.partition(".")
        if part not in ("optimizer", "data", "model_options") or not name:
            raise ValueError(f"tune: {place} is no place for a setting: use optimizer.…, data.… or model_options.…")
        if part == "optimizer":
            method["optimizer"]["init_args"][name] = value
        else:
            method[part] = {**method.get(part, {}), name: value}
    return method


def trial(comparison: dict[str, Any], method: dict[str, Any], seed: int) -> float:
    """The selecting metric on validation, of the weights that would be tested; nan if the run diverged. Nothing is tested."""
    course = Course()
    cli = seeded(comparison, method, seed, 0, {**QUIET, "enable_checkpointing": False}, course, test_weights="last")
    check(cli)
    try:
        cli.trainer.fit(cli.model, cli.datamodule)
    except NonFiniteLossError:
        return float("nan")
    if comparison.get("test_weights") == "best":
        return min(course.values, key=lambda values: values["val/loss"])[comparison["select"]]
    return course.values[-1][comparison["select"]]


def run_once(comparison: dict[str, Any], method: dict[str, Any], seed: int, fold: int) -> StudyRun:
    """Fit and test."""
    course = Course()
    with tempfile.TemporaryDirectory() as folder:
        keep = comparison.get("test_weights") == "best"
        trainer = {**QUIET, "default_root_dir": folder, "enable_checkpointing": keep}
        summary, _ = fit(seeded(comparison, method, seed, fold, trainer, course))
    summary |= {f"train/{name}": value for name, value in course.train.items()}
    # Of the weights that were tested, as the test is.
    if course.values:
        best = min(course.values, key=lambda values: values["val/loss"]) if keep else course.values[-1]
        summary |= best
    points = [{**values, "seconds": seconds} for values, seconds in zip(course.values, course.seconds, strict=True)]
    return StudyRun(seed, summary, points, course.gradient_seconds)


def seeded(
    comparison: dict[str, Any],
    method: dict[str, Any],
    seed: int,
    fold: int,
    trainer: dict[str, Any],
    *callbacks: Callback,
    **settings: Any,
) -> Any:
    """The fit of one method with one seed; with folds, the split is the seed's."""
    folds = comparison.get("folds")
    data = {"folds": folds, "fold": fold, "seed": seed} if folds else {}
    method = {**method, "data": {**method.get("data", {}), **data}}
    torch.set_grad_enabled(True)  # a fit that failed halfway may have left it off
    gc.collect()  # trainer, model and data refer to each other, and wait for it with all their rows
    return make_cli({**comparison, "seed_everything": seed, **settings}, method, trainer, *callbacks)


def is_score(metric: str) -> bool:
    """Whether more of a metric is better."""
    return metric.rpartition("/")[2] in SCORES
