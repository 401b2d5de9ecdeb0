"""The real command, with everything that it does by default, takes no more memory for four times as many mapped rows."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.conftest import ROOT

FEATURES, PIECE = 8, 250_000
FEW, MANY = 1_000_000, 4_000_000
METHODS = {
    "full batch": ["--trainer.max_epochs=8"],
    "mini-batches": [
        "--model.optimizer=Adam", "--model.optimizer.lr=0.01", "--data.batch_size=4096", "--trainer.max_epochs=1",
    ],
}  # fmt: skip
MODELS = {"LogisticRegression": METHODS, "LinearRegression": METHODS}


def table(path: Path, rows: int) -> None:
    generator = np.random.default_rng(0)
    weights = generator.normal(size=FEATURES)
    names = [*(f"x{j}" for j in range(FEATURES)), "class", "number"]
    schema = pa.schema([(name, pa.int64() if name == "class" else pa.float64()) for name in names])
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for _ in range(rows // PIECE):
            x = generator.normal(size=(PIECE, FEATURES))
            z = x @ weights
            y = (z + generator.logistic(size=PIECE) > 0).astype(np.int64)
            writer.write_table(pa.table([*x.T, y, z + generator.normal(size=PIECE)], schema=schema))


def peak_mebibytes(command: list[str], folder: Path) -> float:
    """`VmHWM`, the most that the process ever had resident, pages of files included; it must end with status 0.

    It is of the program alone: what `wait` tells would include the process that has started it.
    """
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}", "OMP_NUM_THREADS": "1"}
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        peak = 0
        while process.poll() is None:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peak = max([peak, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))])
            time.sleep(0.02)
    assert process.returncode == 0, (folder / "output").read_text()
    return peak / 1024


def fit(folder: Path, model: str, options: list[str]) -> float:
    target, other = ("class", "number") if model == "LogisticRegression" else ("number", "class")
    command = [
        sys.executable, str(ROOT / "scripts/fit.py"), "--data=TabularDataModule", "--data.path=table.parquet",
        f"--data.target={target}", f"--data.exclude=[{other}]", "--data.memory_map=maps", f"--model={model}", *options,
    ]  # fmt: skip
    return peak_mebibytes(command, folder)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process had at most")
def test_peak_memory_is_flat_in_rows(tmp_path: Path) -> None:
    """Of the fit that makes the copy as well as of those that find it there."""
    peaks: dict[tuple[str, str, str], list[float]] = {}
    for rows in (FEW, MANY):
        folder = tmp_path / str(rows)
        folder.mkdir()
        table(folder / "table.parquet", rows)
        for model, methods in MODELS.items():
            for method, options in methods.items():
                copy = "found" if (folder / "maps").exists() and method != "full batch" else "made"
                peaks.setdefault((model, method, copy), []).append(fit(folder, model, options))
            shutil.rmtree(folder / "maps")
        shutil.rmtree(folder)
    print(peaks)
    for case, (few, many) in peaks.items():
        assert many < 1.1 * few, case
    assert len(peaks) == 4
