"""The device that stands for a GPU in tests keeps a GPU's rules, and counts what it says that it counts."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.simulated_device import DEVICE, counting

THERE = torch.arange(6.0).view(3, 2).to(DEVICE)
HERE = torch.ones(3, 2)
MASK = (THERE > 1)[:, 0]
# What makes the host wait, and how often.
WAITS: dict[str, Callable[[], object]] = {
    "a number": lambda: float(THERE.sum()),
    "a branch": lambda: bool((THERE > 0).all()),
    "a copy to the host": THERE.cpu,
    "a copy into ordinary memory": lambda: torch.empty(3, 2).copy_(THERE, non_blocking=True),
    "a comparison of all numbers": lambda: torch.equal(THERE, THERE + 1),
    "rows by a mask": lambda: THERE[MASK],
    "numbers put at a mask": lambda: THERE.clone().__setitem__(MASK, THERE[1:]),
    "places": lambda: torch.nonzero(THERE > 1),
    "a factorisation that is checked": lambda: torch.linalg.cholesky(torch.eye(2, device=DEVICE)),
    "a spectrum": lambda: torch.linalg.eigvalsh(torch.eye(2, device=DEVICE)),
}
# What does not.
FREE: dict[str, Callable[[], object]] = {
    "arithmetic": lambda: THERE @ THERE.T + 1,
    "a number of the host": lambda: THERE * torch.tensor(2.0),
    "a number put at a mask": lambda: THERE.clone().__setitem__(MASK, 0.0),
    "a choice": lambda: torch.where(THERE > 1, THERE, 0.0),
    "a factorisation that is not checked": lambda: torch.linalg.cholesky_ex(torch.eye(2, device=DEVICE)),
    "a copy there that is not awaited": lambda: HERE.to(DEVICE, non_blocking=True),
    "a copy here that is not awaited": lambda: THERE.to("cpu", non_blocking=True),
    "rows by places there": lambda: THERE[torch.arange(2, device=DEVICE)],
    "a slice": lambda: THERE[1:],
}


@pytest.mark.parametrize("case", WAITS)
def test_the_host_waits_once(case: str) -> None:
    with counting() as counts:
        WAITS[case]()
    assert len(counts.waits) == 1


@pytest.mark.parametrize("case", FREE)
def test_nobody_waits(case: str) -> None:
    with counting() as counts:
        FREE[case]()
    assert not counts.waits and not counts.copies


def test_a_blocking_copy_is_counted_and_how_much_it_moves() -> None:
    with counting() as counts:
        HERE.to(DEVICE)
        torch.tensor([1.0, 2.0], device=DEVICE)
        THERE[torch.tensor([0, 2])]
    assert len(counts.copies) == 3 and not counts.waits
    assert counts.moved_bytes == HERE.nbytes + 8 + 16


def test_views_launch_nothing() -> None:
    with counting() as counts:
        THERE.T[:1].reshape(-1).view(3, 1)
    assert counts.kernels == 0
    with counting() as counts:
        (THERE + 1).exp_()
        THERE.clone().copy_(THERE)
    assert counts.kernels == 4 and counts.kernel_names["aten.exp_"] == 1


@pytest.mark.parametrize(
    "mix",
    [
        lambda: THERE + HERE,
        lambda: HERE[torch.tensor([0], device=DEVICE)],
        lambda: torch.randn(3, device=DEVICE, generator=torch.Generator()),
        lambda: torch.where(HERE > 0, THERE, 0.0),
        lambda: torch.cat([THERE, HERE]),
    ],
    ids=["a sum", "indices from there", "a generator of the host", "a choice by the host", "rows side by side"],
)
def test_what_lies_in_two_places_is_refused(mix: Callable[[], Tensor]) -> None:
    with pytest.raises(RuntimeError, match=r"expected|indices should be"):
        mix()


def test_numbers_and_derivatives_are_those_of_the_host() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(2, 3)
    here = torch.func.functional_call(layer, dict(layer.named_parameters()), HERE).tanh().sum()
    expected = torch.autograd.grad(here, layer.weight)[0]
    layer.to(DEVICE)
    there = layer(HERE.to(DEVICE)).tanh().sum()
    assert float(there.detach()) == float(here.detach())
    assert torch.equal(torch.autograd.grad(there, layer.weight)[0].cpu(), expected)


def test_counts_end_with_their_block_and_may_be_nested() -> None:
    with counting() as outer:
        with counting() as inner:
            float(THERE.sum())
        float(THERE.sum())
    float(THERE.sum())
    assert (len(outer.waits), len(inner.waits)) == (2, 1)
