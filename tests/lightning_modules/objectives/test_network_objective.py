"""Closed forms of dense networks against automatic differentiation, whatever their shape."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import functional_call
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.testing import assert_close

from lightning_modules.objectives import NetworkObjective, Objective, hessian_diagonal, network_objective
from lightning_modules.objectives.families import AbsoluteError, PseudoHuber
from tests.lightning_modules.objectives.network_cases import (
    CURVED,
    DEEP,
    LINEAR,
    LOSSES,
    POINT_QUERIES,
    PRODUCTS,
    SMOOTH,
    NetworkCase,
    assert_relatively_close,
    draw_case,
    make_case,
    query_everything,
    torch_loss,
)

seeds = given(seed=st.integers(0, 10**6))
each_smooth = pytest.mark.parametrize("activation", SMOOTH)
each_loss = pytest.mark.parametrize("loss", LOSSES)
each_kind = pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])


def few(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, derandomize=True)


def assert_all_equal_the_defaults(case: NetworkCase) -> None:
    objective, theta, v, span = case.objective(), case.vector(), case.vector(), case.vector(3)
    for name in POINT_QUERIES:
        assert_relatively_close(getattr(objective, name)(theta), getattr(Objective, name)(objective, theta), (name, str(case)))
    for name in PRODUCTS:
        expected = getattr(Objective, name)(objective, theta, v)
        assert_relatively_close(getattr(objective, name)(theta, v), expected, (name, str(case)))
    form = span @ Objective.ggn(objective, theta) @ span.T
    assert_relatively_close(objective.ggn_form(theta, span), form, ("ggn_form", str(case)))
    value, gradient = objective.value_and_gradient(theta)
    assert_relatively_close(value, objective.value(theta), ("value", str(case)))
    assert torch.equal(gradient, objective.gradient(theta))


# -- The loss itself ----------------------------------------------------------------------------------------------


@seeds
@few(40)
def test_the_value_is_that_of_the_network_and_torchs_loss(seed: int) -> None:
    """All oracles below start from `value`, so it has to be right by code that shares nothing with it."""
    case = draw_case(seed)
    theta, names = case.vector(), dict(case.network.named_parameters())
    parts = theta.split([p.numel() for p in names.values()])
    parameters = {name: part.view_as(names[name]) for name, part in zip(names, parts, strict=True)}
    outputs = functional_call(case.network, parameters, (case.features,))
    penalty = sum(((w**2).sum() for name, w in parameters.items() if name.endswith("weight")), theta.new_zeros(()))
    expected = torch_loss(case.loss, outputs, case.targets) / len(case.features) + case.l2 / 2 * penalty
    objective = case.objective()
    assert_relatively_close(objective.outputs(theta), outputs, str(case), 1e-13)
    assert_relatively_close(objective.value(theta), expected, str(case), 1e-12)
    split = objective.output_loss(objective.outputs(theta)) + objective.penalty(theta)
    assert_relatively_close(objective.value(theta), split, str(case), 1e-13)


def test_parameters_are_laid_out_as_the_networks_own_which_are_never_read() -> None:
    case = make_case((3, 4, 2), loss="categorical", l2=0.3)
    network, objective, theta = case.network.double(), case.objective(), case.vector()
    before = objective.value_and_gradient(theta)
    vector_to_parameters(theta, network.parameters())
    loss = torch_loss(case.loss, network(case.features), case.targets) / len(case.features)
    (loss + 0.15 * sum(layer.weight.square().sum() for layer in network.layers)).backward()
    assert_close(before[0], objective.value(theta), rtol=0, atol=0)
    assert_close(before[1], parameters_to_vector([p.grad for p in network.parameters()]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", ["categorical", "squared", "bernoulli", "pseudo_huber"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus"])
@each_kind
def test_derivatives_agree_with_finite_differences(activation: str, loss: str, residual: bool) -> None:
    """(f(θ + hv) − f(θ − hv)) / 2h has an error of order h² and a rounding of order ε/h."""
    case = make_case((3, 3, 3, 2), activation, "tanh", loss, residual=residual, l2=0.1)
    objective, theta, v, h = case.objective(), 0.5 * case.vector(), case.vector(), 1e-5
    slope = (objective.value(theta + h * v) - objective.value(theta - h * v)) / (2 * h)
    change = (objective.gradient(theta + h * v) - objective.gradient(theta - h * v)) / (2 * h)
    assert_close(objective.gradient(theta) @ v, slope, rtol=1e-6, atol=1e-8)
    assert_close(objective.hessian_vector_product(theta, v), change, rtol=1e-5, atol=1e-7)


# -- Closed forms against the defaults ----------------------------------------------------------------------------


@seeds
@few(50)
def test_closed_forms_equal_the_defaults(seed: int) -> None:
    assert_all_equal_the_defaults(draw_case(seed))


@each_smooth
@each_loss
@each_kind
def test_every_activation_under_every_loss(activation: str, loss: str, residual: bool) -> None:
    case = make_case((3, 3, 3, 2), activation, "identity", loss, residual=residual, rows=3, l2=0.2)
    assert_all_equal_the_defaults(case)


@pytest.mark.parametrize("output_activation", SMOOTH)
@pytest.mark.parametrize("widths", [(2, 3), (1, 1), (2, 2, 2, 2), (1, 1, 1, 1, 1, 1, 1)], ids=str)
def test_every_output_activation_on_shallow_and_deep_networks(output_activation: str, widths: tuple[int, ...]) -> None:
    for loss in ("gaussian", "categorical"):
        assert_all_equal_the_defaults(make_case(widths, "tanh", output_activation, loss, rows=2, l2=0.1))


@each_loss
def test_a_single_row_and_many_outputs(loss: str) -> None:
    assert_all_equal_the_defaults(make_case((2, 3, 6), "softplus", "tanh", loss, rows=1))


@pytest.mark.parametrize("name", ["hessian", "ggn"])
def test_matrices_are_symmetric_and_the_gauss_newton_one_is_semidefinite(name: str) -> None:
    case = make_case((3, 4, 3, 2), loss="categorical", rows=9)
    matrix = getattr(case.objective(), name)(case.vector())
    assert_close(matrix, matrix.T, rtol=0, atol=1e-15)
    smallest, largest = torch.linalg.eigvalsh(matrix)[[0, -1]]
    if name == "ggn":
        assert smallest >= -1e-13 * largest
    else:
        assert smallest < -1e-4 * largest, "negative control: a network's Hessian is indefinite somewhere"


@pytest.mark.parametrize("columns_at_a_time", [1, 7, 1000])
def test_the_hessian_does_not_depend_on_how_many_columns_are_formed_at_a_time(columns_at_a_time: int) -> None:
    case = make_case(DEEP, rows=3)
    objective, theta = case.objective(), case.vector()
    expected = objective.hessian(theta)
    objective.columns_at_a_time = columns_at_a_time
    assert_relatively_close(objective.hessian(theta), expected, tolerance=1e-13)


def test_defaults_may_be_asked_for_first() -> None:
    case = make_case((3, 4, 2), rows=5, l2=0.1)
    objective, theta = case.objective(), case.vector()
    expected = [Objective.hessian(objective, theta), Objective.ggn(objective, theta)]
    assert_relatively_close(objective.hessian(theta), expected[0])
    assert_relatively_close(objective.ggn(theta), expected[1])


# -- Blocks of layers ---------------------------------------------------------------------------------------------


@each_loss
@each_kind
def test_the_blocks_are_those_of_the_gauss_newton_matrix(loss: str, residual: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case((3, 4, 4, 2), loss=loss, residual=residual, rows=7, l2=0.2)
    objective, theta = case.objective(), case.vector()
    ggn, start = Objective.ggn(objective, theta), 0
    blocks = objective.ggn_blocks(theta)
    assert [len(block) for block in blocks[:2]] == [16, 20]
    for block in blocks:
        own = slice(start, start + len(block))
        assert_relatively_close(block, ggn[own, own])
        start += len(block)
    assert start == len(theta)
    monkeypatch.setattr(network_objective, "JACOBIAN_NUMBERS", 1)
    for chunked, block in zip(case.objective().ggn_blocks(theta), blocks, strict=True):
        assert_relatively_close(chunked, block, tolerance=1e-12)


def test_blocks_of_layers_are_not_the_whole_matrix() -> None:
    """Negative control: what couples the layers is not small."""
    case = make_case((3, 4, 2), rows=7)
    objective, theta = case.objective(), case.vector()
    ggn = objective.ggn(theta)
    assert (torch.block_diag(*objective.ggn_blocks(theta)) - ggn).norm() > 0.1 * ggn.norm()


def test_blocks_that_do_not_fit_are_refused_with_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case((784, 512, 128, 2), rows=2)
    with pytest.raises(ValueError, match=r"401920, 65664, 258 parameters take 1,235\.7 GiB, more than 4 GiB: use ggn_diagonal"):
        case.objective().ggn_blocks(case.vector())
    small = make_case((1, 1), rows=2)
    monkeypatch.setattr(network_objective, "BLOCKS_BYTES", 4 * 8)
    assert small.objective().ggn_blocks(small.vector())[0].shape == (2, 2)
    monkeypatch.setattr(network_objective, "BLOCKS_BYTES", 4 * 8 - 1)
    with pytest.raises(ValueError, match="GiB"):
        small.objective().ggn_blocks(small.vector())


# -- Piecewise linear networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", LINEAR)
@pytest.mark.parametrize("output_activation", LINEAR)
@each_kind
def test_the_diagonals_of_a_piecewise_linear_network_are_the_same(
    activation: str, output_activation: str, residual: bool
) -> None:
    case = make_case(DEEP, activation, output_activation, "categorical", residual=residual, rows=6, l2=0.1)
    objective, theta = case.objective(), case.vector()
    assert torch.equal(objective.hessian_diagonal(theta), objective.ggn_diagonal(theta))
    assert_relatively_close(Objective.hessian_diagonal(objective, theta), objective.ggn_diagonal(theta))


@pytest.mark.parametrize("activation", CURVED)
def test_the_diagonals_of_a_curved_network_are_not(activation: str) -> None:
    """Negative control: otherwise any answer to the first would pass for the second."""
    case = make_case((3, 4, 2), activation, rows=6)
    objective, theta = case.objective(), case.vector()
    hessian, ggn = objective.hessian_diagonal(theta), objective.ggn_diagonal(theta)
    assert (hessian - ggn).norm() > 1e-2 * ggn.norm()


@pytest.mark.parametrize(("activation", "output_activation"), [("relu", "tanh"), ("tanh", "relu")])
def test_one_curved_activation_is_enough_to_bend_the_network(activation: str, output_activation: str) -> None:
    assert_all_equal_the_defaults(make_case((3, 4, 3, 2), activation, output_activation, rows=4))


# -- The diagonal of the Hessian: rows carried along, and matrices when there are too many ------------------------


@pytest.fixture
def dense_crossings(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For every crossing of a layer: whether the terms born above are kept as a matrix."""
    dense: list[bool] = []
    cross = hessian_diagonal._BornAbove.cross

    def counted(self: Any, *arguments: Any) -> None:
        cross(self, *arguments)
        dense.append(self.matrix is not None)

    monkeypatch.setattr(hessian_diagonal._BornAbove, "cross", counted)
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
    assert_relatively_close(objective.hessian_diagonal(theta), Objective.hessian_diagonal(objective, theta))
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
    assert_relatively_close(objective.hessian_diagonal(theta), Objective.hessian_diagonal(objective, theta))
    assert sum(dense_crossings) >= 6


