"""Memory does not grow with the rows of a memory-mapped table."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from datamodules import TabularDataModule
from lightning_modules.optimizers import DiagonalNewton, Newton
from tests.conftest import ROOT
from tests.training import make_model, make_trainer

FEATURES, PIECE, ROWS = 128, 10_000, 200_000
ROW_MEBIBYTES = 8 * FEATURES / 2**20
HEADROOM = 256  # MiB that a process may take beyond what its libraries have taken
METHODS = {"newton": Newton, "diagonal": DiagonalNewton}


def table(folder: Path, rows: int) -> Path:
    generator, path = np.random.default_rng(0), folder / f"{rows}.parquet"
    names = [f"x{j}" for j in range(FEATURES)] + ["y"]
    weights = generator.normal(size=FEATURES) / 8
    writer = None
    for _ in range(rows // PIECE):
        x = generator.normal(size=(PIECE, FEATURES)).round(2)
        y = (x @ weights + generator.normal(size=PIECE) > 0).astype(np.int64)
        piece = pa.table([*x.T, y], names)
        writer = writer or pyarrow.parquet.ParquetWriter(path, piece.schema)
        writer.write_table(piece)
    assert writer is not None
    writer.close()
    return path


def fit(path: Path, folder: Path | None, method: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(Path(__file__).with_name("mapped_fit.py")),
        str(path),
        str(folder or ""),
        method,
        str(HEADROOM),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)


def peak(path: Path, folder: Path, method: str) -> dict[str, Any]:
    done = fit(path, folder, method)
    assert done.returncode == 0, done.stderr
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's own memory apart from mapped files")
def test_a_table_larger_than_the_limit_is_fitted_within_it(tmp_path: Path) -> None:
    """The kernel enforces the limit: the same table in memory breaks it."""
    path = table(tmp_path, ROWS)
    peaks: dict[tuple[int, str], Any] = {(ROWS, method): peak(path, tmp_path / "maps", method) for method in METHODS}
    limit = peaks[ROWS, "newton"]["limit"]
    rows = int(1.1 * limit / ROW_MEBIBYTES) // PIECE * PIECE
    path = table(tmp_path, rows)
    for method in METHODS:
        peaks[rows, method] = peak(path, tmp_path / "maps", method)
        assert rows * ROW_MEBIBYTES > peaks[rows, method]["limit"], "the table is larger than all memory that is allowed"
        growth = peaks[rows, method]["RssAnon"] - peaks[ROWS, method]["RssAnon"]
        more = (rows - ROWS) * ROW_MEBIBYTES
        print(
            f"{method}: {growth} MiB more for {more:.0f} MiB more of features, limit {limit} MiB,",
            peaks[rows, method]["RssAnon"],
        )
        assert growth < 0.05 * more
    refused = fit(path, None, "newton")
    assert refused.returncode != 0, "in memory the limit is broken, or it was none"

    # The same answer as in memory, where there is enough of it.
    data = TabularDataModule(str(path), "y", memory_map=str(tmp_path / "maps"), val_fraction=0)
    data.__dict__["splits"] = {name: (x.clone(), y.clone()) for name, (x, y) in data.splits.items()}
    for method, make in METHODS.items():
        model = make_model(data, make)
        make_trainer(10).fit(model, data)
        theta = parameters_to_vector(model.parameters()).detach()
        assert float((theta - torch.tensor(peaks[rows, method]["theta"], dtype=theta.dtype)).abs().max()) <= 1e-12
    shutil.rmtree(tmp_path)
