"""The fits of a study that are done, kept until its report is written: a study that was broken off goes on where it was.

A fit is known again by all that it depends on: the settings, the seed, the fold, the number of threads, and the code. One that
any of these makes another is done anew.
"""

import hashlib
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import torch
from command_line.whole_files import write_json

ROOT = Path(__file__).parents[2]
OF_CODE = ("lightning_modules", "datamodules", "callbacks", "scripts")


class KeptFits:
    """Outcomes of fits, each in a file of a folder that is made for the first of them.

    Args:
        folder: None keeps nothing.

    Attributes:
        earlier: how many outcomes were there before.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.earlier = 0

    def find(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """The outcome of the same fit, if there is one."""
        try:
            content = json.loads(self._path(asked).read_text(encoding="utf-8")) if self.folder else {}
        except (OSError, ValueError):
            return None
        outcome: dict[str, Any] | None = content.get("outcome") if isinstance(content, dict) else None
        self.earlier += outcome is not None
        return outcome

    def keep(self, asked: dict[str, Any], outcome: dict[str, Any]) -> None:
        """Keep an outcome under what was asked for.

        Raises:
            OSError: the folder cannot be written.
        """
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self._path(asked), {"asked": asked, "outcome": outcome})

    def __len__(self) -> int:
        return len(list(self.folder.glob("*.json"))) if self.folder else 0

    def clear(self) -> None:
        """Remove all: the report has been written."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, asked: dict[str, Any]) -> Path:
        assert self.folder is not None
        circumstances = {"asked": asked, "threads": torch.get_num_threads(), "torch": torch.__version__, "code": code()}
        text = json.dumps(circumstances, sort_keys=True, default=str)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


@cache
def code() -> str:
    """A digest of the sources that a fit runs through."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in OF_CODE for path in (ROOT / folder).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