def test_two_hidden_layers_need_no_row_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, weight: Tensor, v: Tensor) -> None:
        raise AssertionError("the term born just above is one product for all rows")

    monkeypatch.setattr(hessian_diagonal._BornAbove, "add", refuse)
    for widths in ((3, 2), (3, 4, 2), (3, 4, 4, 2)):
        case = make_case(widths, "tanh", rows=4)
        objective, theta = case.objective(), case.vector()
        assert_relatively_close(objective.hessian_diagonal(theta), Objective.hessian_diagonal(objective, theta))


# -- Precision ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [torch.uint8, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("model", [torch.float32, torch.float64], ids=str)
def test_the_parameters_decide_the_precision(data: torch.dtype, model: torch.dtype) -> None:
    case = make_case((3, 4, 2), loss="squared", rows=9, l2=0.1)
    features = (3 * case.features.abs()).round().to(data)
    targets = case.targets if data == torch.uint8 else case.targets.to(data)
    objective = NetworkObjective(case.network, case.loss, features, targets, 0.1)
    theta, v = case.vector().to(model), case.vector().to(model)
    assert objective.value(theta).dtype == model
    exact = query_everything(objective, theta.double(), v.double())
    for value, expected in zip(query_everything(objective, theta, v), exact, strict=True):
        assert value.dtype == model
        assert_close(value, expected.to(model), rtol=1e-3, atol=1e-4)


