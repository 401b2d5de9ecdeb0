"""Closed forms of generalised linear models against automatic differentiation, and what they say about the data."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective, Objective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.objectives.linear_dependence import dependent_columns
from lightning_modules.optimizers.convergence import newton_decrement
from tests.lightning_modules.objectives.cases import CASES, FAMILIES, Case, random_targets, torch_losses

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
classifiers = pytest.mark.parametrize("classes", [2, 3, 4])
POINT_METHODS = ("gradient", "hessian", "hessian_diagonal", "ggn", "ggn_diagonal")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def classifier(classes: int) -> Family:
    return Bernoulli() if classes == 2 else Categorical(classes)


def assert_relatively_close(actual: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    assert actual.shape == expected.shape
    assert (actual - expected).norm() <= tolerance * expected.norm() + 1e-300


# -- Closed forms -------------------------------------------------------------------------------------------------


@each_case
@pytest.mark.parametrize("name", POINT_METHODS)
def test_closed_form_equals_the_default(case: Case, name: str):
    objective, theta = case.objective(), case.theta()
    assert_relatively_close(getattr(objective, name)(theta), getattr(Objective, name)(objective, theta))


@each_case
@pytest.mark.parametrize("name", ["hessian_vector_product", "ggn_vector_product"])
def test_product_equals_the_default(case: Case, name: str):
    objective, theta, v = case.objective(), case.theta(), case.theta(1)
    assert_relatively_close(getattr(objective, name)(theta, v), getattr(Objective, name)(objective, theta, v))


@each_case
def test_value_and_gradient_agree_with_their_parts(case: Case):
    objective, theta = case.objective(), case.theta()
    value, gradient = objective.value_and_gradient(theta)
    default_value, default_gradient = Objective.value_and_gradient(objective, theta)
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
    change = (objective.gradient(theta + h * v) - objective.gradient(theta - h * v)) / (2 * h)
    assert_close(objective.gradient(theta) @ v, slope, rtol=1e-7, atol=1e-8)
    assert_close(objective.hessian_vector_product(theta, v), change, rtol=1e-6, atol=1e-8)


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
    assert_close(objective.gradient(theta), parameters_to_vector([p.grad for p in linear.parameters()]))


@each_case
def test_hessian_is_symmetric_and_positive_semidefinite(case: Case):
    hessian = case.objective().hessian(case.theta())
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
    assert_close(penalised.gradient(theta), free.gradient(theta) + penalty * theta)
    assert_close(penalised.hessian(theta), free.hessian(theta) + penalty.diag())
    assert_close(penalised.hessian_diagonal(theta), free.hessian_diagonal(theta) + penalty)


@each_family
@given(rows=st.integers(1, 40), chunk_rows=st.integers(1, 50), seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_chunks_change_nothing(family: Family, rows: int, chunk_rows: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(rows, 3, dtype=torch.float64, generator=generator)
    targets = random_targets(family, rows, generator)
    whole, chunked = (GLMObjective(family, features, targets, l2=0.1, chunk_rows=size) for size in (rows, chunk_rows))
    theta, v = torch.randn(2, 4 * family.num_outputs, dtype=torch.float64, generator=generator)
    assert_close(chunked.value(theta), whole.value(theta), rtol=1e-12, atol=1e-14)
    assert_close(chunked.gradient(theta), whole.gradient(theta), rtol=1e-12, atol=1e-13)
    assert_close(chunked.hessian(theta), whole.hessian(theta), rtol=1e-12, atol=1e-13)
    assert_close(chunked.hessian_diagonal(theta), whole.hessian_diagonal(theta), rtol=1e-12, atol=1e-13)
    product = whole.hessian_vector_product(theta, v)
    assert_close(chunked.hessian_vector_product(theta, v), product, rtol=1e-12, atol=1e-13)


@each_family
@pytest.mark.parametrize("data", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("model", [torch.float32, torch.float64], ids=str)
def test_the_parameters_decide_the_precision(family: Family, data: torch.dtype, model: torch.dtype):
    generator = torch.Generator().manual_seed(0)
    features, targets = normal(9, 2).to(data), random_targets(family, 9, generator)
    objective = GLMObjective(family, features, targets.to(data) if targets.is_floating_point() else targets)
    theta = normal(3 * family.num_outputs).to(model)
    assert objective.value(theta).dtype == model
    assert objective.hessian_vector_product(theta, theta).dtype == model
    for name in POINT_METHODS:
        if name.startswith("hessian") or name == "gradient":
            exact = getattr(objective, name)(theta.double())
            assert_close(getattr(objective, name)(theta), exact.to(model), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("labels", [torch.tensor([0, 1]), torch.tensor([0.0, 1.0]).double()], ids=["int", "float"])
def test_binary_labels_may_be_integers_or_floats(labels: Tensor):
    objective, theta = GLMObjective(Bernoulli(), normal(2, 3), labels), normal(4, seed=1)
    reference = GLMObjective(Bernoulli(), normal(2, 3), torch.tensor([0, 1]))
    assert_close(objective.gradient(theta), reference.gradient(theta))


# -- Invariant directions -----------------------------------------------------------------------------------------


@each_case
def test_nothing_changes_along_invariant_directions(case: Case):
    objective, theta = case.objective(), case.theta()
    directions = objective.invariant_directions(theta)
    redundant = isinstance(case.family, Categorical) * (1 if case.l2 else 5)
    assert directions.shape == (len(theta), redundant)
    assert_close(directions.T @ directions, torch.eye(redundant, dtype=torch.float64))
    hessian = objective.hessian(theta)
    assert_close(hessian @ directions, torch.zeros_like(directions), rtol=0, atol=1e-14)
    assert_close(directions.T @ objective.gradient(theta), theta.new_zeros(redundant), rtol=0, atol=1e-14)
    moved = theta + directions @ (10 * normal(redundant))
    assert_close(objective.value(moved), objective.value(theta), rtol=1e-12, atol=0)


@each_case
def test_invariant_directions_are_all_there_are(case: Case):
    """On rows in general position the Hessian has no other null direction."""
    objective, theta = case.objective(), case.theta()
    null = (torch.linalg.eigvalsh(objective.hessian(theta)) < 1e-12).sum()
    assert null == objective.invariant_directions(theta).shape[1]


# -- Separated classes --------------------------------------------------------------------------------------------


def separable(classes: int, rows: int = 30, boundary: int = 0, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Features (n, 3), labels and a direction θ along which they separate; the first rows have the margin 0."""
    generator = torch.Generator().manual_seed(seed)
    outputs = 1 if classes == 2 else classes
    # Integers, so that a margin of 0 is exactly 0.
    features = torch.randint(-4, 5, (50 * rows, 3), generator=generator).double()
    weight = torch.tensor([[2, -1, 0], [-1, 3, 0], [-1, -1, 2], [0, -1, -3]], dtype=torch.float64)[:outputs]
    z = features @ weight.T
    labels = (z[:, 0] > 0).long() if classes == 2 else z.argmax(1)
    top = z[:, 0].abs() if classes == 2 else z.topk(2, 1).values @ torch.tensor([1.0, -1.0], dtype=z.dtype)
    chosen = torch.cat([(top == 0).nonzero()[:boundary, 0], (top > 0).nonzero()[: rows - boundary, 0]])
    return features[chosen], labels[chosen], torch.cat([weight.flatten(), weight.new_zeros(outputs)])


