"""The folder that a run has for itself."""

from pathlib import Path

from pytorch_lightning import Trainer


def run_folder(trainer: Trainer) -> Path:
    """Of the first logger, SAVE_DIR/NAME/VERSION, where Lightning's `ModelCheckpoint` writes to as well.

    `trainer.log_dir` is that for TensorBoard and CSV files only; for other loggers it is the folder of all runs, in which the
    files of one would replace those of another. Without a logger it is the trainer's folder. Every process must call it.
    """
    if not trainer.loggers:
        return Path(trainer.default_root_dir)
    logger = trainer.loggers[0]
    if own := getattr(logger, "log_dir", None):
        folder = str(own)
    else:
        # Some have no version before they have begun, and only the first process of a run has one.
        _ = getattr(logger, "experiment", None)
        version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
        folder = str(Path(logger.save_dir or trainer.default_root_dir, str(logger.name or ""), version))
    return Path(trainer.strategy.broadcast(folder))
