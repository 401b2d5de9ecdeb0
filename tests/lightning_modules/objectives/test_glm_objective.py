"""Closed forms of generalised linear models against automatic differentiation."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective, Point
from lightning_modules.objectives.families import Bernoulli, Family
from tests.lightning_modules.objectives.cases import CASES, FAMILIES, Case, random_targets, torch_losses
from tests.lightning_modules.objectives.queries import ask, first_order
from tests.lightning_modules.optimizers.fitting import normal

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
POINT_METHODS = ("gradient", "hessian", "hessian_diagonal", "ggn", "ggn_diagonal")


def assert_relatively_close(actual: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    assert actual.shape == expected.shape
    assert (actual - expected).norm() <= tolerance * expected.norm() + 1e-300


# -- Closed forms -------------------------------------------------------------------------------------------------


@each_case
@pytest.mark.parametrize("name", POINT_METHODS)
def test_closed_form_equals_the_default(case: Case, name: str):
    objective, theta = case.objective(), case.theta()
    assert_relatively_close(ask(objective.at(theta), name), ask(Point(objective, theta), name))


@each_case
@pytest.mark.parametrize("name", ["hessian_product", "ggn_product"])
def test_product_equals_the_default(case: Case, name: str):
    objective, theta, v = case.objective(), case.theta(), case.theta(1)
    assert_relatively_close(ask(objective.at(theta), name, v), ask(Point(objective, theta), name, v))


@each_case
def test_value_and_gradient_agree_with_their_parts(case: Case):
    objective, theta = case.objective(), case.theta()
    value, gradient = first_order(objective.at(theta))
    default_value, default_gradient = first_order(Point(objective, theta))
    assert_close(value, objective.value(theta), rtol=1e-14, atol=0)
    assert_close(value, default_value, rtol=1e-14, atol=0)
    assert_relatively_close(gradient, default_gradient)


@each_case
def test_value_is_its_split(case: Case):
    objective, theta = case.objective(), case.theta()
    split = objective.output_loss(objective.outputs(theta)) + objective.penalty(theta)
    assert_close(objective.value(theta), split, rtol=1e-13, atol=0)


@each_case
def test_derivatives_agree_with_finite_differences(case: Case):
    """(f(θ + hv) − f(θ − hv)) / 2h has an error of order h² and a rounding of order ε/h."""
    objective, theta, v, h = case.objective(), case.theta(), case.theta(1), 1e-5
    slope = (objective.value(theta + h * v) - objective.value(theta - h * v)) / (2 * h)
    change = (objective.at(theta + h * v).gradient - objective.at(theta - h * v).gradient) / (2 * h)
    assert_close(objective.at(theta).gradient @ v, slope, rtol=1e-7, atol=1e-8)
    assert_close(objective.at(theta).curvature("hessian").product(v), change, rtol=1e-6, atol=1e-8)


@each_case
def test_parameters_are_laid_out_as_in_torchs_linear(case: Case):
    features, targets = case.data()
    linear = torch.nn.Linear(4, case.family.num_outputs, dtype=torch.float64)
    vector_to_parameters(case.theta(), linear.parameters())
    losses = torch_losses(case.family, linear(features), case.family.check(targets))
    value = losses.mean() + case.l2 / 2 * linear.weight.square().sum()
    value.backward()
    theta = parameters_to_vector(linear.parameters()).detach()
    objective = case.objective()
    assert_close(objective.value(theta), value.detach(), rtol=1e-13, atol=0)
    assert_close(objective.outputs(theta), linear(features).detach())
    assert_close(objective.at(theta).gradient, parameters_to_vector([p.grad for p in linear.parameters()]))


@each_case
def test_hessian_is_symmetric_and_positive_semidefinite(case: Case):
    hessian = case.objective().at(case.theta()).curvature("hessian").matrix()
    assert_close(hessian, hessian.T, rtol=0, atol=1e-14)
    eigenvalues = torch.linalg.eigvalsh(hessian)
    assert eigenvalues[0] >= -1e-13 * eigenvalues[-1]


@each_case
def test_penalty_adds_to_the_weights_and_spares_the_bias(case: Case):
    features, targets = case.data()
    free = GLMObjective(case.family, features, targets, chunk_rows=case.chunk_rows)
    penalised = GLMObjective(case.family, features, targets, l2=0.7, chunk_rows=case.chunk_rows)
    theta = case.theta()
    penalty = 0.7 * torch.cat([torch.ones(4 * case.family.num_outputs), torch.zeros(case.family.num_outputs)]).double()
    assert_close(penalised.value(theta), free.value(theta) + 0.5 * (penalty * theta**2).sum())
    assert_close(penalised.at(theta).gradient, free.at(theta).gradient + penalty * theta)
    assert_close(
        penalised.at(theta).curvature("hessian").matrix(), free.at(theta).curvature("hessian").matrix() + penalty.diag()
    )
    assert_close(penalised.at(theta).curvature("hessian").diagonal(), free.at(theta).curvature("hessian").diagonal() + penalty)


@each_family
@given(rows=st.integers(1, 40), chunk_rows=st.integers(1, 50), seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_chunks_change_nothing(family: Family, rows: int, chunk_rows: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(rows, 3, dtype=torch.float64, generator=generator)
    targets = random_targets(family, rows, generator)
    whole, chunked = (GLMObjective(family, features, targets, l2=0.1, chunk_rows=size) for size in (rows, chunk_rows))
    theta, v = torch.randn(2, 4 * family.num_outputs, dtype=torch.float64, generator=generator)
    assert_close(chunked.value(theta), whole.value(theta), rtol=1e-12, atol=1e-14)
    assert_close(chunked.at(theta).gradient, whole.at(theta).gradient, rtol=1e-12, atol=1e-13)
    assert_close(
        chunked.at(theta).curvature("hessian").matrix(), whole.at(theta).curvature("hessian").matrix(), rtol=1e-12, atol=1e-13
    )
    assert_close(
        chunked.at(theta).curvature("hessian").diagonal(),
        whole.at(theta).curvature("hessian").diagonal(),
        rtol=1e-12,
        atol=1e-13,
    )
    product = whole.at(theta).curvature("hessian").product(v)
    assert_close(chunked.at(theta).curvature("hessian").product(v), product, rtol=1e-12, atol=1e-13)


@each_family
@pytest.mark.parametrize("data", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("model", [torch.float32, torch.float64], ids=str)
def test_the_parameters_decide_the_precision(family: Family, data: torch.dtype, model: torch.dtype):
    generator = torch.Generator().manual_seed(0)
    features, targets = normal(9, 2).to(data), random_targets(family, 9, generator)
    objective = GLMObjective(family, features, targets.to(data) if targets.is_floating_point() else targets)
    theta = normal(3 * family.num_outputs).to(model)
    assert objective.value(theta).dtype == model
    assert objective.at(theta).curvature("hessian").product(theta).dtype == model
    for name in POINT_METHODS:
        if name.startswith("hessian") or name == "gradient":
            exact = ask(objective.at(theta.double()), name)
            assert_close(ask(objective.at(theta), name), exact.to(model), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("labels", [torch.tensor([0, 1]), torch.tensor([0.0, 1.0]).double()], ids=["int", "float"])
def test_binary_labels_may_be_integers_or_floats(labels: Tensor):
    objective, theta = GLMObjective(Bernoulli(), normal(2, 3), labels), normal(4, seed=1)
    reference = GLMObjective(Bernoulli(), normal(2, 3), torch.tensor([0, 1]))
    assert_close(objective.at(theta).gradient, reference.at(theta).gradient)


# -- Refusals -----------------------------------------------------------------------------------------------------


@each_family
def test_features_and_targets_must_match_row_by_row(family: Family):
    targets = random_targets(family, 5, torch.Generator())
    with pytest.raises(ValueError, match="4 rows of features but 5 targets"):
        GLMObjective(family, normal(4, 2), targets)


@each_family
def test_no_row_at_all_is_refused(family: Family):
    with pytest.raises(ValueError, match="not a single row"):
        GLMObjective(family, normal(0, 2), random_targets(family, 0, torch.Generator()))
