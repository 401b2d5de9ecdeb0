"""Of how many rows of a mini-batch a method takes in the curvature."""

from functools import partial
from typing import Any

import pytest
import torch
from torch.nn import Parameter

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import GLMObjective, NetworkObjective, Objective
from lightning_modules.objectives.families import Categorical, SquaredError
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton

NETWORK = DenseNetwork((4, 6, 3), "relu")
METHODS = [DiagonalNewton, KroneckerNewton]


def batch(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(rows)
    return torch.randn(rows, 4, dtype=torch.float64, generator=generator), torch.randint(3, (rows,), generator=generator)


def after_one_step(method: Any, objective: Objective, theta: torch.Tensor) -> tuple[Any, torch.Tensor]:
    """The method, and the averaged diagonal, which is the first sample's own."""
    parameter = Parameter(theta.clone())
    optimizer = method([parameter])

    def closure() -> torch.Tensor:
        point = objective.at(parameter)
        parameter.grad = point.gradient.clone()
        return point.value

    optimizer.step(closure, objective=objective)
    found = optimizer.curvature_diagonal()
    assert found is not None
    return optimizer, found


def parameters() -> torch.Tensor:
    size = sum(p.numel() for p in NETWORK.parameters())
    return torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("rows", "drawn"), [(63, None), (64, 32), (256, 32), (2048, 256)])
def test_of_a_classifier_rows_are_seen_in_proportion(method: Any, rows: int, drawn: int | None) -> None:
    """But by Kronecker Newton what the inputs of layers are like, in all rows."""
    theta, whole = parameters(), NetworkObjective(NETWORK, Categorical(3), *batch(rows)).as_sample()
    point = whole.point(theta)
    some = whole.in_proportion(point, drawn, seed=1) if drawn else point
    assert some is not None
    curvature = some.curvature("ggn")
    expected = curvature.diagonal()
    if method is KroneckerNewton:
        expected = (point.curvature("ggn").kronecker_of(some) if drawn else curvature.kronecker()).matrix().diagonal()
    _, found = after_one_step(method, whole, theta)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("rows", "k"), [(127, 1), (128, 2), (256, 4), (2048, 4)])
def test_where_all_bend_alike_diagonal_newton_sees_every_kth_row_if_64_are_left(method: Any, rows: int, k: int) -> None:
    k = 1 if method is KroneckerNewton else k
    x, _ = batch(rows)
    y, theta = x[:, :3] + 1, parameters()
    whole = NetworkObjective(NETWORK, SquaredError(3), x, y).as_sample()
    some = NetworkObjective(NETWORK, SquaredError(3), x[::k], y[::k])
    curvature = some.point(theta).curvature("ggn")
    expected = curvature.diagonal()
    if method is KroneckerNewton:
        expected = curvature.kronecker().matrix().diagonal()
    _, found = after_one_step(method, whole, theta)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    if k > 1:
        of_all = NetworkObjective(NETWORK, SquaredError(3), x, y).point(theta).curvature("ggn").diagonal()
        assert not torch.allclose(found, of_all, rtol=1e-3), "negative control"


def test_of_a_hessian_every_fourth_row() -> None:
    """Its other part is not in proportion to how much a row's loss bends."""
    network = DenseNetwork((4, 6, 3), "tanh")
    (x, y), theta = batch(256), parameters()
    whole = NetworkObjective(network, Categorical(3), x, y).as_sample()
    _, found = after_one_step(partial(DiagonalNewton, curvature="hessian"), whole, theta)
    some = NetworkObjective(network, Categorical(3), x[::4], y[::4])
    torch.testing.assert_close(found, some.point(theta).curvature("hessian").diagonal().abs(), rtol=1e-9, atol=1e-12)


def test_of_a_linear_model_all_rows() -> None:
    """Its curvature costs no more than its gradient, and its steps are not damped by a root."""
    x, y = batch(256)
    objective = GLMObjective(Categorical(3), x, y, 0.1)
    theta = torch.zeros(15, dtype=torch.float64)
    _, found = after_one_step(DiagonalNewton, objective.as_sample(), theta)
    torch.testing.assert_close(found, objective.at(theta).curvature("hessian").diagonal(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("method", METHODS)
def test_rows_of_many_outputs_are_drawn_and_it_is_said(method: Any) -> None:
    """40 outputs are more sweeps than 8 draws, or 2."""
    x = torch.randn(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    network = DenseNetwork((4, 6, 40), "relu")
    theta = torch.randn(
        sum(p.numel() for p in network.parameters()), dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    whole = NetworkObjective(network, SquaredError(40), x, torch.zeros(20, 40, dtype=torch.float64)).as_sample()
    number = 2 if method is KroneckerNewton else 8
    curvature = whole.drawn(number, seed=1).point(theta).curvature("ggn")
    expected = curvature.kronecker().matrix().diagonal() if method is KroneckerNewton else curvature.diagonal()
    optimizer, found = after_one_step(method, whole, theta)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert optimizer.draws.number == number and "40 outputs" in optimizer.draws.instead_of
