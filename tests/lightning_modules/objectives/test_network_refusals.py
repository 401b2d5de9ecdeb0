"""Rows and losses that do not fit a network, and activations that have no Hessian: refused."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.networks import DenseNetwork, make_activation
from lightning_modules.objectives import NetworkObjective, Point
from lightning_modules.objectives.families import AbsoluteError, Bernoulli, Categorical, PseudoHuber, SquaredError
from tests.lightning_modules.objectives.network_cases import assert_relatively_close, make_case

X = torch.zeros(4, 3)


@pytest.mark.parametrize(
    ("loss", "widths", "features", "targets", "cause", "remedy"),
    [
        (SquaredError(1), (2, 1), X, torch.zeros(4), r"\(4, 3\), the network takes rows of 2", "make the first width"),
        (SquaredError(1), (3, 1), X[None], torch.zeros(1), r"shape \(1, 4, 3\)", "rows of 3 features"),
        (SquaredError(1), (3, 1), X, torch.zeros(5), "4 rows of features but 5 targets", "row by row"),
        (SquaredError(1), (3, 1), X, torch.zeros(4, 1, 1), r"shape \(4, 1, 1\).*\(rows, 1\)", r"\(rows, 1\)"),
        (SquaredError(1), (3, 1), X, torch.zeros(4, 2), r"shape \(4, 2\).*\(rows, 1\)", "set its number of outputs to 2"),
        (SquaredError(2), (3, 2), X, torch.zeros(4), r"shape \(4, 1\).*\(rows, 2\)", "set its number of outputs to 1"),
        (AbsoluteError(1), (3, 1), X, torch.zeros(4, 4), r"shape \(4, 4\)", "set its number of outputs to 4"),
        (PseudoHuber(1), (3, 1), X, torch.arange(4), "class labels", "loss='cross_entropy'"),
        (SquaredError(1), (3, 1), X, torch.full((4,), torch.nan), "4 targets are not finite", "remove those rows"),
        (Categorical(3), (3, 3), X, torch.tensor([0, 1, 2, 3]), r"1 of 4 labels lie outside 0 … 2", "num_classes"),
        (Categorical(3), (3, 3), X, torch.tensor([0, -1, 2, 0]), "found -1 … 2", "count labels from 0"),
        (Categorical(3), (3, 3), X, torch.zeros(4), "real numbers", "use"),
        (Bernoulli(), (3, 1), X, torch.tensor([0, 1, 2, 0]), "neither 0 nor 1", "use"),
        (Categorical(3), (3, 2), X, torch.tensor([0, 1, 2, 0]), "network has 2 outputs, the loss takes 3", "last width 3"),
        (SquaredError(2), (3, 1), X, torch.zeros(4, 2), "network has 1 outputs, the loss takes 2", "last width 2"),
        (SquaredError(1), (3, 1), X[:0], torch.zeros(0), "not a single row", "row"),
    ],
)
def test_what_does_not_fit_is_refused_with_cause_and_remedy(
    loss: Any, widths: tuple[int, ...], features: Tensor, targets: Tensor, cause: str, remedy: str
) -> None:
    with pytest.raises(ValueError, match=cause) as refusal:
        NetworkObjective(DenseNetwork(widths), loss, features, targets)
    refusal.match(remedy)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("activation", "output_activation"), [("sign", "identity"), ("tanh", "sign")])
def test_an_activation_that_jumps_has_no_hessian_but_a_gauss_newton_matrix(activation: str, output_activation: str) -> None:
    case = make_case((3, 4, 2), activation, output_activation, rows=5)
    objective, theta, v = case.objective(), case.vector(), case.vector()
    queries: list[Callable[[], Tensor]] = [
        lambda: objective.at(theta).curvature("hessian").matrix(),
        lambda: objective.at(theta).curvature("hessian").diagonal(),
        lambda: objective.at(theta).curvature("hessian").product(v),
    ]
    for query in queries:
        with pytest.raises(ValueError, match=r"Sign jumps, so the loss has no Hessian: choose another activation, tanh"):
            query()
    assert_relatively_close(objective.at(theta).gradient, Point(objective, theta).gradient)
    assert_relatively_close(objective.at(theta).curvature("ggn").matrix(), Point(objective, theta).curvature("ggn").matrix())
    assert_relatively_close(
        objective.at(theta).curvature("ggn").diagonal(), Point(objective, theta).curvature("ggn").diagonal()
    )
    assert not make_activation("sign").twice_differentiable
