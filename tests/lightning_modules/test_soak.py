"""Two thousand fits leave a process as it was after the first few."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

Measured = list[dict[str, int]]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="memory, threads and files are counted in Linux's /proc"),
]


def soak(folder: Path, *arguments: str) -> Measured:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).with_name("soak.py")), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    print(measured)
    return measured


def growth(measured: Measured) -> dict[str, int]:
    """From the first measurement, which ends the warm-up, to the last."""
    return {name: measured[-1][name] - measured[0][name] for name in measured[0]}


def check(grown: dict[str, int], fits: int) -> None:
    """Nothing that grows with the number of fits: less than 4 KiB and one object for each."""
    assert grown["kilobytes"] < 4 * fits
    assert grown["threads"] == grown["files"] == 0
    assert grown["objects"] < fits


def test_nothing_grows_with_the_number_of_fits(tmp_path: Path) -> None:
    check(growth(soak(tmp_path, "2000", "200")), 1800)
    assert len(list(tmp_path.rglob("summary.json"))) == 200, "every fit of the command line has a folder of its own"


def test_a_leak_would_be_found(tmp_path: Path) -> None:
    grown = growth(soak(tmp_path, "120", "60", "leak"))
    assert grown["files"] == 60 and grown["kilobytes"] > 60 * 100
    with pytest.raises(AssertionError):
        check(grown, 60)
