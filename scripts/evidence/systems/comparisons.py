"""The comparisons of `compare.py` on behalf of a system: its files, shortened, and its functions."""

from typing import Any

from command_line.base_config import read_config
from comparing.comparison_file import COMPARISONS
from comparing.peer_runs import read_peers
from comparing.run import Run
from comparing.side_by_side import fit_side_by_side
from comparing.study import Study
from comparing.study_run import num_fits, study_all

from evidence.systems.system import Context

QUICK_EPOCHS, QUICK_BATCHES, QUICK_FOLDS = 2, 2, 2


def comparison_of(context: Context, name: str) -> dict[str, Any]:
    """A file of `scripts/comparisons/` on the context's data, its logs in the context's folder; smallest if it is quick."""
    comparison = read_config(COMPARISONS / f"{name}.yaml")
    comparison["data"].setdefault("init_args", {})["data_dir"] = str(context.data_dir)
    comparison["trainer"] = {
        **comparison.get("trainer", {}),
        "default_root_dir": str(context.output),
        "enable_checkpointing": False,
    }
    return smallest(comparison) if context.quick else comparison


def smallest(comparison: dict[str, Any]) -> dict[str, Any]:
    """One seed, two epochs of two batches, the first of every setting to choose."""
    for method in comparison["methods"].values():
        method["max_epochs"] = min(QUICK_EPOCHS, method["max_epochs"])
        method["tune"] = {place: values[:1] for place, values in method.get("tune", {}).items()}
    comparison["trainer"]["limit_train_batches"] = QUICK_BATCHES
    if "seeds" in comparison:
        comparison["seeds"] = comparison["seeds"][:1]
    if comparison.get("folds"):
        comparison["folds"] = QUICK_FOLDS
    return comparison


def with_epochs(context: Context, method: dict[str, Any], epochs: int) -> dict[str, Any]:
    """A method for another number of epochs, no more than a quick run has."""
    return {**method, "max_epochs": min(QUICK_EPOCHS, epochs) if context.quick else epochs}


def compared(context: Context, comparison: dict[str, Any]) -> dict[str, Run]:
    """Every method and peer once, by label.

    Raises:
        DivergedError: one of them diverged, and a system holds a number of each against what it should be.
    """
    with context.paused():
        found = fit_side_by_side(comparison, read_peers(comparison))
    found.refuse_if_any_diverged()
    return found.by_label()


def studied(context: Context, comparison: dict[str, Any]) -> dict[str, Study]:
    """Every method over all seeds and folds, by label."""
    done, total = 0, num_fits(comparison)

    def fitted(label: str) -> None:
        nonlocal done
        done += 1
        context.show_step(f"{label}, fit {done} of {total}")

    return {study.label: study for study in study_all(comparison, fitted)}
