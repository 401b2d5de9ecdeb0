"""The verdict on where a run ended, on problems whose true verdict is known."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from sklearn.datasets import load_breast_cancer, load_iris
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Gaussian
from lightning_modules.optimizers import Convergence, DiagonalNewton, GradientDescent, Newton, diagnose
from lightning_modules.optimizers.convergence import DENSE_PARAMETERS, newton_decrement
from tests.lightning_modules.optimizers.fitting import FAMILIES, MakeOptimizer, Run, normal, run, well_posed

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def verdict(result: Run) -> Convergence:
    return diagnose(result.objective, result.theta, stalled=result.optimizer.status == "stalled")


def fitted(objective: GLMObjective, make: MakeOptimizer = Newton, steps: int = 100) -> Convergence:
    return verdict(run(objective, make, steps))


def classifier(x: Tensor, y: Tensor, l2: float = 0.0) -> GLMObjective:
    classes = int(y.max()) + 1
    return GLMObjective(Bernoulli() if classes == 2 else Categorical(classes), x, y, l2)


def margins(objective: GLMObjective, direction: Tensor) -> Tensor:
    """Of each row over each other class: (n, 1) or (n, K)."""
    z, y = objective.outputs(direction), objective.targets
    return (2 * y - 1) * z if isinstance(objective.family, Bernoulli) else z.gather(1, y[:, None]) - z


def assert_separated(objective: GLMObjective, verdict: Convergence) -> None:
    assert verdict.status == "separated", verdict
    margin = margins(objective, verdict.direction)
    assert float(verdict.direction.norm()) == pytest.approx(1.0)
    # As the objective states it: no row is opposed by more than 1e-7 of the typical predictor.
    assert margin.min() >= -1e-6 * margin.abs().max() and margin.max() > 0
    assert "separated" in verdict.message and f"{verdict.gradient_max:.1e}" in verdict.message


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
    assert reached.gradient_max <= tolerance and reached.newton_decrement**2 / 2 <= tolerance
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


def test_a_tolerance_below_rounding_ends_stalled():
    result = run(well_posed(Bernoulli()), lambda p: Newton(p, tolerance=0.0), 100)
    if float(result.objective.gradient(result.theta).abs().max()) > 0:
        assert result.optimizer.status == "stalled"
        assert diagnose(result.objective, result.theta, tolerance=0.0, stalled=True).status == "stalled"


# -- No false verdict ---------------------------------------------------------------------------------------------


def separable(x: Tensor, y: Tensor, classes: int) -> bool:
    """Is there a θ with all margins ≥ 0 and one > 0? Maximise Σ m subject to 0 ≤ m = Mθ ≤ 1: the maximum is 0 or at least 1."""
    extended = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1).numpy()
    one_hot = np.eye(classes)
    rows = [
        np.kron(one_hot[label] - one_hot[other], row)
        for row, label in zip(extended, y.tolist(), strict=True)
        for other in range(classes)
        if other != label
    ]
    m = np.array(rows)
    both = np.concatenate([m, -m])
    limits = np.concatenate([np.ones(len(m)), np.zeros(len(m))])
    solution = linprog(-m.sum(0), A_ub=both, b_ub=limits, bounds=(None, None))
    assert solution.success
    return -solution.fun > 0.5


def small_problem(seed: int) -> tuple[Tensor, Tensor, int]:
    """Few rows, on a grid or not, with labels by chance, by a line, or by a line with rows on it that carry any label."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda low, high: int(torch.randint(low, high, (), generator=generator))  # noqa: E731
    classes, features = draw(2, 4), draw(1, 4)
    rows = draw(4, 30)
    x = torch.randn(rows, features, dtype=torch.float64, generator=generator)
    if seed % 2:
        x = torch.randint(-2, 3, (rows, features), generator=generator).double()
    y = torch.randint(classes, (rows,), generator=generator)
    if seed % 3:
        score = x.sum(1)
        by_line = (score > 0).long() + (score > 2).long() * (classes - 2)
        y = torch.where(score == 0, y, by_line) if seed % 3 == 1 else by_line
    return x, y, classes


