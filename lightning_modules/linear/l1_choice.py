"""The strength of an l1 penalty, chosen on the rows of a fit."""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from lightning_modules.lasso import CrossValidated, cross_validated
from lightning_modules.objectives import GLMObjective

# Is told how many penalties are done, and of how many.
Progress = Callable[[int, int], None]
MEMORY = Path("/proc/meminfo")


def curve_of(
    objective: GLMObjective,
    folds: int,
    penalty_weights: Sequence[float] | None,
    progress: Progress | None = None,
    groups: Tensor | None = None,
) -> CrossValidated:
    """What the choice is made by; the rows of each fold, and the columns that count, are copied.

    Raises:
        ValueError: there is no memory for the copies; what `cross_validated` refuses.
    """
    needed, free = 2 * 8 * objective.num_given * objective.num_features, _free_bytes()
    if free is not None and needed > free:
        raise ValueError(
            f"l1 by cross-validation copies rows, some {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free: choose "
            "it on a part of the table, and give the number here"
        )
    return cross_validated(objective, folds, penalty_weights=penalty_weights, progress=progress, groups=groups)


def _free_bytes() -> int | None:
    """Memory that is there; None where the system does not tell."""
    try:
        (line,) = [line for line in MEMORY.read_text(encoding="ascii").splitlines() if line.startswith("MemAvailable:")]
    except (OSError, ValueError):
        return None
    return 1024 * int(line.split()[1])
