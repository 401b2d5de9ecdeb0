"""What may be named at each place of a command line that takes a class; known before torch is imported."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from importlib.util import find_spec

import datamodules
import lightning_modules
from command_line.exported_names import exported

OPTIMIZERS = ["GradientDescent", "Newton", "DiagonalNewton", "KroneckerNewton", "SubsampledNewton"]
USUAL = ["torch.optim.SGD", "torch.optim.Adam", "torch.optim.LBFGS"]
# SparseAdam takes sparse gradients, which no model here has.
NO_OPTIMIZERS = {"Optimizer", "SparseAdam"}
# What cannot be used itself, only from Python, or not with these models (`checked_trainer.py` says why).
NO_CALLBACKS = {
    "Callback", "Checkpoint", "ProgressBar", "BaseFinetuning", "BasePredictionWriter", "LambdaCallback", "ThroughputMonitor",
    "BatchSizeFinder", "LearningRateFinder", "ModelPruning",
}  # fmt: skip


def _optimizers() -> list[str]:
    # Beside its classes the package exports modules and functions, in small letters.
    others = [name for name in exported("torch.optim") if name[0].isupper() and name not in NO_OPTIMIZERS]
    return [*OPTIMIZERS, *(f"torch.optim.{name}" for name in sorted(others))]


def _lightnings(package: str, without: set[str]) -> list[str]:
    return sorted(set(exported(f"pytorch_lightning.{package}")) - without)


# By the last word of the place.
CLASSES: dict[str, Callable[[], list[str]]] = {
    # Those that a command line can make: not from arrays, nor what is no data module.
    "data": lambda: [name for name in datamodules.__all__ if name not in ("ArrayDataModule", "MNISTTwoView")],
    "model": lambda: [name for name in lightning_modules.__all__ if name != "ObjectiveModule"],
    "optimizer": _optimizers,
    "logger": lambda: _lightnings("loggers", {"Logger"} | ({"LitLogger"} if find_spec("litlogger") is None else set())),
    "profiler": lambda: _lightnings("profilers", {"Profiler", "PassThroughProfiler", "XLAProfiler"}),
    "callbacks": lambda: _lightnings("callbacks", NO_CALLBACKS),
}


def choices_at(place: str) -> str:
    """The classes at a place as a message lists them: of the optimizers of torch the usual ones."""
    if place not in CLASSES:
        return ""
    return "; choose among " + ", ".join([*OPTIMIZERS, *USUAL] if place == "optimizer" else CLASSES[place]())


def no_such_class(option: str, name: str) -> str:
    """What is said of a name that no class has.

    Args:
        option: "--model.optimizer".
        name: as typed.
    """
    place = option.rpartition(".")[2].removeprefix("--")
    return f"{option}: there is no class {name!r}{suggested_at(place, name)}{choices_at(place)}"


def no_such_option(word: str, options: list[str]) -> str:
    """What is said of an option that there is not.

    Args:
        word: "--trainer.max_epoch", as typed.
        options: those that there are.
    """
    return f"there is no option {word}{suggestion(word, options)}; --help lists them"


def having(option: str, setting: str) -> str:
    """Which class of data or models to add for a setting that the chosen one does not have; nothing if none has it."""
    package = {"--data": datamodules, "--model": lightning_modules}.get(option)
    if package is None:
        return ""
    names = CLASSES[option.removeprefix("--")]()
    found = [
        name for name in names if setting.split(".", maxsplit=1)[0] in inspect.signature(getattr(package, name)).parameters
    ]
    return f"{' or '.join(f'{option}={name}' for name in found)} has it; " if found else ""


def suggested_at(place: str, word: str) -> str:
    """– did you mean …? – or nothing."""
    return suggestion(word, CLASSES[place]() if place in CLASSES else [])


def suggestion(word: str, choices: list[str]) -> str:
    """– did you mean …? – or nothing."""
    short = [name.rpartition(".")[2] for name in choices]
    # As a whole, without its package, or as far as it was typed: Iris of IrisDataModule.
    for forms in (choices, short, [name[: len(word)] for name in short]):
        if near := get_close_matches(word, forms, 1, 0.6):
            return f" (did you mean {choices[forms.index(near[0])]}?)"
    return ""
