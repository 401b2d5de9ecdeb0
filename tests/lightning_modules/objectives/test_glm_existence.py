"""Whether a generalised linear model has a minimum: never on separated classes, surely at a well-posed optimum."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.optimizers.newton_decrement import newton_decrement
from tests.lightning_modules.optimizers.fitting import normal

classifiers = pytest.mark.parametrize("classes", [2, 3, 4])


def classifier(classes: int) -> Family:
    return Bernoulli() if classes == 2 else Categorical(classes)


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
@pytest.mark.parametrize("exponent", [-900, -30, 30, 400])
def test_separation_is_seen_in_any_unit(classes, exponent):
    """A feature a thousand powers of two from the others hides none and is not hidden; what opposes a row is not forgiven."""
    features, labels, separating = separable(classes)
    units = torch.tensor([2.0**exponent, 1.0, 3.7e5], dtype=torch.float64)
    outputs = classifier(classes).num_outputs
    scaled = torch.cat([separating[: 3 * outputs] / units.repeat(outputs), separating[3 * outputs :]])
    found = GLMObjective(classifier(classes), features * units, labels).degeneracy(scaled)
    assert found is not None and found.kind == "separated" and found.direction.norm() == pytest.approx(1.0)
    labels[7] = (labels[7] + 1) % classes
    assert GLMObjective(classifier(classes), features * units, labels).degeneracy(scaled) is None


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
    assert objective.degeneracy(theta, -objective.at(theta).gradient) is None


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
    assert objective.attains_minimum(separating, 1e-7, objective.at(separating).curvature("hessian").matrix())


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
    assert not objective.attains_minimum(theta, 1e-7, objective.at(theta).curvature("hessian").matrix())


# -- Does a minimum exist? ----------------------------------------------------------------------------------------


@classifiers
@pytest.mark.parametrize("length", [1.0, 3.0, 10.0, 20.0, 30.0, 50.0])
def test_no_minimum_is_certain_on_separated_classes(classes, length):
    """However far out and however small the gradient is."""
    features, labels, separating = separable(classes)
    objective = GLMObjective(classifier(classes), features, labels)
    theta = length * separating / margins(objective, separating)[margins(objective, separating) > 0].min()
    decrement = newton_decrement(
        objective.at(theta), objective.at(theta).gradient
    )  # refuses a Hessian that is singular to rounding
    assert not objective.attains_minimum(theta, decrement.squared**0.5, decrement.hessian)


@classifiers
def test_a_minimum_is_certain_at_a_well_posed_optimum(classes):
    """The features are symmetric about 0 within each class, so θ = 0 is the optimum."""
    half = normal(10, 3)
    features = torch.cat([half, -half]).repeat(classes, 1)
    labels = torch.arange(classes).repeat_interleave(20)
    objective = GLMObjective(classifier(classes), features, labels)
    theta = torch.zeros(4 * objective.family.num_outputs, dtype=torch.float64)
    assert_close(objective.at(theta).gradient, theta, rtol=0, atol=1e-15)
    assert objective.attains_minimum(theta, 1e-12, None)
    again = GLMObjective(objective.family, features[:, [0, 1, 2, 0]], labels)
    theta = torch.zeros(5 * objective.family.num_outputs, dtype=torch.float64)
    assert not again.attains_minimum(theta, 1e-12, None), "a column twice leaves a line of minimisers"


def test_least_squares_attains_its_minimum_where_the_columns_are_independent():
    x, y, theta = normal(9, 3), normal(9), normal(4)
    assert GLMObjective(Gaussian(1), x, y).attains_minimum(theta, 0.0, None)
    assert not GLMObjective(Gaussian(1), x[:, [0, 1, 0]], y).attains_minimum(theta, 0.0, None)
