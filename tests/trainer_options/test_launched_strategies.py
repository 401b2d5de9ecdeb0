"""Strategies that start processes, by fit.py as a program of its own: what they wrote is there at the end.

A process that has computed gradients cannot be forked, so these are not tried in the process of the tests.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.trainer_options.table_machines import ROWS

NAMES = [row.value.strip("'") for row in ROWS if row.program]
# By turns, so that each strategy is tried and each method meets one that spawns and one that forks.
METHODS = ("Newton", "torch.optim.SGD", "GradientDescent", "torch.optim.Adam", "DiagonalNewton")


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    classes = ["--data=IrisDataModule", "--model=SoftmaxRegression", "--trainer.accelerator=cpu", "--trainer.max_epochs=2"]
    command = [sys.executable, str(ROOT / "scripts" / "fit.py"), *classes, *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=240, check=False, stdin=subprocess.DEVNULL, env=environment
    )


def results(folder: Path, done: subprocess.CompletedProcess[str]) -> dict[str, float]:
    """Of the one run below a folder, of which nothing was deleted."""
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    (path,) = folder.rglob("summary.json")
    summary: dict[str, float] = json.loads(path.read_text())
    assert summary["status"] and summary["epochs"] == 2
    assert (path.parent / "checkpoints" / "last.ckpt").is_file()
    assert not list(folder.rglob(".temp.ckpt")), "Lightning's own transfer file"
    return summary


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_a_run_ends_with_what_it_wrote(name: str, devices: int, tmp_path: Path) -> None:
    method = METHODS[(NAMES.index(name) + devices) % len(METHODS)]
    options = [f"--model.optimizer={method}"]
    if method in ("GradientDescent", "torch.optim.SGD"):
        options.append("--model.optimizer.lr=0.1")
    strategy = [f"--trainer.strategy={name}", f"--trainer.devices={devices}"]
    summary = results(tmp_path, run(tmp_path, *options, *strategy))
    plain = tmp_path / "plain"
    plain.mkdir()
    expected = results(plain, run(plain, *options))
    assert summary["test/loss"] == pytest.approx(expected["test/loss"], rel=1e-9)
