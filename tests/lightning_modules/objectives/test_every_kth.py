"""A sample of a network's rows: the loss of those rows, and the same ones however processes share them."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lightning_modules.objectives import GraphObjective, NetworkObjective, Objective, Reduction, this_process
from lightning_modules.objectives.every_kth import every_kth
from lightning_modules.objectives.families import Gaussian
from tests.lightning_modules.objectives.network_cases import make_case
from tests.lightning_modules.processes import in_processes

CASE = make_case((3, 4, 2), loss="gaussian", rows=22, l2=0.1, seed=3)
SHARES = (slice(0, 5), slice(5, 5), slice(5, 22))


def made(kind: str, rows: slice = slice(None), reduction: Reduction = this_process) -> Any:
    if kind == "dense":
        return CASE.objective(rows, reduction=reduction)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    return GraphObjective(module, Gaussian(2), CASE.features[rows], CASE.targets[rows], 0.1, reduction)


def answers(objective: Objective, theta: torch.Tensor) -> list[torch.Tensor]:
    point = objective.point(theta)
    curvature = point.curvature("ggn")
    unit = torch.tensor(objective.unit, dtype=torch.float64)
    return [point.value, point.gradient, curvature.diagonal(), curvature.form(theta[None]), unit]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(1, 12))
def test_the_processes_hold_every_kth_row_between_them(counts: list[int], k: int) -> None:
    rows, start, found = list(range(sum(counts))), 0, []
    for rank, count in enumerate(counts):
        own, sizes = every_kth(counts, rank, k)
        found.append(rows[start : start + count][own])
        start += count
        assert sizes[rank] == len(found[-1])
    assert [row for part in found for row in part] == rows[::k]


@pytest.mark.parametrize("kind", ["dense", "graph"])
def test_it_is_the_loss_of_those_rows(kind: str) -> None:
    theta, whole = CASE.vector(), made(kind)
    before = answers(whole, theta)
    sample, alone = whole.every_kth(4), made(kind, slice(None, None, 4))
    assert sample.num_rows == 6
    for found, expected in zip(answers(sample, theta), answers(alone, theta), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    for found, expected in zip(answers(whole, theta), before, strict=True):
        assert torch.equal(found, expected), "the whole loss is what it was"


@pytest.mark.parametrize("kind", ["dense", "graph"])
def test_processes_take_the_rows_that_one_takes(kind: str) -> None:
    theta = CASE.vector()
    expected = answers(made(kind).every_kth(4), theta)

    def work(rank: int, reduction: Reduction) -> list[torch.Tensor]:
        return answers(made(kind, SHARES[rank], reduction).every_kth(4), theta)

    for of_rank in in_processes(3, work):
        for found, value in zip(of_rank, expected, strict=True):
            torch.testing.assert_close(found, value, rtol=1e-12, atol=1e-14)


def test_a_sample_is_still_of_the_same_kind() -> None:
    sample = made("dense").as_sample().every_kth(2)
    assert isinstance(sample, NetworkObjective) and sample.is_sample and sample.is_redundant
