"""Linear models on features and targets in other units: the same steps, coefficients in those units, the same verdict."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.linear.coefficients import coefficients
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton, minimise
from tests.lightning_modules.optimizers.fitting import FAMILIES, normal, well_posed
from tests.lightning_modules.optimizers.units import EXACT, ODD, assert_same_bits, assert_same_way, units, way

METHODS: dict[str, Callable[[Any], Any]] = {
    "newton": Newton,
    "newton_cg": partial(Newton, solver="cg"),
    "diagonal_newton": DiagonalNewton,
}
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
SPREAD = torch.tensor([1e7, 3e8, 2e9, 5e7], dtype=torch.float64)
UNITS = {"exact": EXACT, "odd": ODD, "large": (1e8,), "small": (1e-8,), "1e4": (1e4,), "1e-4": (1e-4,)}


def in_units(objective: GLMObjective, feature: Tensor, target: float = 1.0) -> tuple[GLMObjective, Tensor]:
    """The same rows in other units, and the units (p,) that the coefficients then have."""
    family, y = objective.family, objective.targets
    y = target * y if isinstance(family, Gaussian) else y[:, 0] if isinstance(family, Bernoulli) else y
    unit = target * torch.cat([(1 / feature).repeat(family.num_outputs), feature.new_ones(family.num_outputs)])
    return GLMObjective(family, objective.features * feature, y), unit


@each_family
@each_method
@pytest.mark.parametrize("kind", UNITS.values(), ids=UNITS.keys())
def test_features_in_other_units_are_fitted_the_same_way(
    family: Family, method: Callable[[Any], Any], kind: tuple[float, ...]
) -> None:
    objective = well_posed(family, seed=1)
    begin = 0.1 * normal(4 * family.num_outputs, seed=3)
    other, unit = in_units(objective, units(3, kind))
    ours, theirs = way(objective, begin, method), way(other, unit * begin, method)
    (assert_same_bits if kind is EXACT else assert_same_way)(ours, theirs, unit)
    assert ours.minimum.status == "converged"


@pytest.mark.parametrize("outputs", [1, 3])
@each_method
@pytest.mark.parametrize("target", [4.0**20, 1e-12, 1e-9, 1e7, 1e12])
@pytest.mark.parametrize("kind", [(1.0,), ODD], ids=["features as they are", "features in odd units"])
def test_targets_in_other_units_are_fitted_the_same_way(
    outputs: int, method: Callable[[Any], Any], target: float, kind: tuple[float, ...]
) -> None:
    objective = well_posed(Gaussian(outputs), seed=2)
    begin = 0.1 * normal(4 * outputs, seed=3)
    other, unit = in_units(objective, units(3, kind), target)
    ours, theirs = way(objective, begin, method), way(other, unit * begin, method)
    if kind == (1.0,) and target == 4.0**20:
        assert_same_bits(ours, theirs, unit)
    assert_same_way(ours, theirs, unit)
    assert ours.minimum.status == "converged"


@pytest.mark.parametrize("target", [1e-9, 1e9])
def test_gradient_descent_ends_alike_whatever_the_unit_of_the_targets(target: float) -> None:
    objective = well_posed(Gaussian(1), seed=2)
    other, unit = in_units(objective, units(3, (1.0,)), target)
    method, begin = partial(GradientDescent, lr=0.3), torch.zeros(4, dtype=torch.float64)
    ours = way(objective, begin, method, 500)
    assert_same_way(ours, way(other, begin, method, 500), unit)
    assert ours.minimum.status == "converged"


@pytest.mark.parametrize("unit", [1e4, 1e-4])
@pytest.mark.parametrize("solver", ["cholesky", "cg"])
def test_softmax_on_raw_columns_takes_as_few_steps_and_has_the_same_standard_errors(unit: float, solver: Any) -> None:
    x = normal(200, 4, seed=1) + torch.arange(4.0, dtype=torch.float64)
    y = (x @ normal(4, 3, seed=2) + 3 * normal(200, 3, seed=3)).argmax(1)
    found = []
    for factor in (1.0, unit):
        objective = GLMObjective(Categorical(3), factor * x, y)
        minimum = minimise(objective, torch.zeros(15, dtype=torch.float64), partial(Newton, solver=solver))
        assert minimum.status == "converged" and minimum.steps <= 12, minimum.message
        told = coefficients(objective, minimum.theta, list("abcd"))
        sizes = torch.tensor([1.0 if "intercept" in each.name else factor for each in told], dtype=torch.float64)
        numbers = torch.tensor([[each.estimate, each.standard_error] for each in told], dtype=torch.float64)
        found.append(sizes[:, None] * numbers)
    assert_close(found[0], found[1], rtol=1e-8, atol=1e-10)
    assert (found[0][:, 1] > 0).all()


@each_method
@pytest.mark.parametrize("seed", range(3))
def test_a_capacitance_in_farads_has_the_right_coefficients(method: Callable[[Any], Any], seed: int) -> None:
    area, distance = 10 * normal(50, seed=seed).abs() + 1, normal(50, seed=seed + 9).abs() + 0.1
    capacitance = 4e-12 * area - 3e-12 * distance
    objective = GLMObjective(Gaussian(1), torch.stack([area, distance], 1), capacitance[:, None])
    minimum = minimise(objective, torch.zeros(3, dtype=torch.float64), method)
    assert minimum.status == "converged", minimum.message
    expected = torch.tensor([4e-12, -3e-12], dtype=torch.float64)
    assert_close(minimum.theta[:2], expected, rtol=1e-8, atol=0)
    assert abs(float(minimum.theta[2])) <= 1e-8 * 4e-12


@pytest.mark.parametrize("seed", range(12))
def test_small_targets_get_eight_digits_from_diagonal_newton_too(seed: int) -> None:
    x = normal(60, 4, seed=seed)
    y = 1e-9 * (x @ normal(4, seed=seed + 1) + 0.3 + 0.5 * normal(60, seed=seed + 2))[:, None]
    expected = torch.linalg.lstsq(torch.cat([x, x.new_ones(60, 1)], 1), y).solution[:, 0]
    minimum = minimise(GLMObjective(Gaussian(1), x, y), torch.zeros(5, dtype=torch.float64), DiagonalNewton)
    assert minimum.status == "converged", minimum.message
    assert (minimum.theta - expected).abs().max() <= 1e-8 * expected.abs().max()


@each_method
@pytest.mark.parametrize("seed", range(12))
def test_large_targets_and_raw_features_converge(method: Callable[[Any], Any], seed: int) -> None:
    """Of standard deviation 1e7 and more, none of the columns in the middle."""
    x = normal(60, 4, seed=seed)
    y = 1e7 * (x @ normal(4, seed=seed + 1) + 0.3 + 0.5 * normal(60, seed=seed + 2))
    raw = x * SPREAD + torch.tensor([1e7, 1e8, -3e9, 1e7], dtype=torch.float64)
    minimum = minimise(GLMObjective(Gaussian(1), raw, y[:, None]), torch.zeros(5, dtype=torch.float64), method)
    assert minimum.status == "converged", minimum.message
    expected = torch.linalg.lstsq(torch.cat([x, x.new_ones(60, 1)], 1), y[:, None]).solution[:4, 0]
    slopes = minimum.theta[:4] * SPREAD
    assert_close(slopes, expected, rtol=1e-7, atol=1e-7 * float(expected.abs().max()))


@pytest.mark.parametrize("seed", range(12))
def test_raw_features_of_a_classifier_converge(seed: int) -> None:
    x = normal(60, 4, seed=seed)
    y = (x @ normal(4, seed=seed + 1) + normal(60, seed=seed + 5) > 0).long()
    x, y = torch.cat([x, x[:10]]), torch.cat([y, 1 - y[:10]])
    raw = x * SPREAD + torch.tensor([1e7, 1e8, -3e9, 1e7], dtype=torch.float64)
    for method in (Newton, partial(Newton, solver="cg")):
        minimum = minimise(GLMObjective(Bernoulli(), raw, y), torch.zeros(5, dtype=torch.float64), method)
        assert minimum.status == "converged" and minimum.steps <= 15, minimum.message


@each_method
@pytest.mark.parametrize("kind", [EXACT, ODD], ids=["exact", "odd"])
def test_separated_classes_and_dependent_columns_are_named_in_any_unit(
    method: Callable[[Any], Any], kind: tuple[float, ...]
) -> None:
    x, unit = normal(40, 3, seed=4), units(3, kind)
    y = (x @ normal(3, seed=5) > 0).long()
    separated = minimise(GLMObjective(Bernoulli(), x * unit, y), torch.zeros(4, dtype=torch.float64), method, 60)
    assert separated.status == "separated", separated.message
    x[:, 2] = x[:, 0] - 2 * x[:, 1]
    targets = normal(40, 1, seed=6)
    dependent = minimise(GLMObjective(Gaussian(1), x * unit, targets), torch.zeros(4, dtype=torch.float64), method, 60)
    assert dependent.status == "rank_deficient", dependent.message


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", [EXACT, ODD], ids=["exact", "odd"])
def test_a_tall_table_is_fitted_the_same_way_from_the_curvature_of_some_rows(classes: int, kind: tuple[float, ...]) -> None:
    x = normal(20000, 5, seed=1)
    z = x @ normal(5, classes, seed=2) + 2 * normal(20000, classes, seed=3)
    family = Bernoulli() if classes == 2 else Categorical(classes)
    objective = GLMObjective(family, x, z.argmax(1))
    other, unit = in_units(objective, units(5, kind))
    begin = torch.zeros(len(unit), dtype=torch.float64)
    ours, theirs = way(objective, begin, Newton), way(other, begin, Newton)
    (assert_same_bits if kind is EXACT else assert_same_way)(ours, theirs, unit)
    assert ours.minimum.status == "converged" and ours.minimum.optimizer.kept.row_interval > 1


@each_family
@each_method
def test_in_float32_it_is_the_same_way_too(family: Family, method: Callable[[Any], Any]) -> None:
    objective = well_posed(family, seed=1)
    other, unit = in_units(objective, units(3, (2.0**-6, 2.0**4, 2.0**9)), 2.0**-14 if isinstance(family, Gaussian) else 1.0)
    begin, unit = 0.1 * normal(4 * family.num_outputs, seed=3).float(), unit.float()
    ours, theirs = way(objective, begin, method), way(other, unit * begin, method)
    assert_same_bits(ours, theirs, unit)
    assert ours.minimum.status == "converged", ours.minimum.message


@each_method
@pytest.mark.parametrize("unit", [1e-140, 1e140])
def test_units_may_be_as_far_out_as_squares_are_numbers(method: Callable[[Any], Any], unit: float) -> None:
    objective, _ = in_units(well_posed(Bernoulli(), seed=1), units(3, (unit,)))
    minimum = minimise(objective, torch.zeros(4, dtype=torch.float64), method)
    assert minimum.status == "converged" and minimum.steps <= 30, minimum.message
