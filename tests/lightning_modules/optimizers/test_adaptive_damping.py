"""Adaptive damping: never uphill, on collinear features and past negative curvature too."""

from itertools import pairwise

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import Parameter
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective, Objective
from lightning_modules.objectives.families import Bernoulli, Categorical, Gaussian
from lightning_modules.optimizers import DiagonalNewton, Newton, SingularCurvatureError
from tests.lightning_modules.objectives.queries import first_order
from tests.lightning_modules.optimizers.fitting import FAMILIES, normal, run

# Of a loss of nearly collinear features. A step of lr 2 mirrors a quadratic's start: the loss is the same there but for it.
ROUNDING = 1e-12


@example(name="gaussian1", diagonal=False, seed=1, correlation=0.999, size=1.0, lr=2.0)
@example(name="gaussian1", diagonal=False, seed=214, correlation=0.999, size=1.0, lr=2.0)
@given(
    name=st.sampled_from(sorted(FAMILIES)),
    diagonal=st.booleans(),
    seed=st.integers(0, 10**6),
    correlation=st.floats(0, 0.999),
    size=st.floats(0.01, 20),
    lr=st.sampled_from([0.5, 1.0, 2.0]),
)
@settings(max_examples=40)
def test_adaptive_damping_never_increases_the_loss(name, diagonal, seed, correlation, size, lr):
    """Up to rounding, from random starts, near and far, with separable and with nearly collinear features."""
    family, generator = FAMILIES[name], torch.Generator().manual_seed(seed)
    common = torch.randn(25, 1, dtype=torch.float64, generator=generator)
    x = correlation * common + (1 - correlation) * torch.randn(25, 4, dtype=torch.float64, generator=generator)
    classes = max(2, family.num_outputs)
    y = torch.randint(classes, (25,), generator=generator)
    if isinstance(family, Gaussian):
        y = torch.randn(25, family.num_outputs, dtype=torch.float64, generator=generator)
    objective = GLMObjective(family, x, y)
    begin = size * torch.randn(5 * family.num_outputs, dtype=torch.float64, generator=generator)
    make = lambda p: (DiagonalNewton if diagonal else Newton)(p, lr=lr)  # noqa: E731
    result = run(objective, make, 10, begin)
    losses = [*result.losses, float(objective.value(result.theta))]
    assert all(later <= earlier * (1 + ROUNDING) for earlier, later in pairwise(losses))
    assert losses[-1] < losses[0] * (1 + ROUNDING if lr == 2.0 else 1)


@pytest.mark.parametrize("make", [Newton, DiagonalNewton])
def test_sure_and_wrong_predictions_do_not_hide_their_slope_behind_a_curvature_of_nothing(make):
    """Of the class that no row is expected in, weights have a gradient of 0.4 and a curvature of 1e-15."""
    generator = torch.Generator().manual_seed(0)
    torch.randn(25, 1, dtype=torch.float64, generator=generator)
    x = torch.randn(25, 4, dtype=torch.float64, generator=generator)
    objective = GLMObjective(Categorical(4), x, torch.randint(4, (25,), generator=generator))
    begin = 14 * torch.randn(20, dtype=torch.float64, generator=generator)
    assert objective.at(begin).curvature("hessian").diagonal().min() < 1e-13
    assert run(objective, make, 10, begin).losses[-1] < 0.7 * float(objective.value(begin))


@pytest.mark.parametrize("family", [Gaussian(1), Bernoulli()], ids=["gaussian", "bernoulli"])
def test_diagonal_newton_on_correlated_features_needs_its_damping(family):
    """With six nearly equal features the full diagonal step goes six times too far, and each step undoes more than the last."""
    x = normal(50, 1) + 0.05 * normal(50, 6, seed=1)
    y = normal(50, 1, seed=2) if isinstance(family, Gaussian) else torch.arange(50) % 2
    objective = GLMObjective(family, x, y)
    fixed = run(objective, lambda p: DiagonalNewton(p, damping=0.0), 3)
    assert fixed.losses[2] > fixed.losses[1] > fixed.losses[0]
    adaptive = run(objective, DiagonalNewton, 300)
    optimum = run(objective, Newton).losses[-1]
    assert all(b <= a * (1 + 1e-14) for a, b in pairwise(adaptive.losses))
    assert adaptive.optimizer.damping > 0
    assert optimum < adaptive.losses[-1] < optimum + 0.6 * (adaptive.losses[0] - optimum)


def test_undamped_newton_refuses_a_singular_hessian_and_the_adaptive_one_does_not():
    x = normal(20, 2)
    objective = GLMObjective(Bernoulli(), torch.cat([x, x[:, :1]], 1), torch.arange(20) % 2)
    with pytest.raises(SingularCurvatureError, match="damping='adaptive'"):
        run(objective, lambda p: Newton(p, damping=0.0), 1)
    optimum = run(GLMObjective(Bernoulli(), x, torch.arange(20) % 2), Newton).losses[-1]
    assert run(objective, Newton).losses[-1] == pytest.approx(optimum, abs=1e-10)


class Saddle(Objective):
    """½ a² + ¼ b⁴ − ½ b²: minima at b = ±1, a saddle at 0 with negative curvature nearby."""

    def value(self, theta: Tensor) -> Tensor:
        a, b = theta
        return 0.5 * a**2 + 0.25 * b**4 - 0.5 * b**2


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
@pytest.mark.parametrize("make", [Newton, DiagonalNewton], ids=["newton", "diagonal"])
def test_adaptive_damping_leaves_negative_curvature_downhill(make, solver):
    """A pure Newton step would climb to the saddle at 0."""
    parameter = Parameter(torch.tensor([1.0, 0.1], dtype=torch.float64))
    options = {"solver": solver} if make is Newton else {}
    optimizer = make([parameter], curvature="hessian", **options)
    objective, losses = Saddle(), []

    def closure() -> Tensor:
        value, parameter.grad = first_order(objective.at(parameter))
        return value

    for _ in range(60):
        losses.append(float(optimizer.step(closure, objective=objective)))
    assert all(later <= earlier + 1e-14 * abs(earlier) for earlier, later in pairwise(losses))
    assert_close(parameter.detach().abs(), torch.tensor([0.0, 1.0], dtype=torch.float64), rtol=0, atol=1e-6)
