"""A conversion that is killed at any moment leaves nothing for good, and two at one instant make one copy."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from datamodules import TabularDataModule
from tests.conftest import ROOT

ROWS = 100_000
PROGRAM = """
import sys
from datamodules import TabularDataModule
data = TabularDataModule(sys.argv[1], "y", memory_map=sys.argv[2])
print(data.num_rows, flush=True)
"""


def table(folder: Path) -> Path:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4, ROWS))
    colours = generator.choice(["red", "green", "blue"], ROWS)
    path = folder / "table.csv"
    pyarrow.csv.write_csv(pa.table([*x, colours, (x[0] > 0).astype(int)], ["a", "b", "c", "d", "colour", "y"]), path)
    return path


def start(path: Path, maps: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, str(path), str(maps)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(maps: Path, pattern: str) -> float:
    """When there is such an entry."""
    while not list(maps.glob(pattern)):
        time.sleep(0.001)
    return time.monotonic()


@pytest.mark.slow
def test_kills_at_any_moment_leave_nothing_for_good(tmp_path: Path) -> None:
    path, maps = table(tmp_path), tmp_path / "maps"
    process = start(path, maps / "whole")
    duration = -wait_for(maps / "whole", ".*.partial") + wait_for(maps / "whole", "table-*")
    assert process.communicate()[0] == f"{ROWS}\n"
    chance, partials = random.Random(0), 0
    for kill in [signal.SIGKILL, signal.SIGTERM, signal.SIGINT] * 4:
        process = start(path, maps)
        left = set(maps.glob(".*.partial"))
        while not set(maps.glob(".*.partial")) - left:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, duration))
        process.send_signal(kill)
        process.communicate()
        partials += len(list(maps.glob(".*.partial")))
        for copy in maps.glob("table-*"):  # it was faster
            assert TabularDataModule(str(path), "y", memory_map=str(maps)).num_rows == ROWS
            for file in copy.iterdir():
                file.unlink()
            copy.rmdir()
    assert partials > 0, "the kills have met conversions"
    # Another table's conversion removes what is left of this one, too.
    other = tmp_path / "other.csv"
    other.write_bytes(path.read_bytes())
    process = start(other, maps)
    assert process.communicate()[0] == f"{ROWS}\n"
    assert not list(maps.glob(".*.partial"))
    assert sorted({entry.suffix for entry in maps.iterdir()}) == ["", ".lock"]
    assert all(entry.stat().st_size == 0 for entry in maps.glob("*.lock"))


@pytest.mark.slow
def test_two_at_one_instant_make_one_copy(tmp_path: Path) -> None:
    path, maps = table(tmp_path), tmp_path / "maps"
    both = [start(path, maps) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == [f"{ROWS}\n"] * 2
    assert len([entry for entry in maps.iterdir() if entry.is_dir()]) == 1
