"""A folder for every run, also for those that start at the same instant, and logs that Ctrl-C does not break off."""

from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from command_line.uninterrupted import uninterrupted


class RunFolderLogger(TensorBoardLogger):
    """TensorBoard's logger, which takes the next free `version_…` folder by making it.

    Lightning looks which numbers are taken and makes the folder much later; runs started together would share it.

    TensorBoard writes in a thread of its own. A call that Ctrl-C broke off could leave locked what both use, and the run
    would hang instead of ending; so no call is broken off.

    The scalars of its files are float32 by their format: seven digits of what the trainer, `summary.json` and other loggers
    have in float64. (TensorBoard knows a newer kind of 64 bits, but most readers of its files do not find them.)

    Attributes:
        made_folder: whether this run made its folder, rather than go on in one that was there.
    """

    made_folder = False

    def _get_next_version(self) -> int:
        version = int(super()._get_next_version())
        while rank_zero_only.rank == 0 and not self.made_folder:  # type: ignore[attr-defined]
            try:
                Path(self.root_dir, f"version_{version}").mkdir(parents=True)
                self.made_folder = True
            except FileExistsError:
                version += 1
        return version

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        with uninterrupted():
            super().log_metrics(metrics, step)

    def log_hyperparams(self, *args: Any, **options: Any) -> None:
        with uninterrupted():
            super().log_hyperparams(*args, **options)

    def save(self) -> None:
        with uninterrupted():
            super().save()

    def finalize(self, status: str) -> None:
        with uninterrupted():
            super().finalize(status)