@pytest.mark.parametrize("seed", range(120))
def test_separated_if_and_only_if_a_linear_program_says_so(seed):
    x, y, classes = small_problem(seed)
    objective = GLMObjective(Bernoulli() if classes == 2 else Categorical(classes), x, y)
    found = fitted(objective)
    if separable(x, y, classes):
        assert_separated(objective, found)
    else:
        assert found.status in ("converged", "rank_deficient"), found


def test_the_small_problems_are_of_both_kinds():
    answers = [separable(*small_problem(seed)) for seed in range(120)]
    assert 30 <= sum(answers) <= 90


@pytest.mark.parametrize("seed", range(0, 120, 5))
@pytest.mark.parametrize("steps", [1, 3, 8, 15, 30])
def test_separated_classes_never_count_as_converged(seed, steps):
    """Wherever on the way to infinity the run is cut."""
    x, y, classes = small_problem(seed)
    if separable(x, y, classes):
        objective = GLMObjective(Bernoulli() if classes == 2 else Categorical(classes), x, y)
        for method in (Newton, DiagonalNewton):
            result = run(objective, method, steps)
            for tolerance in (None, 1e-6, 1e-3):
                assert diagnose(objective, result.theta, tolerance).status in ("separated", "budget", "rank_deficient")


# -- Newton decrement ---------------------------------------------------------------------------------------------


@each_family
def test_decrement_is_the_length_of_the_newton_step(family):
    """λ² = gᵀH⁺g, also where H is singular along a redundant shift."""
    objective, theta = well_posed(family), normal(4 * family.num_outputs)
    gradient, hessian = objective.gradient(theta), objective.hessian(theta)
    direction = torch.linalg.pinv(hessian, hermitian=True) @ gradient
    decrement = newton_decrement(objective, theta, gradient)
    assert decrement.squared == pytest.approx(float(gradient @ direction), rel=1e-9)
    assert torch.allclose(decrement.direction, -direction, rtol=1e-8, atol=1e-9)
    assert decrement.hessian is not None and torch.linalg.eigvalsh(decrement.hessian)[0] > 0


def test_decrement_on_dependent_features_is_that_of_the_pseudo_inverse():
    x = normal(30, 3)
    objective = GLMObjective(Bernoulli(), torch.cat([x, x[:, :1]], 1), torch.arange(30) % 2)
    theta = normal(5)
    gradient = objective.gradient(theta)
    expected = gradient @ torch.linalg.pinv(objective.hessian(theta), rtol=1e-12, hermitian=True) @ gradient
    decrement = newton_decrement(objective, theta, gradient)
    assert decrement.squared == pytest.approx(float(expected), rel=1e-6)
    assert decrement.hessian is None


def test_decrement_of_many_parameters_needs_products_only():
    features = DENSE_PARAMETERS // 2
    objective = GLMObjective(Categorical(3), normal(40, features), torch.arange(40) % 3, l2=0.5)
    theta = normal(3 * (features + 1)) / features
    gradient = objective.gradient(theta)
    decrement = newton_decrement(objective, theta, gradient)
    residual = objective.hessian_vector_product(theta, decrement.direction) + gradient
    assert decrement.hessian is None and residual.norm() <= 1.01e-3 * gradient.norm()
    assert decrement.squared == pytest.approx(float(-gradient @ decrement.direction))
    assert fitted(objective, lambda p: Newton(p, solver="cg")).status == "converged"


def test_a_decrement_that_takes_too_many_products_is_not_taken_for_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_modules.optimizers.convergence.MOST_PRODUCTS", 1)
    monkeypatch.setattr("lightning_modules.optimizers.convergence.DENSE_PARAMETERS", 1)
    objective = GLMObjective(Gaussian(1), normal(60, 20) * 10.0 ** torch.arange(20).remainder(4), normal(60, 1))
    theta = normal(21)
    assert newton_decrement(objective, theta, objective.gradient(theta)).squared == float("inf")
