"""What processes send each other in a fit: how often, in which order, and by NCCL's rules."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from tests.lightning_modules.collectives_worker import ASKING, CASES, EPOCHS
from tests.simulated_device import DEVICE
from tests.simulated_device.processes import Collectives

WORKER = Path(__file__).with_name("collectives_worker.py")
PROCESSES = 2
# Of a step: the sums of value and gradient, of each curvature that is asked for, and of a trial; on the full batch whether a
# process has other rows than in the last step. What is summed once, in the first step or where a fit is judged, is left out.
# DDP sends gradients of torch's methods by itself, beside their loss.
STEPS: dict[tuple[str, str], int] = {
    ("gradient_descent", "full"): 2,
    ("gradient_descent", "batches"): 1,
    ("newton", "full"): 3,
    ("newton", "batches"): 3,
    ("diagonal_newton", "full"): 3,
    ("diagonal_newton", "batches"): 3,
    ("diagonal_newton_fixed", "full"): 3,
    ("diagonal_newton_fixed", "batches"): 2,
    ("sgd", "full"): 1,
    ("sgd", "batches"): 1,
    ("adam", "full"): 1,
    ("adam", "batches"): 1,
}
# A network keeps its passes on a full batch: the value of a trial is there before its gradient, and is a sum of its own.
MORE_OF_A_NETWORK = {
    ("gradient_descent", "full"),
    ("newton", "full"),
    ("diagonal_newton", "full"),
    ("diagonal_newton_fixed", "full"),
}
Results = list[dict[tuple[str, str, str], dict[str, Any]]]


def run(folder: Path, device: str) -> Results:
    command = [sys.executable, str(WORKER), str(PROCESSES), str(folder), device]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"rank_{rank}.pt", weights_only=False) for rank in range(PROCESSES)]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(tmp_path_factory.mktemp("here"), "cpu")


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(tmp_path_factory.mktemp("there"), "simulated")


@pytest.mark.slow
def test_a_step_sends_what_it_needs(here: Results) -> None:
    for model, method, size in CASES:
        if (method, size) not in STEPS:
            continue
        most = STEPS[method, size] + (model == "network" and (method, size) in MORE_OF_A_NETWORK)
        for rank in here:
            steps = rank[model, method, size]["steps"]
            assert steps[-1] <= most, (model, method, size, steps)


@pytest.mark.slow
def test_a_loader_that_does_not_say_how_many_rows_there_are_costs_a_message(here: Results) -> None:
    """Negative control."""
    for _, method, size in ASKING:
        # Torch's methods ask twice: whether the rows of any process are so many that they are taken in chunks.
        more = 2 if method == "sgd" else 1
        assert {count for rank in here for count in rank["asking", method, size]["steps"]} == {STEPS[method, size] + more}
        mine, theirs = (here[0][model, method, size]["theta"] for model in ("logistic", "asking"))
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.slow
def test_an_epoch_sends_two_messages_for_each_batch_that_is_measured_and_one_to_compare_replicas(here: Results) -> None:
    """Of 114 rows for validation and for the test and 341 for training, measured in one batch each, whatever trains them."""
    for case in CASES:
        assert [rank[case]["epochs"] for rank in here] == [[2 * 3 + 1]] * PROCESSES


@pytest.mark.slow
def test_all_processes_send_the_same_in_the_same_order(here: Results, there: Results) -> None:
    for results in (here, there):
        first, *others = results
        for case in CASES:
            assert all(rank[case]["calls"] == first[case]["calls"] for rank in others), case
            assert len(first[case]["calls"]) > EPOCHS


@pytest.mark.slow
def test_on_devices_by_the_rules_of_nccl_the_results_are_the_same(here: Results, there: Results) -> None:
    for case in CASES:
        for mine, theirs in zip(here, there, strict=True):
            torch.testing.assert_close(theirs[case]["theta"], mine[case]["theta"], rtol=1e-9, atol=1e-12)
            assert theirs[case]["status"] == mine[case]["status"]
            for name, values in mine[case]["metrics"].items():
                assert theirs[case]["metrics"][name] == pytest.approx(values, rel=1e-9, abs=1e-12), (case, name)


@pytest.mark.parametrize(
    ("send", "refused"),
    [
        (lambda: dist.all_reduce(torch.ones(3)), "no backend for a tensor"),
        (lambda: dist.all_gather([torch.ones(3).to(DEVICE)], torch.ones(3)), "no backend for a tensor"),
        (lambda: dist.all_reduce(torch.ones(3, 2).to(DEVICE).T), "must be contiguous"),
    ],
    ids=["a tensor of the host", "one among others", "a transposed one"],
)
def test_what_nccl_refuses_is_refused(send: Any, refused: str) -> None:
    """Negative control of the rules: without them gloo would send all of these."""
    collectives = Collectives(is_checked=True)
    try:
        with pytest.raises(RuntimeError, match=refused):
            send()
    finally:
        collectives.leave()
    assert len(collectives.calls) == 1
