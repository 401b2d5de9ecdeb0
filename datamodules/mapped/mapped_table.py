"""A table on disk, split and scaled, of which only the rows at work are in memory."""

import hashlib
import json
import shutil
import tempfile
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from datamodules.columns.coding import Coding
from datamodules.columns.report import Report
from datamodules.columns.rules import ColumnRules
from datamodules.files import TableFile
from datamodules.files.unchanged import state, unchanged
from datamodules.mapped.divided_cells import CLUSTERS, TARGETS, WEIGHTS
from datamodules.mapped.division import SplitOptions
from datamodules.mapped.given_back import GivenBack
from datamodules.mapped.left_partials import remove_left
from datamodules.mapped.mapped_batches import MappedBatches
from datamodules.mapped.seal import ABOUT, FILES, check_seal
from datamodules.mapped.table_copy import CODING, IDENTITY, write_copy
from datamodules.mapped.written_features import FEATURES
from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.measured_rows import EVALUATION_ROWS
from datamodules.serving.preprocessing import Preprocessing
from datamodules.serving.split import Rows
from datamodules.serving.split_data_module import Split
from datamodules.serving.tensor_batches import TensorBatches
from datamodules.tables.split_table import PARTS
from datamodules.tables.table import Table

FORMAT = 8


@dataclass(frozen=True)
class MappedTable:
    """The table in memory-mapped files: rows for training first, then validation, then test, each in the file's order.

    Attributes:
        table: scaled, of arrays that are mapped.
        inputs: the features of the table as they are stored, mapped, and the offset behind them if there is one (n, c + 1).
        sizes: rows of each part.
        preprocessing: how the rows were encoded and scaled.
        report: what was done to the file.
        checksum: of the rows of each part, and of the names of features and classes.
    """

    table: Table
    inputs: NDArray[np.float64]
    sizes: list[int]
    preprocessing: Preprocessing
    report: Report
    checksum: int

    @staticmethod
    def open_or_make(
        folder: Path, file: TableFile, rules: ColumnRules, options: SplitOptions, test_file: TableFile | None = None
    ) -> "MappedTable":
        """The copy in `folder` of this file with these options, made if it is not there.

        It is made under another name and renamed when it is whole, by one process at a time. What is there already is read
        from one end to the other and compared with its checksums.

        Raises:
            ValueError: the file cannot be read, no model fitted to it, or it changes meanwhile; the copy is damaged.
            OSError: there is no file, or no space for the copy.
        """
        files = [file] if test_file is None else [file, test_file]
        schemas = [one.schema for one in files]  # says that there is no such file
        paths = [one.path for one in files]
        states = [(str(path.resolve()), state(path)) for path in paths]
        identity = [FORMAT, states, repr(schemas), repr(rules), repr(files), repr(options)]
        name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                f"memory_map={str(folder)!r}: the folder cannot be made ({error.strerror}); name another one"
            ) from error
        copy = folder / f"{rules.path.stem}-{name}"
        remove_left(folder)
        with FileLock(folder / f".{name}.lock"):
            is_made = not copy.exists()
            if is_made:
                partial = Path(tempfile.mkdtemp(prefix=f".{name}-", suffix=".partial", dir=folder))
                try:
                    with unchanged(paths):
                        write_copy(partial, file, rules, options, Report(rules.path, rules.refused), test_file, name)
                    partial.rename(copy)
                except BaseException:
                    shutil.rmtree(partial, ignore_errors=True)
                    raise
        return MappedTable.open(copy, rules.path, name, is_checked=not is_made)

    @staticmethod
    def open(copy: Path, path: Path, identity: str, is_checked: bool = True) -> "MappedTable":
        """The copy of a table in a folder.

        Args:
            copy: the folder.
            path: the table.
            identity: which table with which options it should be a copy of.
            is_checked: whether it may be damaged; not if it was made just now.

        Raises:
            ValueError: it is damaged, or of something else.
        """
        about = check_seal(copy, path) if is_checked else json.loads((copy / ABOUT).read_text(encoding="utf-8"))
        if about[IDENTITY] != identity:
            raise ValueError(
                f"{copy} is a copy of another table, or made with other options, as if folders had been renamed: delete it; "
                f"the copy of {path} is made anew"
            )
        held = {name: np.load(copy / name, mmap_mode="r") for name in about[FILES]}
        inputs, targets = held[FEATURES], held[TARGETS]
        preprocessing = Preprocessing.from_plain(about["preprocessing"])
        report = Report(path)
        report.take(about["report"])
        names, coding = preprocessing.feature_names, Coding.from_plain(about[CODING])
        offset = inputs[:, coding.num_stored] if preprocessing.given.has_offset else None
        table = Table(
            inputs[:, : coding.num_stored], targets, names, preprocessing.class_names, preprocessing.encoder,
            held.get(WEIGHTS), offset, preprocessing.given, held.get(CLUSTERS), None, coding,
        )  # fmt: skip
        checksum = zlib.crc32(repr((about[FILES], about["sizes"], table.feature_names, table.class_names)).encode())
        return MappedTable(table, inputs, about["sizes"], preprocessing, report, checksum)

    @property
    def evaluation_rows(self) -> int:
        # More are not read at once for validation and test: training sums over chunks of rows, metrics do not.
        return EVALUATION_ROWS

    @property
    def is_mapped(self) -> bool:
        return True

    @property
    def rows(self) -> dict[str, Rows]:
        """Row numbers of `table`, which are not those of the file."""
        ends = np.cumsum(self.sizes)
        return {part: np.arange(end - size, end) for part, size, end in zip(PARTS, self.sizes, ends, strict=True)}

    def batches(self, tensors: Split, sampler: ShardedBatchSampler) -> TensorBatches:
        return MappedBatches(tensors, sampler, GivenBack(self.inputs, self.table.targets, self.table.weights))

    def check_full_batch(self, dtype: torch.dtype | None) -> None:
        """Refuse another type than the files': all rows in it would be a copy in memory.

        Raises:
            ValueError: names what avoids the copy.
        """
        if dtype not in (None, torch.float64):
            raise ValueError(
                f"memory_map: all rows as {dtype} would be a copy in memory; use the trainer's precision='64-true', or "
                "a batch_size"
            )

    def splits(self) -> dict[str, Split]:
        """The rows of each part: views of the files, which nobody may write to."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            held = [array for array in (self.inputs, self.table.targets, self.table.weights) if array is not None]
            parts = zip(*(torch.from_numpy(array).split(self.sizes) for array in held), strict=True)
        return dict(zip(PARTS, parts, strict=True))
