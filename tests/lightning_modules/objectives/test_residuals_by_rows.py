"""Residuals that are given for a row, against the same residuals for all rows."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import LeastSquares
from lightning_modules.objectives import residual_curvature as module
from lightning_modules.optimizers import minimise
from tests.lightning_modules.objectives.queries import ask

T = torch.linspace(0, 4, 50, dtype=torch.float64)
Y = 2.5 * torch.exp(-1.3 * T) + 0.05 * torch.sin(20 * T)
QUERIES = ("value", "gradient", "hessian", "hessian_diagonal", "ggn", "ggn_diagonal")


def whole(theta: Tensor) -> Tensor:
    return theta[0] * torch.exp(-theta[1] * T) - Y


def of_row(theta: Tensor, row: tuple[Tensor, Tensor]) -> Tensor:
    return theta[0] * torch.exp(-theta[1] * row[0]) - row[1]


def of_stacked_row(theta: Tensor, row: Tensor) -> Tensor:
    return of_row(theta, (row[0], row[1]))


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "not kept"])
@pytest.mark.parametrize(
    "objective", [LeastSquares(of_row, rows=(T, Y)), LeastSquares(of_stacked_row, rows=torch.stack([T, Y], 1))]
)
def test_they_are_the_same_loss(objective: LeastSquares, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHE_NUMBERS", 14)  # seven rows at a time
    if not kept:
        monkeypatch.setattr(module, "KEPT_BYTES", 0)
    theta = torch.tensor([2.0, 1.0], dtype=torch.float64)
    objective.forget()
    found, expected = objective.at(theta), LeastSquares(whole).at(theta)
    for query in QUERIES:
        assert_close(ask(found, query), ask(expected, query), rtol=1e-12, atol=1e-14)
    v = torch.tensor([0.3, -0.7], dtype=torch.float64)
    for kind in ("hessian", "ggn"):
        assert_close(found.curvature(kind).product(v), expected.curvature(kind).product(v), rtol=1e-12, atol=1e-14)
        assert_close(found.curvature(kind).scale(), expected.curvature(kind).scale(), rtol=1e-12, atol=1e-14)


def test_a_fit_ends_where_the_other_does() -> None:
    start = torch.ones(2, dtype=torch.float64)
    found, expected = (minimise(loss, start) for loss in (LeastSquares(of_row, rows=(T, Y)), LeastSquares(whole)))
    assert found.status == expected.status == "converged"
    assert_close(found.theta, expected.theta, rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([1.0, 2.0], r"LeastSquares\(rows\) got list: give a tensor"),
        (torch.ones(0, 2), r"got \(0, 2\): give a tensor"),
        ((torch.ones(3), torch.ones(4)), r"got \(3,\), \(4,\): give a tensor"),
        ((), "got nothing: give a tensor"),
    ],
)
def test_what_are_no_rows_is_refused(rows: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LeastSquares(of_row, rows=rows)


@pytest.mark.parametrize(
    "function",
    [
        lambda theta, t: theta[0] * t.item(),
        lambda theta, t: theta[0] * t if t > 0 else theta[1] * t,
        lambda theta, t: theta[0] * torch.rand(()),
        lambda theta, t: None,
    ],
    ids=["number", "branch", "random", "nothing"],
)
def test_what_cannot_be_called_for_many_rows_is_told_in_one_line(function: Any) -> None:
    with pytest.raises(ValueError, match=r"torch\.vmap calls it for many rows at once.*without rows=") as refusal:
        minimise(LeastSquares(function, rows=T), torch.ones(2, dtype=torch.float64))
    assert len(str(refusal.value).splitlines()) == 1
