"""The diagonal of a network's Hessian, whatever is carried down its layers."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.objectives import Point
from lightning_modules.objectives.layered import hessian_diagonal
from tests.lightning_modules.objectives.network_cases import CURVED, DEEP, LINEAR, assert_relatively_close, make_case

each_kind = pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])


# -- Piecewise linear networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", LINEAR)
@pytest.mark.parametrize("output_activation", LINEAR)
@each_kind
def test_the_diagonals_of_a_piecewise_linear_network_are_the_same(
    activation: str, output_activation: str, residual: bool
) -> None:
    case = make_case(DEEP, activation, output_activation, "categorical", residual=residual, rows=6, l2=0.1)
    objective, theta = case.objective(), case.vector()
    assert torch.equal(objective.at(theta).curvature("hessian").diagonal(), objective.at(theta).curvature("ggn").diagonal())
    assert_relatively_close(
        Point(objective, theta).curvature("hessian").diagonal(), objective.at(theta).curvature("ggn").diagonal()
    )


@pytest.mark.parametrize("activation", CURVED)
def test_the_diagonals_of_a_curved_network_are_not(activation: str) -> None:
    """Negative control: otherwise any answer to the first would pass for the second."""
    case = make_case((3, 4, 2), activation, rows=6)
    objective, theta = case.objective(), case.vector()
    hessian, ggn = objective.at(theta).curvature("hessian").diagonal(), objective.at(theta).curvature("ggn").diagonal()
    assert (hessian - ggn).norm() > 1e-2 * ggn.norm()


# -- Rows carried along, and matrices when there are too many -----------------------------------------------------


@pytest.fixture
def dense_crossings(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For every crossing of a layer: whether the terms born above are kept as a matrix."""
    dense: list[bool] = []
    cross = hessian_diagonal._HigherTerms.cross

    def counted(self: Any, *arguments: Any) -> None:
        cross(self, *arguments)
        dense.append(self.matrix is not None)

    monkeypatch.setattr(hessian_diagonal._HigherTerms, "cross", counted)
    return dense


@pytest.mark.parametrize(
    ("widths", "as_matrix"),
    [
        (DEEP, 2),
        ((4, 4, 4, 4, 4, 4, 2), 1),
        ((4, 4, 4, 4, 4, 2), 0),
        ((4, 4, 4, 2), 0),
        ((3,) * 9, 3),
        ((5, 6, 1, 1, 1, 1, 1, 2), 2),
        ((2, 3, 4, 5, 6, 7), 1),
        ((7, 6, 5, 4, 3, 2), 0),
    ],
    ids=str,
)
@each_kind
def test_the_diagonal_is_exact_whether_rows_or_matrices_are_carried(
    dense_crossings: list[bool], widths: tuple[int, ...], as_matrix: int, residual: bool
) -> None:
    """Every hidden layer's rows join those of the layers above it; beyond two widths of them a matrix takes over."""
    residual = residual and any(a == b for a, b in pairwise(widths[:-1]))
    case = make_case(widths, "tanh", residual=residual, rows=4)
    objective, theta = case.objective(), case.vector()
    assert_relatively_close(
        objective.at(theta).curvature("hessian").diagonal(), Point(objective, theta).curvature("hessian").diagonal()
    )
    assert sum(dense_crossings) == as_matrix


@pytest.mark.parametrize("output_activation", CURVED)
@pytest.mark.parametrize("activation", CURVED)
@each_kind
def test_matrices_that_take_in_more_rows_on_their_way_down(
    dense_crossings: list[bool], activation: str, output_activation: str, residual: bool
) -> None:
    """Twelve layers: the matrix is made, crosses, and is added to three times."""
    case = make_case((3,) * 13, activation, output_activation, "categorical", residual=residual, rows=3, l2=0.1)
    objective, theta = case.objective(), case.vector()
    assert_relatively_close(
        objective.at(theta).curvature("hessian").diagonal(), Point(objective, theta).curvature("hessian").diagonal()
    )
    assert sum(dense_crossings) >= 6


def test_two_hidden_layers_need_no_row_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, weight: Tensor, v: Tensor) -> None:
        raise AssertionError("the term born just above is one product for all rows")

    monkeypatch.setattr(hessian_diagonal._HigherTerms, "add", refuse)
    for widths in ((3, 2), (3, 4, 2), (3, 4, 4, 2)):
        case = make_case(widths, "tanh", rows=4)
        objective, theta = case.objective(), case.vector()
        assert_relatively_close(
            objective.at(theta).curvature("hessian").diagonal(), Point(objective, theta).curvature("hessian").diagonal()
        )
