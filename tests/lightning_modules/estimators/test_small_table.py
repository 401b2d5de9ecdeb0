"""Plain Newton steps on a small table end where Newton's method ends, or leave it to that."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_iris

from lightning_modules.estimators.small_table import MOST_NUMBERS, MOST_PARAMETERS, SmallTable, small_table
from lightning_modules.estimators.solved import solved
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import (
    Bernoulli,
    Categorical,
    Family,
    Gamma,
    Gaussian,
    NegativeBinomial,
    Poisson,
    Probit,
)
from lightning_modules.optimizers import minimise
from lightning_modules.optimizers.optimality import default_tolerance

TOLERANCE = default_tolerance(torch.float64)


def table(family: Family, x: np.ndarray, y: np.ndarray, l2: float = 0.01, bias: bool = True, **terms: Any) -> SmallTable:
    tensors = {name: torch.from_numpy(values) for name, values in terms.items()}
    objective = GLMObjective(family, torch.from_numpy(x), torch.from_numpy(y), l2, intercept=bias, **tensors)
    found = small_table(objective, x, terms.get("weights"), terms.get("offset"), bias)
    assert found is not None
    return found


def zeros(of: SmallTable) -> torch.Tensor:
    return torch.zeros(of.columns.shape[1] * of.objective.family.num_outputs, dtype=torch.float64)


GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(60, 3))
COUNTS = GENERATOR.integers(0, 5, 60)
WEIGHTS, OFFSET = GENERATOR.uniform(0.5, 2.0, 60), GENERATOR.normal(size=60)
FAMILIES: list[tuple[Family, np.ndarray]] = [
    (Gaussian(1), COUNTS.astype(float)),
    (Gaussian(2), np.stack([COUNTS, X[:, 0]], 1)),
    (Bernoulli(), COUNTS % 2),
    (Probit(), COUNTS % 2),
    (Categorical(3), COUNTS % 3),
    (Poisson(), COUNTS),
    (Gamma(), COUNTS + 1),
    (NegativeBinomial(0.5), COUNTS),
]


@pytest.mark.parametrize("family, y", FAMILIES, ids=lambda part: type(part).__name__ if isinstance(part, Family) else "")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("has_terms", [True, False])
def test_every_family_ends_at_the_optimum(family: Family, y: np.ndarray, bias: bool, l2: float, has_terms: bool) -> None:
    terms = {"weights": WEIGHTS, "offset": np.stack([OFFSET] * family.num_outputs, 1)} if has_terms else {}
    of = table(family, X, y, l2, bias, **terms)
    reached = of.minimise(TOLERANCE, 50)
    right = minimise(of.objective, zeros(of))
    assert reached.is_last and right.status == "converged"
    torch.testing.assert_close(reached.theta, right.theta, rtol=1e-9, atol=1e-10)
    # What it computes is what the objective is.
    theta = torch.randn(len(right.theta), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weight, intercept = of.objective.layout.split(theta)
    by_column = torch.cat([weight.T, intercept[None].expand(int(bias), -1)]).numpy()
    value, gradient, _ = of._value_and_gradient(by_column)
    point = of.objective.point(theta)
    assert value == pytest.approx(float(point.value), rel=1e-12)
    torch.testing.assert_close(of._by_layout(gradient), point.gradient, rtol=1e-10, atol=1e-13)


def test_large_ones_are_left_to_newton() -> None:
    objective = GLMObjective(Gaussian(1), torch.from_numpy(X), torch.from_numpy(X[:, 0]))
    assert small_table(objective, X, None, None, True) is not None
    assert small_table(objective, np.zeros((MOST_NUMBERS // 2 + 1, 1)), None, None, True) is None
    assert small_table(objective, np.zeros((10, MOST_PARAMETERS)), None, None, True) is None


def test_badly_conditioned_columns_are_left_to_newton() -> None:
    """Whose steps have more digits there."""
    x = np.vander(np.linspace(1, 2, 50), 8)[:, :-1]
    y = x.sum(1)
    of = table(Gaussian(1), x, y, l2=0.0)
    assert not of.minimise(TOLERANCE, 50).is_last
    theta, _, verdict = solved(of.objective, zeros(of), TOLERANCE, 50, of)
    assert verdict is not None and verdict.status == "converged"
    torch.testing.assert_close(theta[:-1], torch.ones(7, dtype=torch.float64), rtol=0, atol=1e-7)


def test_a_step_that_raises_the_loss_is_shortened_or_left() -> None:
    """Of counts far above 1, the first step from 0 overshoots the exponential, here by more than these steps are shortened."""
    y = np.where(X[:, 0] > 1.5, 10_000, 0)
    of = table(Poisson(), X, y, l2=1e-4)
    theta, _, _ = solved(of.objective, zeros(of), TOLERANCE, 500, of)
    right = minimise(of.objective, zeros(of))
    assert right.status == "converged"
    torch.testing.assert_close(theta, right.theta, rtol=1e-8, atol=1e-8)
    assert not of.minimise(TOLERANCE, 500).is_done
    of = table(Poisson(), X, 10 * COUNTS)
    assert of.minimise(TOLERANCE, 500).is_last


@pytest.mark.parametrize("load, family", [(load_breast_cancer, Bernoulli()), (load_iris, Categorical(3))])
def test_separated_classes_end_soon(load: Any, family: Family) -> None:
    x, y = load(return_X_y=True)
    of = table(family, x, y, l2=0.0)
    _, steps, verdict = solved(of.objective, zeros(of), TOLERANCE, 500, of)
    assert verdict is not None and verdict.status == "separated" and steps < 50


def test_steps_are_counted_over_both() -> None:
    of = table(Bernoulli(), X, COUNTS % 2)
    assert of.minimise(TOLERANCE, 1).steps == 1
    _, steps, verdict = solved(of.objective, zeros(of), TOLERANCE, 2, of)
    assert steps == 2 and verdict is not None and verdict.status == "budget"


def test_a_penalty_alone_proves_nothing_where_a_bias_runs_away() -> None:
    """No row of class 2: its bias falls forever, whatever the penalty."""
    of = table(Categorical(3), X, COUNTS % 2)
    _, _, verdict = solved(of.objective, zeros(of), TOLERANCE, 100, of)
    assert verdict is not None and verdict.status == "separated"
