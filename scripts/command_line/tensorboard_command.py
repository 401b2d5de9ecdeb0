"""The command that shows a run in TensorBoard, beside others of the same data and model."""

import os
import shlex
from pathlib import Path

from pytorch_lightning.loggers import Logger, TensorBoardLogger

# TensorBoard calls a run by its path below the folder it is given. These two say which run of which method it is; more
# would be cut off.
SHOWN_PARTS = 2


def tensorboard_command(loggers: list[Logger]) -> str | None:
    """What to type in the present folder, where runs read `Newton/version_0` then; None if no logger is TensorBoard's.

    It leaves out folders above that of all runs, which hold other things, and says nothing where a name could not be typed.
    """
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            folder = folder_to_show(Path(logger.save_dir), Path(logger.log_dir))
            return f"tensorboard --logdir {shlex.quote(folder)}" if folder.isprintable() else None
    return None


def folder_to_show(save_dir: Path, log_dir: Path) -> str:
    """The folder, in or at that of all runs, from which the path to a run's is short."""
    if log_dir == save_dir or not log_dir.is_relative_to(save_dir):
        return _as_a_path(log_dir)
    parts = log_dir.relative_to(save_dir).parts
    return _as_a_path(save_dir.joinpath(*parts[:-SHOWN_PARTS]))


def _as_a_path(folder: Path) -> str:
    """Which neither the command line nor TensorBoard takes for something else: an option, or somebody's home."""
    text = os.fspath(folder)
    return os.path.join(os.curdir, text) if text[0] in "-~" else text