# -- Losses without a curvature of their own ----------------------------------------------------------------------


def test_the_reweighted_curvature_is_above_the_exact_one_and_leaves_the_gradient_alone() -> None:
    case = make_case((3, 4, 2), loss="pseudo_huber", rows=8)
    case.targets = 3 * case.targets
    exact, theta = case.objective(), case.vector()
    case.loss = PseudoHuber(2, delta=0.5, reweighted=True)
    reweighted = case.objective()
    assert torch.equal(reweighted.value(theta), exact.value(theta))
    assert torch.equal(reweighted.gradient(theta), exact.gradient(theta))
    assert_relatively_close(reweighted.gradient(theta), Objective.gradient(exact, theta))
    difference = torch.linalg.eigvalsh(reweighted.ggn(theta) - exact.ggn(theta))
    assert difference[0] >= -1e-13 and difference[-1] > 0.1


def test_the_forms_of_the_reweighted_curvature_agree() -> None:
    """It is no derivative of the loss, so they are compared with each other instead of the defaults."""
    case = make_case((3, 3, 3, 2), "tanh", "tanh", rows=8, l2=0.1)
    case.loss = PseudoHuber(2, delta=0.5, reweighted=True)
    objective, theta, span = case.objective(), case.vector(), case.vector(3)
    ggn, hessian = objective.ggn(theta), objective.hessian(theta)
    assert_relatively_close(objective.ggn_vector_product(theta, span[0]), ggn @ span[0])
    assert_relatively_close(objective.ggn_diagonal(theta), ggn.diagonal())
    assert_relatively_close(objective.ggn_form(theta, span), span @ ggn @ span.T)
    assert_relatively_close(objective.hessian_vector_product(theta, span[0]), hessian @ span[0])
    assert_relatively_close(objective.hessian_diagonal(theta), hessian.diagonal())
    exact = case.objective()
    exact.loss = PseudoHuber(2, delta=0.5)
    bend = exact.hessian(theta) - exact.ggn(theta)
    assert_relatively_close(hessian - ggn, bend, "what the network's own bend adds does not depend on the loss's curvature")


