"""A memory-mapped table of more and more rows: the time of a pass over it, the memory of a fit to it.

The tables are Parquet files, which `TabularDataModule` copies to be mapped. Each is measured beside the one before. The fit is
the method's alone; the whole command, with validation, test and callbacks, is measured by a test, `test_memory_of_a_fit.py`.
"""

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import torch

from datamodules import TabularDataModule
from evidence.benchmarks.apart import apart
from evidence.benchmarks.clocks import Reading, seconds
from evidence.benchmarks.glm import TOLERANCE, quiet_trainer
from evidence.benchmarks.pairing import Budget, compared
from evidence.benchmarks.peak_memory import peak_mebibytes
from evidence.benchmarks.problems import shape
from evidence.benchmarks.row import BenchmarkRow
from lightning_modules import LogisticRegression
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli
from lightning_modules.optimizers import Newton

SIZES, FEATURES, PIECE = (10_000, 100_000, 1_000_000, 10_000_000), 20, 10_000
PASSES, FITS = Budget(most=25, seconds=60), Budget(most=7, seconds=60)
# A pass over the smallest table is over before a clock can tell: so many rows are passed in any case.
LEAST_ROWS = 1_000_000
NUM_ROWS = 2 * (len(SIZES) - 1)


def measure_mapped_tables() -> Iterator[BenchmarkRow]:
    """Nanoseconds a row of value and gradient; MiB of a fit by Newton's method, above what an idle process has.

    Raises:
        ArithmeticError: a fit does not reach the optimum.
        OSError: too little space, or the system is not Linux.
    """
    with tempfile.TemporaryDirectory() as folder:
        refuse_full(Path(folder))
        for rows in SIZES:
            # Apart, so that its progress bar does not write over that of the rows.
            apart(write_table, folder, rows, FEATURES)
        for fewer, rows in pairwise(SIZES):
            case, peer = f"{shape(rows, FEATURES)} on disk", shape(fewer, FEATURES)
            passes = [partial(pass_nanoseconds, folder, size, FEATURES) for size in (rows, fewer)]
            for each in passes:
                each()  # until then the table may be on the disk only
            yield compared(f"{case}: value and gradient, each row", "ns", peer, passes, PASSES, role="ourselves")
            fits = [partial(fit_apart, folder, size) for size in (rows, fewer)]
            yield compared(f"{case}: memory of a fit", "MiB", peer, fits, FITS, role="ourselves")


def refuse_full(folder: Path) -> None:
    """Look before hours of work whether the tables will fit.

    Raises:
        OSError: they will not.
    """
    # Each table is there twice, as its own file and as the copy; the scaling needs no more.
    needed, free = 2 * 8 * (FEATURES + 1) * sum(SIZES), shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"{folder}: the tables of this section take {needed / 1e9:.3g} GB and {free / 1e9:.3g} GB are free: make room, or "
            "name another folder by the environment variable TMPDIR"
        )


def data_module(folder: str, rows: int) -> TabularDataModule:
    """The table, as good as all of it for training."""
    return TabularDataModule(f"{rows}.parquet", "y", data_dir=folder, val_fraction=0, test_fraction=0.01, memory_map=folder)


def write_table(folder: str, rows: int, features: int) -> None:
    """Normal features and labels of a logistic model, a piece at a time, and their mapped copy."""
    generator = np.random.default_rng(0)
    weights = generator.normal(size=features) * 2 / features**0.5
    names = [f"x{j}" for j in range(features)] + ["y"]
    schema = pa.schema([(name, pa.float64()) for name in names[:-1]] + [("y", pa.int64())])
    with pyarrow.parquet.ParquetWriter(Path(folder) / f"{rows}.parquet", schema, compression="none") as writer:
        for start in range(0, rows, PIECE):
            x = generator.normal(size=(min(PIECE, rows - start), features))
            y = (generator.random(len(x)) < 1 / (1 + np.exp(-x @ weights))).astype(np.int64)
            writer.write_table(pa.table([*x.T, y], schema=schema))
    data_module(folder, rows).prepare_data()


def pass_nanoseconds(folder: str, rows: int, features: int) -> Reading:
    """Of a row, in passes over the mapped table at a new θ each."""
    x, y = data_module(folder, rows).splits["train"]
    objective = GLMObjective(Bernoulli(), x, y, 1 / len(x))
    thetas = torch.randn(max(1, LEAST_ROWS // len(x)), features + 1, dtype=x.dtype) / features
    spent = seconds(lambda: [objective.point(theta).gradient for theta in thetas])
    return spent.times(1e9 / len(x) / len(thetas))


def fit_apart(folder: str, rows: int) -> Reading:
    """MiB of a fit in a process of its own.

    Raises:
        ArithmeticError: it does not reach the optimum.
    """
    largest, mebibytes = apart(fit_mebibytes, folder, rows)
    if not largest <= TOLERANCE:
        raise ArithmeticError(f"{rows} rows: Newton ended at a gradient of {largest:.1e}, not 1e-8")
    return Reading(mebibytes)


def fit_mebibytes(folder: str, rows: int) -> tuple[float, float]:
    """‖∇‖∞ at the end of a fit, and the MiB that data and fit took together."""
    found = []

    def fit() -> None:
        data = data_module(folder, rows)
        model = LogisticRegression(data.num_features, l2=1 / rows, optimizer=partial(Newton, tolerance=TOLERANCE))
        quiet_trainer().fit(model, data)
        found.append(model.convergence().gradient_max)

    peak = peak_mebibytes(fit)
    return found[0], peak
