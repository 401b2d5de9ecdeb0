"""A folder for every run, also for those that start at the same instant."""

from pathlib import Path
from typing import Any

from pytorch_lightning.utilities import rank_zero_only


class RunFolder:
    """Part of a logger that has `root_dir` and `version`: the next free `version_…` folder is taken by making it.

    Lightning looks which numbers are taken and makes the folder much later; runs started together would share it.

    Attributes:
        made_folder: whether this run made its folder, rather than go on in one that was there.
        beside: another logger of the run, whose folder this one shares if it is in the same place.
        asked_version: the folder that was asked for by name or number; None for the next that is free.
    """

    asked_version: int | str | None = None
    root_dir: Any
    made_folder = False
    beside: Any = None

    def _get_next_version(self) -> int | str:
        if self.beside is not None and Path(self.beside.root_dir) == Path(self.root_dir):
            shared: int | str = self.beside.version
            return shared
        version = int(super()._get_next_version())  # type: ignore[misc]
        while rank_zero_only.rank == 0 and not self.made_folder:  # type: ignore[attr-defined]
            try:
                Path(self.root_dir, f"version_{version}").mkdir(parents=True)
                self.made_folder = True
            except FileExistsError:
                version += 1
        return version
