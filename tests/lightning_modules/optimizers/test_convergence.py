"""The verdict on where a run ended, on problems whose true verdict is known."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_iris
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Gaussian
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton, diagnose
from lightning_modules.optimizers.newton_decrement import DENSE_PARAMETERS, newton_decrement
from tests.lightning_modules.optimizers.fitting import FAMILIES, normal, run, well_posed
from tests.lightning_modules.optimizers.verdicts import assert_separated, classifier, fitted, verdict

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def standardised(x: np.ndarray) -> Tensor:
    return torch.tensor((x - x.mean(0)) / x.std(0))


# -- Converged ----------------------------------------------------------------------------------------------------


@each_family
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("make", [Newton, lambda p: Newton(p, solver="cg"), DiagonalNewton], ids=["newton", "cg", "diagonal"])
def test_a_well_posed_problem_converges(family, l2, make):
    """Softmax included, whose common shift leaves its Hessian singular without harm."""
    objective = well_posed(family, l2=l2)
    result = run(objective, make, 2000)
    reached = verdict(result)
    assert result.optimizer.status == reached.status == "converged", reached
    tolerance = torch.finfo(torch.float64).eps ** (2 / 3)
    unit, bend = objective.unit, float(objective.at(result.theta).curvature("hessian").diagonal().max())
    assert reached.gradient_max <= tolerance * (unit * max(bend, 1.0)) ** 0.5
    assert reached.newton_decrement**2 / 2 <= tolerance * unit
    assert reached.direction is None and reached.columns == ()


@pytest.mark.parametrize("start", [0.0, 3.0])
def test_a_shifted_softmax_is_as_converged_as_any(start):
    objective = well_posed(Categorical(4))
    theta = run(objective, Newton).theta
    shift = objective.invariant_directions(theta) @ normal(4)
    assert diagnose(objective, theta + start * shift).status == "converged"


def test_iris_versicolor_or_virginica_converges_without_penalty():
    x, y = load_iris(return_X_y=True)
    objective = classifier(standardised(x[y > 0]), torch.tensor(y[y > 0] - 1))
    assert fitted(objective).status == "converged"


def test_breast_cancer_converges_with_a_penalty():
    x, y = load_breast_cancer(return_X_y=True)
    assert fitted(classifier(standardised(x), torch.tensor(y), l2=1e-3)).status == "converged"


def test_single_precision_converges_to_its_own_tolerance():
    objective = well_posed(Bernoulli())
    optimum = run(objective, Newton).theta.float()
    assert diagnose(objective, optimum).status == "converged"
    assert diagnose(objective, optimum.double()).status == "budget"  # seven digits are not enough in float64


# -- Separated ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [Newton, lambda p: Newton(p, solver="cg"), lambda p: Newton(p, damping=0.0, search="backtracking")],
    ids=["newton", "cg", "search"],
)
@pytest.mark.parametrize("steps", [20, 100])
def test_iris_setosa_is_separated_from_the_rest(make, steps):
    x, y = load_iris(return_X_y=True)
    objective = classifier(standardised(x), torch.tensor((y == 0).astype(int)))
    assert_separated(objective, fitted(objective, make, steps))


@pytest.mark.parametrize("make", [DiagonalNewton, lambda p: GradientDescent(p, lr=1.0)], ids=["diagonal", "descent"])
def test_first_order_methods_see_the_separation_of_iris_too(make):
    x, y = load_iris(return_X_y=True)
    objective = classifier(standardised(x), torch.tensor((y == 0).astype(int)))
    assert_separated(objective, fitted(objective, make, 50))


def test_iris_with_three_classes_is_quasi_separated():
    """Setosa lies apart while the other two overlap: there is a direction that moves the first class away only."""
    x, y = load_iris(return_X_y=True)
    objective = classifier(standardised(x), torch.tensor(y))
    assert_separated(objective, fitted(objective))


def test_breast_cancer_is_separated_without_penalty():
    x, y = load_breast_cancer(return_X_y=True)
    objective = classifier(standardised(x), torch.tensor(y))
    assert_separated(objective, fitted(objective))


@pytest.mark.parametrize("l2", [0.0, 0.5])
@pytest.mark.parametrize("family", [Bernoulli(), Categorical(3)], ids=["bernoulli", "categorical"])
def test_a_class_that_never_occurs_is_separated_from_the_others(family, l2):
    """By the bias alone, which no penalty holds back."""
    y = torch.zeros(20, dtype=torch.int64)
    if isinstance(family, Categorical):
        y[:8] = 1
    objective = GLMObjective(family, normal(20, 2), y, l2)
    assert_separated(objective, fitted(objective))


# -- Rank deficient -----------------------------------------------------------------------------------------------


@each_family
def test_duplicate_columns_are_named(family):
    base = well_posed(family)
    x = torch.cat([base.features, base.features[:, :1], base.features.sum(1, keepdim=True)], 1)
    y = base.targets[:, 0] if isinstance(family, Bernoulli) else base.targets
    objective = GLMObjective(family, x, y)
    found = fitted(objective)
    assert found.status == "rank_deficient" and found.columns == (3, 4)
    assert "3, 4" in found.message
    # Any of the minimisers is as good as the one without the extra columns.
    best = float(base.value(run(base, Newton).theta))
    assert float(objective.value(run(objective, Newton).theta)) == pytest.approx(best, abs=1e-10)
    assert fitted(GLMObjective(family, x, y, l2=0.1)).status == "converged"


@each_family
def test_a_constant_column_depends_on_the_bias(family):
    base = well_posed(family)
    y = base.targets[:, 0] if isinstance(family, Bernoulli) else base.targets
    for constant in (0.0, 3.0, 1e-6):
        x = torch.cat([base.features[:, :1], torch.full_like(base.features[:, :1], constant), base.features[:, 1:]], 1)
        found = fitted(GLMObjective(family, x, y))
        assert found.status == "rank_deficient" and found.columns == (1,), constant
        assert fitted(GLMObjective(family, x, y, l2=0.1)).status == "converged"


def test_more_features_than_rows_are_rank_deficient_for_least_squares():
    found = fitted(GLMObjective(Gaussian(1), normal(6, 20), normal(6, seed=1)))
    assert found.status == "rank_deficient" and len(found.columns) == 15


@pytest.mark.parametrize("seed", range(20))
def test_one_row_too_few_is_never_called_converged(seed):
    """As many rows as features: singular by one direction only, and badly conditioned otherwise."""
    rows = 3 + seed
    found = fitted(GLMObjective(Gaussian(1), normal(rows, rows, seed=seed), normal(rows, seed=seed + 50)))
    assert found.status == "rank_deficient" and found.columns == (rows - 1,)


def test_more_features_than_rows_always_separate_classes():
    objective = classifier(normal(6, 20), torch.arange(6) % 2)
    assert_separated(objective, fitted(objective))


# -- Neither ------------------------------------------------------------------------------------------------------


@each_family
@pytest.mark.parametrize("make", [lambda p: GradientDescent(p, lr=1e-3), Newton], ids=["descent", "newton"])
def test_a_run_cut_short_ends_with_its_budget(family, make):
    objective = well_posed(family)
    assert diagnose(objective, run(objective, lambda p: GradientDescent(p, lr=1e-3), 3).theta).status == "budget"
    cut = run(objective, make, 1)
    if not (make is Newton and isinstance(family, Gaussian)):  # one step is all that this one needs
        assert verdict(cut).status == "budget"


def test_a_method_that_gave_up_is_called_stalled_only_short_of_the_tolerance():
    objective = well_posed(Bernoulli())
    optimum = run(objective, Newton).theta
    assert diagnose(objective, optimum + 1e-3, stalled=True).status == "stalled"
    assert diagnose(objective, optimum, stalled=True).status == "converged"
    assert diagnose(objective, optimum + 1e-3, tolerance=0.1, stalled=True).status == "converged"


def test_a_method_that_rounding_stops_has_converged_as_near_as_rounding_allows():
    result = run(well_posed(Bernoulli()), lambda p: Newton(p, tolerance=0.0), 100)
    if float(result.objective.at(result.theta).gradient.abs().max()) > 0:
        assert result.optimizer.status == "stalled"
        reached = diagnose(result.objective, result.theta, tolerance=0.0, stalled=True)
        assert reached.status == "converged" and "as near as rounding allows" in reached.message
        away = diagnose(result.objective, result.theta + 1e-4, tolerance=0.0, stalled=True)
        assert away.status == "stalled"


# -- Newton decrement ---------------------------------------------------------------------------------------------


@each_family
def test_decrement_is_the_length_of_the_newton_step(family):
    """λ² = gᵀH⁺g, also where H is singular along a redundant shift."""
    objective, theta = well_posed(family), normal(4 * family.num_outputs)
    gradient, hessian = objective.at(theta).gradient, objective.at(theta).curvature("hessian").matrix()
    direction = torch.linalg.pinv(hessian, hermitian=True) @ gradient
    decrement = newton_decrement(objective.at(theta), gradient)
    assert decrement.squared == pytest.approx(float(gradient @ direction), rel=1e-9)
    assert torch.allclose(decrement.direction, -direction, rtol=1e-8, atol=1e-9)
    assert decrement.hessian is not None and torch.linalg.eigvalsh(decrement.hessian)[0] > 0


def test_decrement_on_dependent_features_is_that_of_the_pseudo_inverse():
    x = normal(30, 3)
    objective = GLMObjective(Bernoulli(), torch.cat([x, x[:, :1]], 1), torch.arange(30) % 2)
    theta = normal(5)
    gradient = objective.at(theta).gradient
    expected = (
        gradient @ torch.linalg.pinv(objective.at(theta).curvature("hessian").matrix(), rtol=1e-12, hermitian=True) @ gradient
    )
    decrement = newton_decrement(objective.at(theta), gradient)
    assert decrement.squared == pytest.approx(float(expected), rel=1e-6)
    assert decrement.hessian is None


def test_decrement_of_many_parameters_needs_products_only():
    features = DENSE_PARAMETERS // 2
    objective = GLMObjective(Categorical(3), normal(40, features), torch.arange(40) % 3, l2=0.5)
    theta = normal(3 * (features + 1)) / features
    gradient = objective.at(theta).gradient
    decrement = newton_decrement(objective.at(theta), gradient)
    expected = gradient @ torch.linalg.solve(
        objective.at(theta).curvature("hessian").matrix() + 1e-9 * torch.eye(len(theta)), gradient
    )
    assert decrement.hessian is None and decrement.squared == pytest.approx(float(expected), rel=0.02)
    assert decrement.squared == pytest.approx(float(-gradient @ decrement.direction))
    assert fitted(objective, lambda p: Newton(p, solver="cg")).status == "converged"


def test_a_decrement_that_takes_too_many_products_is_not_taken_for_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_modules.optimizers.newton_decrement.MOST_PRODUCTS", 1)
    monkeypatch.setattr("lightning_modules.optimizers.newton_decrement.DENSE_PARAMETERS", 1)
    # The preconditioner solves least squares at once; a logistic loss with rows of very different curvature it does not.
    objective = GLMObjective(Bernoulli(), normal(60, 20), torch.arange(60) % 2)
    theta = normal(21)
    assert newton_decrement(objective.at(theta), objective.at(theta).gradient).squared == float("inf")
