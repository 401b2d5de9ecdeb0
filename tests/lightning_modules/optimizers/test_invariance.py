"""Changes of the features that a method does not see."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from tests.lightning_modules.optimizers.fitting import FAMILIES, MakeOptimizer, normal, run, well_posed

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def predictors(objective: GLMObjective, make: MakeOptimizer, steps: int) -> list[Tensor]:
    return [objective.outputs(theta) for theta in run(objective, make, steps).iterates]


def with_features(objective: GLMObjective, features: Tensor) -> GLMObjective:
    y = objective.targets
    return GLMObjective(objective.family, features, y[:, 0] if isinstance(objective.family, Bernoulli) else y)


@each_family
@pytest.mark.parametrize("seed", range(3))
def test_newton_does_not_see_a_linear_change_of_features(family, seed):
    """Its predictions after every step are the same for X and for XA + 1bᵀ, A invertible."""
    objective = well_posed(family, seed=seed)
    mixed = objective.features @ (normal(3, 3, seed=seed) + 3 * torch.eye(3)) @ torch.diag(normal(3).exp()) + normal(3)
    make = lambda p: Newton(p, damping=0.0, tolerance=0.0)  # noqa: E731
    pairs = zip(predictors(objective, make, 5), predictors(with_features(objective, mixed), make, 5), strict=False)
    for ours, theirs in pairs:
        assert_close(ours, theirs, rtol=1e-8, atol=1e-9)


@each_family
@pytest.mark.parametrize("seed", range(3))
def test_diagonal_newton_does_not_see_the_units_of_features(family, seed):
    """Its predictions after every step are the same for X and for X diag(s); gradient descent's are not."""
    objective = well_posed(family, seed=seed)
    scaled = with_features(objective, objective.features * torch.tensor([1e-6, 1.0, 1e3], dtype=torch.float64))
    make = lambda p: DiagonalNewton(p, lr=0.5, damping=0.0)  # noqa: E731
    for ours, theirs in zip(predictors(objective, make, 10), predictors(scaled, make, 10), strict=True):
        assert_close(ours, theirs, rtol=1e-9, atol=1e-10)
    descend = lambda p: GradientDescent(p, lr=1e-3)  # noqa: E731
    assert not torch.allclose(predictors(objective, descend, 2)[-1], predictors(scaled, descend, 2)[-1])
