"""Lightning's loggers to files, which know where runs go, share a run's folder, and go on where a run was stopped."""

import csv
import errno
import os
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger

from command_line.run_folder import RunFolder
from command_line.uninterrupted import uninterrupted


class RunFolderLogger(RunFolder, TensorBoardLogger):  # type: ignore[misc]  # version may be a name
    """TensorBoard's logger, in the folder of the run.

    TensorBoard writes in a thread of its own. A call that Ctrl-C broke off could leave locked what both use, and the run
    would hang instead of ending; so no call is broken off.

    The scalars of its files are float32 by their format: seven digits of what the trainer, `summary.json` and other loggers
    have in float64. (TensorBoard knows a newer kind of 64 bits, but most readers of its files do not find them.)

    Args:
        save_dir: folder of all runs; null: logs, in the trainer's default_root_dir.
        name: folder in it; null: DATA/MODEL/METHOD.
        version: folder of the run in that; null: version_N, the next that is free.
        default_hp_metric, kwargs: as in `TensorBoardLogger`.
        purge_step: what was logged from this step on counts no more, since the run goes on from there.
    """

    def __init__(
        self,
        save_dir: str | Path | None = None,
        name: str | None = None,
        version: int | str | None = None,
        default_hp_metric: bool = False,
        purge_step: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(save_dir or "logs", name, version, default_hp_metric=default_hp_metric, **kwargs)
        self._kwargs["purge_step"] = purge_step
        self.asked_version = version

    @property
    def log_dir(self) -> str:
        """The run's folder by its name, in which Lightning would look for variables: a folder may be called $HOME."""
        version = self.version if isinstance(self.version, str) else f"version_{self.version}"
        return os.path.expanduser(os.path.join(self.root_dir, version, self.sub_dir or ""))

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        with uninterrupted():
            super().log_metrics(metrics, step)

    def log_hyperparams(self, *args: Any, **options: Any) -> None:
        with uninterrupted():
            super().log_hyperparams(*args, **options)

    def save(self) -> None:
        """Write what is held back.

        Raises:
            FileNotFoundError: the run's logs are gone. Written anew they would lack their beginning.
        """
        with uninterrupted():
            super().save()
        events = Path(self.log_dir, "events.out.tfevents.*")
        if self._experiment is not None and not any(events.parent.glob(events.name)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(events))

    def finalize(self, status: str) -> None:
        with uninterrupted():
            super().finalize(status)


class RunFolderCSVLogger(RunFolder, CSVLogger):  # type: ignore[misc]
    """Numbers in `metrics.csv`, a row each time that some are logged, in the folder of the run.

    Args:
        save_dir: folder of all runs; null: logs, in the trainer's default_root_dir.
        name: folder in it; null: DATA/MODEL/METHOD.
        version: folder of the run in that; null: version_N, the next that is free.
        prefix, flush_logs_every_n_steps: as in `CSVLogger`.
        purge_step: what was logged from this step on counts no more, since the run goes on from there.
    """

    def __init__(
        self,
        save_dir: str | Path | None = None,
        name: str | None = None,
        version: int | str | None = None,
        prefix: str = "",
        flush_logs_every_n_steps: int = 100,
        purge_step: int | None = None,
    ) -> None:
        super().__init__(save_dir or "logs", name or "", version, prefix, flush_logs_every_n_steps)
        self._purge_step = purge_step
        self.asked_version = version

    @property
    def experiment(self) -> Any:
        """Lightning's writer, which removes the rows that it finds; those before the step of a resume are kept."""
        if self._experiment is None and self._purge_step is not None:
            file = Path(self.log_dir, "metrics.csv")
            kept = rows_before(self._purge_step, file)
            writer = super().experiment
            for row in kept:
                writer.log_metrics({name: value for name, value in row.items() if name != "step"}, int(row["step"]))
            writer.save()
        return super().experiment


def rows_before(step: int, file: Path) -> list[dict[str, str]]:
    """What a `metrics.csv` holds of earlier steps, without empty cells; nothing of a file that is not there."""
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as text:
        rows = [{name: value for name, value in row.items() if value} for row in csv.DictReader(text)]
    return [row for row in rows if int(row["step"]) < step]


# What Lightning's names stand for on the command line.
OURS = {"TensorBoardLogger": RunFolderLogger, "CSVLogger": RunFolderCSVLogger}


def share_folder(loggers: list[Logger]) -> None:
    """Have the loggers to files write into the folder of the first of them, where they are in the same place."""
    ours = [logger for logger in loggers if isinstance(logger, RunFolder)]
    for logger in ours[1:]:
        logger.beside = ours[0]
