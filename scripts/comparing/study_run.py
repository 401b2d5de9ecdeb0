"""Methods run over several seeds or folds, each with settings that validation chose within a budget of trials."""

import gc
import itertools
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

from command_line.check_before_fit import check_before_fit
from command_line.fitting import fit
from pytorch_lightning import Callback

from comparing.divergence import DIVERGENCES, reason_of
from comparing.kept_fits import KeptFits
from comparing.run import make_cli
from comparing.study import LOSSES, SCORES, Study, StudyRun, is_score
from comparing.study_course import Course

NOTHING = KeptFits(None)
QUIET = {"enable_progress_bar": False, "logger": False}


def num_fits(comparison: dict[str, Any]) -> int:
    """How many fits a study is."""
    runs = len(comparison["seeds"]) * (comparison.get("folds") or 1)
    grids = [len(list(grid(method))) for method in comparison["methods"].values()]
    return sum(runs + (size if size > 1 else 0) for size in grids)


def study_all(comparison: dict[str, Any], fitted: Callable[[str], None], kept: KeptFits = NOTHING) -> list[Study]:
    """Choose every method's settings on validation by the first seed, then fit and test them with all.

    The methods take turns, so that a machine that is busy for a while is so for all of them. What diverges is a result as well:
    a study that says so.

    Args:
        comparison: its file, with `seeds` and perhaps `folds`.
        fitted: called after each fit with the method's label.
        kept: outcomes of fits that need not be done again; takes those of the others.
    """
    methods = comparison["methods"]
    chosen: dict[str, dict[str, Any] | None] = {}
    runs: dict[str, list[StudyRun]] = {label: [] for label in methods}
    diverged: dict[str, list[str]] = {label: [] for label in methods}
    for label, method in methods.items():
        chosen[label], diverged[label] = choose(comparison, method, partial(fitted, label), kept)
    for seed, fold in itertools.product(comparison["seeds"], range(comparison.get("folds") or 1)):
        for label, method in methods.items():
            settings = chosen[label]
            if settings is not None:
                found, reason = outcome(run_once, comparison, with_settings(method, settings), seed, fold, kept)
                if reason:
                    diverged[label].append(reason)
                else:
                    runs[label].append(StudyRun(**found))
            fitted(label)
    return [
        Study(label, method.get("group", ""), chosen[label], len(list(grid(method))), runs[label], tuple(diverged[label]))
        for label, method in methods.items()
    ]


def choose(
    comparison: dict[str, Any], method: dict[str, Any], fitted: Callable[[], None], kept: KeptFits = NOTHING
) -> tuple[dict[str, Any] | None, list[str]]:
    """The settings that do best on validation, by the first seed; if all diverge, None and what became of each one's loss.

    Raises:
        ValueError: what selects is no metric of validation.
    """
    select = comparison["select"]
    if select.rpartition("/")[0] != "val" or select.rpartition("/")[2] not in (*SCORES, *LOSSES):
        raise ValueError(f"select: {select} is no metric of validation: use val/{', val/'.join((*SCORES, *LOSSES))}")
    candidates = list(grid(method))
    if len(candidates) == 1:
        return candidates[0], []
    scores, reasons = [], []
    for candidate in candidates:
        score, reason = outcome(trial, comparison, with_settings(method, candidate), comparison["seeds"][0], 0, kept)
        scores.append(math.nan if reason else score)
        reasons += [reason] if reason else []
        fitted()
    finite = [score for score in scores if math.isfinite(score)]
    if not finite:
        return None, reasons or [f"{select} is not finite"]
    return candidates[scores.index((max if is_score(select) else min)(finite))], []


def outcome(
    fit_one: Callable[..., Any],
    comparison: dict[str, Any],
    method: dict[str, Any],
    seed: int,
    fold: int,
    kept: KeptFits,
) -> tuple[Any, str]:
    """What `trial` or `run_once` finds, as plain values, and "" – or None and what became of the loss."""
    common = {name: value for name, value in comparison.items() if name not in ("title", "seeds", "methods")}
    alone = {name: value for name, value in method.items() if name not in ("tune", "group")}
    asked = {"fit": fit_one.__name__, "comparison": common, "method": alone, "seed": seed, "fold": fold}
    known = kept.find(asked)
    if known is None:
        try:
            found = fit_one(comparison, method, seed, fold)
            known = {"found": found if isinstance(found, float) else asdict(found), "diverged": ""}
        except DIVERGENCES as error:
            known = {"found": None, "diverged": reason_of(error)}
        kept.keep(asked, known)
    return known["found"], known["diverged"]


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


def trial(comparison: dict[str, Any], method: dict[str, Any], seed: int, fold: int = 0) -> float:
    """The selecting metric on validation, of the weights that would be tested. Nothing is tested.

    Raises:
        NonFiniteLossError, NonFinitePredictionError: the run diverged.
        KeyboardInterrupt: it was broken off.
    """
    course = Course()
    cli = seeded(comparison, method, seed, fold, {**QUIET, "enable_checkpointing": False}, course, test_weights="last")
    check_before_fit(cli)
    try:
        cli.trainer.fit(cli.model, cli.datamodule)
    except SystemExit:  # what Lightning makes of Ctrl-C and SIGTERM
        raise KeyboardInterrupt from None
    if cli.trainer.interrupted or cli.trainer.received_sigterm:  # in the last epoch the trainer leaves it to who called it
        raise KeyboardInterrupt
    if comparison.get("test_weights") == "best":
        return min(course.values, key=lambda values: values["val/loss"])[comparison["select"]]
    return course.values[-1][comparison["select"]]


def run_once(comparison: dict[str, Any], method: dict[str, Any], seed: int, fold: int) -> StudyRun:
    """Fit and test.

    Raises:
        NonFiniteLossError, NonFinitePredictionError: the run diverged.
    """
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
    gc.collect()  # trainer, model and data refer to each other, and wait for it with all their rows
    return make_cli({**comparison, "seed_everything": seed, **settings}, method, trainer, *callbacks)
