"""The verdict on where a run ended, and what it must be able to show."""

import pytest
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical
from lightning_modules.optimizers import Convergence, Newton, diagnose
from tests.lightning_modules.optimizers.fitting import MakeOptimizer, Run, run


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