def test_the_absolute_error_has_a_gradient_and_no_gauss_newton_curvature() -> None:
    case = make_case((3, 4, 2), rows=8, l2=0.3)
    case.loss = AbsoluteError(2)
    objective, theta = case.objective(), case.vector()
    assert_relatively_close(objective.gradient(theta), Objective.gradient(objective, theta))
    assert_relatively_close(objective.hessian(theta), Objective.hessian(objective, theta))
    assert_relatively_close(objective.hessian_diagonal(theta), Objective.hessian_diagonal(objective, theta))
    penalised = objective.weights_of(torch.ones_like(theta))
    assert torch.equal(objective.ggn_diagonal(theta), 0.3 * penalised)
    assert torch.equal(objective.ggn(theta), (0.3 * penalised).diag())


# -- The penalty --------------------------------------------------------------------------------------------------


def test_the_penalty_is_on_the_weights_of_every_layer_and_spares_the_biases() -> None:
    case = make_case((3, 4, 2), rows=6)
    theta, v = case.vector(), case.vector()
    free, penalised = case.objective(), case.objective(l2=0.7)
    mask = torch.cat([torch.ones(12), torch.zeros(4), torch.ones(8), torch.zeros(2)]).double()
    assert_close(penalised.value(theta), free.value(theta) + 0.35 * (mask * theta**2).sum())
    assert_close(penalised.gradient(theta), free.gradient(theta) + 0.7 * mask * theta)
    for name in ("hessian", "ggn"):
        assert_close(getattr(penalised, name)(theta), getattr(free, name)(theta) + (0.7 * mask).diag())
        diagonal, product = f"{name}_diagonal", f"{name}_vector_product"
        assert_close(getattr(penalised, diagonal)(theta), getattr(free, diagonal)(theta) + 0.7 * mask)
        assert_close(getattr(penalised, product)(theta, v), getattr(free, product)(theta, v) + 0.7 * mask * v)
