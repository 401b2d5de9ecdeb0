"""Rows with weights on one process, on several, and repeated as often as the weights say."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.lightning_modules.weighted_worker import CASES, outcome

WORKER = Path(__file__).with_name("weighted_worker.py")


def same(one: dict[str, Any], other: dict[str, Any], tolerance: float) -> None:
    torch.testing.assert_close(one["iterates"], other["iterates"], rtol=tolerance, atol=tolerance)
    assert one["metrics"] == pytest.approx(other["metrics"], rel=tolerance)
    assert one["status"] == other["status"]


@pytest.mark.parametrize("case", [case for case in CASES if case[2] is None], ids=str)
def test_weights_are_repeated_rows(case: tuple[str, str, int | None]) -> None:
    same(outcome(case), outcome(case, is_repeated=True), 1e-11)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_are_one(processes: int, tmp_path: Path) -> None:
    command = [sys.executable, str(WORKER), str(processes), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [torch.load(tmp_path / f"rank_{rank}.pt") for rank in range(processes)]
    for number, case in enumerate(CASES):
        for rank in ranks:
            # On mini-batches a full Newton step multiplies what is lost in rounding.
            same(rank[number], outcome(case), 1e-6 if case[1:] == ("newton", 29) else 1e-11)
