"""A table on disk, split and scaled, of which only the rows at work are in memory."""

import hashlib
import json
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from datamodules.mapped.sequential_split import PARTS
from datamodules.mapped.table_copy import SplitOptions, write_copy
from datamodules.serving.preprocessing import Preprocessing
from datamodules.tables.column_rules import ColumnRules
from datamodules.tables.row_stream import RowStream
from datamodules.tables.table import Table

FORMAT = 2


@dataclass(frozen=True)
class MappedTable:
    """The table in memory-mapped files: rows for training first, then validation, then test, each in the file's order."""

    table: Table
    sizes: list[int]
    preprocessing: Preprocessing

    @staticmethod
    def of(folder: Path, rules: ColumnRules, delimiter: str, options: SplitOptions) -> "MappedTable":
        """The copy in `folder` of this file with these options, made if it is not there.

        It is made under another name and renamed when it is whole, by one process at a time.

        Raises:
            ValueError: the file cannot be read, or no model fitted to it.
            OSError: there is no file, or no space for the copy.
        """
        stream = RowStream(rules.path, delimiter)
        stream.schema  # noqa: B018 – says that there is no such file
        state = rules.path.stat()
        identity = [FORMAT, str(rules.path.resolve()), state.st_size, state.st_mtime_ns, repr(rules), delimiter, repr(options)]
        name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        copy = folder / f"{rules.path.stem}-{name}"
        with FileLock(folder / f".{name}.lock"):
            for left in folder.glob(f".{name}-*.partial"):  # by a process that was killed
                shutil.rmtree(left)
            if not copy.exists():
                partial = Path(tempfile.mkdtemp(prefix=f".{name}-", suffix=".partial", dir=folder))
                try:
                    write_copy(partial, stream, rules, options)
                    partial.rename(copy)
                except BaseException:
                    shutil.rmtree(partial, ignore_errors=True)
                    raise
        return MappedTable.open(copy)

    @staticmethod
    def open(copy: Path) -> "MappedTable":
        about = json.loads((copy / "about.json").read_text())
        features, targets = (np.load(copy / f"{part}.npy", mmap_mode="r") for part in ("features", "targets"))
        preprocessing = Preprocessing.of(about["preprocessing"])
        table = Table(features, targets, preprocessing.feature_names, preprocessing.class_names, preprocessing.encodings)
        return MappedTable(table, about["sizes"], preprocessing)

    def splits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """(features, targets) of each part: views of the files, which nobody may write to."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            features, targets = torch.from_numpy(self.table.features), torch.from_numpy(self.table.targets)
        parts = zip(features.split(self.sizes), targets.split(self.sizes), strict=True)
        return dict(zip(PARTS, parts, strict=True))
