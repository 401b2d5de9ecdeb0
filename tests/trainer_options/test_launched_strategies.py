"""Strategies that start processes by multiprocessing, from Python: the model that started them has what they learnt.

A process that has computed gradients cannot be forked, so these are not tried in the process of the tests. fit.py refuses them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.trainer_options.table_machines import ROWS

NAMES = [row.value.strip("'") for row in ROWS if row.program]
# By turns, so that each strategy is tried and each method meets one that spawns and one that forks.
METHODS = ("newton", "sgd_nesterov", "gradient_descent", "adam", "diagonal_newton")


def fitted(folder: Path, *arguments: str) -> dict[str, Any]:
    file = folder / f"{'-'.join(arguments)}.json"
    command = [sys.executable, str(ROOT / "tests/trainer_options/launched_worker.py"), *arguments, str(file)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=240, check=False, stdin=subprocess.DEVNULL, env=environment
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_parent_ends_with_the_weights_of_one_process(name: str, tmp_path: Path) -> None:
    devices = "1" if "find_unused" in name else "2"
    method = METHODS[NAMES.index(name) % len(METHODS)]
    here, there = fitted(tmp_path, "auto", "1", method), fitted(tmp_path, name, devices, method)
    assert there["theta"] == pytest.approx(here["theta"], rel=1e-6), "in single precision, as Lightning makes of them"
    assert "no fit has been done in this process" in there["said"]
    assert here["said"] in ("budget", "converged")
    assert not list(tmp_path.rglob(".temp.ckpt")), "Lightning's own transfer file"
