"""Processes that drift apart are stopped, all of them, and told where."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks import ReplicaCheck
from callbacks.replica_check import checksum
from datamodules import IrisDataModule
from lightning_modules.optimizers import Newton
from tests.callbacks.replica_worker import CASES
from tests.training import make_model, make_trainer

WORKER = Path(__file__).with_name("replica_worker.py")


@pytest.fixture(scope="module", params=[pytest.param(processes, marks=pytest.mark.slow) for processes in (2, 3)])
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What came of each case, for each rank."""
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, str(WORKER), str(request.param), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((folder / f"rank_{rank}.json").read_text()) for rank in range(request.param)]


@pytest.mark.parametrize("case", ["newton", "diagonal_newton", "lbfgs", "adam"])
def test_equal_processes_are_left_alone(outcomes: list[dict[str, Any]], case: str) -> None:
    assert [rank[case] for rank in outcomes] == [{"message": None, "epochs": 4}] * len(outcomes)


@pytest.mark.parametrize(
    ("case", "named"),
    [
        ("parameter", "holds other values of network.layers.1.weight"),
        ("momentum", "network.layers.0.bias"),
        ("settings", "network.layers.0.weight and"),
        ("seldom", "after epoch 3"),
    ],
)
def test_all_processes_stop_and_name_the_one_astray(outcomes: list[dict[str, Any]], case: str, named: str) -> None:
    messages = {rank[case]["message"] for rank in outcomes}
    (message,) = messages
    assert f"process 1 of {len(outcomes)}" in message
    assert "than process 0" in message
    assert named in message


def test_without_the_check_nobody_notices(outcomes: list[dict[str, Any]]) -> None:
    """Negative control."""
    assert [rank["unchecked"] for rank in outcomes] == [{"message": None, "epochs": 4}] * len(outcomes)
    assert "unchecked" in CASES


def test_one_process_has_nothing_to_compare() -> None:
    data = IrisDataModule()
    make_trainer(2, ReplicaCheck()).fit(make_model(data, Newton), data)


def test_a_checksum_is_of_the_bytes() -> None:
    numbers = torch.arange(6.0).view(2, 3)
    assert checksum(numbers) == checksum(numbers.clone())
    assert checksum(numbers) == checksum(numbers.T.contiguous().T)
    assert checksum(torch.tensor([0.0])) != checksum(torch.tensor([-0.0]))
    assert checksum(torch.zeros(0)) == 0
    changed = numbers.clone()
    changed[1, 2] = torch.nextafter(changed[1, 2], torch.tensor(9.0))
    assert checksum(numbers) != checksum(changed)


def test_bad_interval() -> None:
    with pytest.raises(ValueError, match=r"ReplicaCheck\(every_n_epochs=0\): give a number"):
        ReplicaCheck(0)