def margins(objective: GLMObjective, direction: Tensor) -> Tensor:
    """Of every row: how far its own class leads each other one along the direction; all ≥ 0 means separated."""
    z, y = objective.outputs(direction), objective.targets
    if isinstance(objective.family, Bernoulli):
        return (2 * y - 1) * z
    return z.gather(1, y[:, None]) - z


@classifiers
@pytest.mark.parametrize("boundary", [0, 5], ids=["strict", "quasi"])
@pytest.mark.parametrize("as_direction", [False, True], ids=["along theta", "along direction"])
@pytest.mark.parametrize("length", [1e-6, 1.0, 1e6])
def test_separated_classes_are_found_along_a_separating_direction(classes, boundary, as_direction, length):
    features, labels, separating = separable(classes, boundary=boundary)
    objective = GLMObjective(classifier(classes), features, labels, chunk_rows=4)
    other = normal(len(separating), seed=1)
    found = objective.degeneracy(*((other, length * separating) if as_direction else (length * separating, None)))
    assert found is not None and found.kind == "separated"
    assert_close(found.direction.norm(), torch.tensor(1.0, dtype=torch.float64))
    margin = margins(objective, found.direction)
    assert (margin >= -1e-12).all() and margin.max() > 0.01
    # The loss falls all the way to the loss that the boundary rows keep.
    values = [objective.value(t * found.direction) for t in (0.0, 10.0, 100.0, 1000.0)]
    assert values[0] > values[1] > values[2] * (1 - 1e-12) and values[2] >= values[3] * (1 - 1e-12)
    assert "separated" in found.message


