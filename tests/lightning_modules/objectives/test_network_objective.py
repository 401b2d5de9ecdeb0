"""Closed forms of dense networks against automatic differentiation, whatever their shape."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.testing import assert_close

from lightning_modules.objectives import NetworkObjective, Point
from tests.lightning_modules.objectives.network_cases import (
    DEEP,
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
from tests.lightning_modules.objectives.queries import ask, first_order

seeds = given(seed=st.integers(0, 10**6))
each_smooth = pytest.mark.parametrize("activation", SMOOTH)
each_loss = pytest.mark.parametrize("loss", LOSSES)
each_kind = pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])


def few(examples: int) -> settings:
    return settings(max_examples=examples, derandomize=True)


def assert_all_equal_the_defaults(case: NetworkCase) -> None:
    objective, theta, v, span = case.objective(), case.vector(), case.vector(), case.vector(3)
    for name in POINT_QUERIES:
        assert_relatively_close(ask(objective.at(theta), name), ask(Point(objective, theta), name), (name, str(case)))
    for name in PRODUCTS:
        expected = ask(Point(objective, theta), name, v)
        assert_relatively_close(ask(objective.at(theta), name, v), expected, (name, str(case)))
    form = span @ Point(objective, theta).curvature("ggn").matrix() @ span.T
    assert_relatively_close(objective.at(theta).curvature("ggn").form(span), form, ("ggn_form", str(case)))
    value, gradient = first_order(objective.at(theta))
    assert_relatively_close(value, objective.value(theta), ("value", str(case)))
    assert torch.equal(gradient, objective.at(theta).gradient)


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
    before = first_order(objective.at(theta))
    vector_to_parameters(theta, network.parameters())
    loss = torch_loss(case.loss, network(case.features), case.targets) / len(case.features)
    (loss + 0.15 * sum(layer.weight.square().sum() for layer in network.layers)).backward()
    assert_close(before[0], objective.value(theta), rtol=1e-14, atol=0)
    assert_close(before[1], parameters_to_vector([p.grad for p in network.parameters()]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", ["categorical", "squared", "bernoulli", "pseudo_huber"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus"])
@each_kind
def test_derivatives_agree_with_finite_differences(activation: str, loss: str, residual: bool) -> None:
    """(f(θ + hv) − f(θ − hv)) / 2h has an error of order h² and a rounding of order ε/h."""
    case = make_case((3, 3, 3, 2), activation, "tanh", loss, residual=residual, l2=0.1)
    objective, theta, v, h = case.objective(), 0.5 * case.vector(), case.vector(), 1e-5
    slope = (objective.value(theta + h * v) - objective.value(theta - h * v)) / (2 * h)
    change = (objective.at(theta + h * v).gradient - objective.at(theta - h * v).gradient) / (2 * h)
    assert_close(objective.at(theta).gradient @ v, slope, rtol=1e-6, atol=1e-8)
    assert_close(objective.at(theta).curvature("hessian").product(v), change, rtol=1e-5, atol=1e-7)


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


@pytest.mark.parametrize(("activation", "output_activation"), [("relu", "tanh"), ("tanh", "relu")])
def test_one_curved_activation_is_enough_to_bend_the_network(activation: str, output_activation: str) -> None:
    assert_all_equal_the_defaults(make_case((3, 4, 3, 2), activation, output_activation, rows=4))


@each_loss
def test_a_single_row_and_many_outputs(loss: str) -> None:
    assert_all_equal_the_defaults(make_case((2, 3, 6), "softplus", "tanh", loss, rows=1))


@pytest.mark.parametrize("name", ["hessian", "ggn"])
def test_matrices_are_symmetric_and_the_gauss_newton_one_is_semidefinite(name: str) -> None:
    case = make_case((3, 4, 3, 2), loss="categorical", rows=9)
    matrix = ask(case.objective().at(case.vector()), name)
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
    expected = objective.at(theta).curvature("hessian").matrix()
    objective.columns_at_a_time = columns_at_a_time
    assert_relatively_close(objective.at(theta).curvature("hessian").matrix(), expected, tolerance=1e-13)


def test_defaults_may_be_asked_for_first() -> None:
    case = make_case((3, 4, 2), rows=5, l2=0.1)
    objective, theta = case.objective(), case.vector()
    expected = [Point(objective, theta).curvature("hessian").matrix(), Point(objective, theta).curvature("ggn").matrix()]
    assert_relatively_close(objective.at(theta).curvature("hessian").matrix(), expected[0])
    assert_relatively_close(objective.at(theta).curvature("ggn").matrix(), expected[1])


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


# -- The penalty --------------------------------------------------------------------------------------------------


def test_the_penalty_is_on_the_weights_of_every_layer_and_spares_the_biases() -> None:
    case = make_case((3, 4, 2), rows=6)
    theta, v = case.vector(), case.vector()
    free, penalised = case.objective(), case.objective(l2=0.7)
    mask = torch.cat([torch.ones(12), torch.zeros(4), torch.ones(8), torch.zeros(2)]).double()
    assert_close(penalised.value(theta), free.value(theta) + 0.35 * (mask * theta**2).sum())
    assert_close(penalised.at(theta).gradient, free.at(theta).gradient + 0.7 * mask * theta)
    for name in ("hessian", "ggn"):
        assert_close(ask(penalised.at(theta), name), ask(free.at(theta), name) + (0.7 * mask).diag())
        diagonal, product = f"{name}_diagonal", f"{name}_product"
        assert_close(ask(penalised.at(theta), diagonal), ask(free.at(theta), diagonal) + 0.7 * mask)
        assert_close(ask(penalised.at(theta), product, v), ask(free.at(theta), product, v) + 0.7 * mask * v)
