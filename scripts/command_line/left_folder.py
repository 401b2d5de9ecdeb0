"""What a run that failed before its first step leaves: nothing, unless there is something in it to keep."""

import shutil
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def remove_if_empty(folder: Path) -> bool:
    """Delete a run's folder, unless it holds a checkpoint or a logged number.

    Returns:
        Whether it is gone.
    """
    if any(folder.rglob("*.ckpt")) or any(folder.rglob("metrics.csv")) or has_scalars(folder):
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def remove_empty_above(folder: Path) -> None:
    """Delete the folders above a run's that is gone, if nothing else is in them."""
    for parent in list(folder.parents)[:4]:  # logs/<data>/<model>/<method>
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


def has_scalars(folder: Path) -> bool:
    """Whether TensorBoard would show a number of the run."""
    files = any(folder.glob("events.out.tfevents.*"))
    return files and bool(EventAccumulator(str(folder)).Reload().Tags()["scalars"])