@classifiers
def test_a_direction_that_opposes_one_row_does_not_separate(classes):
    features, labels, separating = separable(classes)
    labels[7] = (labels[7] + 1) % classes
    objective = GLMObjective(classifier(classes), features, labels)
    assert objective.degeneracy(separating, separating) is None


@classifiers
@pytest.mark.parametrize("seed", range(10))
def test_overlapping_classes_are_not_separated(classes, seed):
    """Every row appears with every label, so no direction can separate anything."""
    features = normal(8, 3, seed=seed).repeat(classes, 1)
    labels = torch.arange(classes).repeat_interleave(8)
    objective = GLMObjective(classifier(classes), features, labels)
    theta = normal(4 * objective.family.num_outputs, seed=seed + 100)
    assert objective.degeneracy(theta, -objective.gradient(theta)) is None


@pytest.mark.parametrize("candidate", [0.0, float("nan"), float("inf")])
def test_a_candidate_without_direction_separates_nothing(candidate):
    features, labels, separating = separable(2)
    objective = GLMObjective(Bernoulli(), features, labels)
    assert objective.degeneracy(torch.full_like(separating, candidate)) is None


def test_a_common_shift_of_a_softmax_separates_nothing():
    features, labels, _ = separable(3)
    shift = torch.cat([normal(3).repeat(3), torch.ones(3, dtype=torch.float64)])
    assert GLMObjective(Categorical(3), features, labels).degeneracy(shift) is None


@classifiers
def test_a_penalty_ties_separated_classes_down(classes):
    features, labels, separating = separable(classes)
    objective = GLMObjective(classifier(classes), features, labels, l2=1e-3)
    assert objective.degeneracy(separating, separating) is None
    assert objective.attains_minimum(separating, 1e-7, objective.hessian(separating))


@pytest.mark.parametrize(("classes", "label"), [(2, 0), (2, 1), (3, 0), (4, 2)])
def test_a_penalty_does_not_tie_down_the_bias_of_a_missing_class(classes, label):
    """With labels from a part of the classes only, the free bias runs to infinity whatever λ."""
    family = classifier(classes)
    labels = torch.full((9,), label)
    objective = GLMObjective(family, normal(9, 3), labels, l2=0.5)
    theta = torch.zeros(4 * family.num_outputs, dtype=torch.float64)
    theta[-family.num_outputs :] = -30.0
    theta[-family.num_outputs + (label if classes > 2 else 0)] = 30.0 if classes > 2 or label == 1 else -30.0
    found = objective.degeneracy(theta)
    assert found is not None and found.kind == "separated"
    assert not objective.attains_minimum(theta, 1e-7, objective.hessian(theta))


# -- Linearly dependent features ----------------------------------------------------------------------------------


def with_dependent_columns() -> tuple[Tensor, tuple[int, ...]]:
    """Seven features, of which 2 repeats 0, 4 is constant and 5 is the sum of 1 and 3 minus two."""
    x = normal(40, 7, seed=5)
    x[:, 2] = x[:, 0]
    x[:, 4] = 3.0
    x[:, 5] = x[:, 1] + x[:, 3] - 2.0
    return x, (2, 4, 5)


def overlapping_targets(family: Family, features: Tensor) -> tuple[Tensor, Tensor]:
    """The features and targets such that no direction separates: every row once with every label."""
    if isinstance(family, Gaussian):
        return features, normal(len(features), family.num_outputs)
    classes = max(2, family.num_outputs)
    return features.repeat(classes, 1), torch.arange(classes).repeat_interleave(len(features))


@each_family
@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
def test_dependent_columns_are_named(family: Family, scale: float):
    features, dependent = with_dependent_columns()
    features[:, [0, 3, 5]] *= torch.tensor([scale, 1 / scale, 1.0], dtype=torch.float64)
    features[:, 5] = features[:, 1] + features[:, 3] * scale - 2.0
    objective = GLMObjective(family, *overlapping_targets(family, features), chunk_rows=11)
    found = objective.degeneracy(normal(8 * family.num_outputs, seed=2))
    assert found is not None and found.kind == "rank_deficient"
    assert found.columns == dependent
    assert "3 of 7 features" in found.message and "2, 4, 5" in found.message


