"""A folder for every run, also for those that start at the same instant."""

from pathlib import Path

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only


class RunFolderLogger(TensorBoardLogger):
    """TensorBoard's logger, which takes the next free `version_…` folder by making it.

    Lightning looks which numbers are taken and makes the folder much later; runs started together would share it.

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