@each_family
def test_a_penalty_makes_dependent_columns_harmless(family: Family):
    features, _ = with_dependent_columns()
    objective = GLMObjective(family, *overlapping_targets(family, features), l2=0.1)
    assert objective.degeneracy(normal(8 * family.num_outputs, seed=2)) is None


@pytest.mark.parametrize("seed", range(5))
def test_independent_columns_of_any_scale_are_not_accused(seed: int):
    scales = 10 ** torch.linspace(-8, 8, 6, dtype=torch.float64)
    features = normal(30, 6, seed=seed) * scales
    assert GLMObjective(Gaussian(1), features, normal(30)).degeneracy(normal(7)) is None


def test_more_features_than_rows_leave_as_many_independent_as_there_are_rows():
    found = GLMObjective(Gaussian(1), normal(6, 20), normal(6)).degeneracy(normal(21))
    assert found is not None and found.columns == tuple(range(5, 20))  # the bias is the sixth
    assert "…" in found.message  # a long list is cut


def test_a_column_of_zeros_is_dependent():
    features = normal(10, 3)
    features[:, 1] = 0
    found = GLMObjective(Gaussian(1), features, normal(10)).degeneracy(normal(4))
    assert found is not None and found.columns == (1,)


@pytest.mark.parametrize("seed", range(20))
def test_dependent_columns_are_as_many_as_the_rank_lacks(seed: int):
    generator = torch.Generator().manual_seed(seed)
    rank, size = 1 + seed % 4, 8
    mix = torch.randint(-2, 3, (rank, size), generator=generator).double()
    features = torch.randn(50, rank, dtype=torch.float64, generator=generator) @ mix
    extended = torch.cat([torch.ones(50, 1, dtype=torch.float64), features], 1)
    dependent = dependent_columns(extended.T @ extended)
    kept = [0] + [j + 1 for j in range(size) if j not in dependent]
    assert len(kept) == torch.linalg.matrix_rank(extended) == torch.linalg.matrix_rank(extended[:, kept])


# -- Does a minimum exist? ----------------------------------------------------------------------------------------


def full_rank_hessian(objective: GLMObjective, theta: Tensor) -> Tensor:
    """The Hessian made regular along redundant directions, as `attains_minimum` takes it."""
    invariant, hessian = objective.invariant_directions(theta), objective.hessian(theta)
    return hessian + hessian.diagonal().mean() * invariant @ invariant.T


@classifiers
@pytest.mark.parametrize("length", [1.0, 3.0, 10.0, 20.0, 30.0, 50.0])
def test_no_minimum_is_certain_on_separated_classes(classes, length):
    """However far out and however small the gradient is."""
    features, labels, separating = separable(classes)
    objective = GLMObjective(classifier(classes), features, labels)
    theta = length * separating / margins(objective, separating)[margins(objective, separating) > 0].min()
    decrement = newton_decrement(objective, theta, objective.gradient(theta))  # refuses a Hessian that is singular to rounding
    assert not objective.attains_minimum(theta, decrement.squared**0.5, decrement.hessian)


@classifiers
def test_a_minimum_is_certain_at_a_well_posed_optimum(classes):
    """The features are symmetric about 0 within each class, so θ = 0 is the optimum."""
    half = normal(10, 3)
    features = torch.cat([half, -half]).repeat(classes, 1)
    labels = torch.arange(classes).repeat_interleave(20)
    objective = GLMObjective(classifier(classes), features, labels)
    theta = torch.zeros(4 * objective.family.num_outputs, dtype=torch.float64)
    assert_close(objective.gradient(theta), theta, rtol=0, atol=1e-15)
    assert objective.attains_minimum(theta, 1e-12, full_rank_hessian(objective, theta))
    assert not objective.attains_minimum(theta, 1e-12, None)


def test_least_squares_attains_its_minimum_where_the_hessian_is_regular():
    objective, theta = GLMObjective(Gaussian(1), normal(9, 3), normal(9)), normal(4)
    assert objective.attains_minimum(theta, 0.0, objective.hessian(theta))
    assert not objective.attains_minimum(theta, 0.0, None)


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
