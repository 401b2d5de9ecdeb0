"""The rules for the damping and for the length of a step."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_modules.objectives import Objective
from lightning_modules.objectives.families import Bernoulli
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from lightning_modules.optimizers.damping import adapted, grown
from lightning_modules.optimizers.search import backtracking, gradient_falls, lost_in_rounding
from tests.lightning_modules.objectives.queries import first_order
from tests.lightning_modules.optimizers.fitting import FAMILIES, normal, run, well_posed

positive = st.floats(1e-12, 1e12)


# -- Damping ------------------------------------------------------------------------------------------------------


@given(damping=st.floats(0, 1e12), unit=positive)
def test_damping_grows_from_anywhere(damping, unit):
    assert grown(damping, unit) > damping
    assert grown(damping, unit) >= 2 * damping
    assert grown(grown(damping, unit), unit) > grown(damping, unit)


@given(damping=st.floats(0, 1e12), gain=st.floats(-1e6, 1e6), unit=positive)
def test_the_gain_ratio_decides(damping, gain, unit):
    """Poor prediction: more. Fair: as it is. Good: less, and none where it would no longer matter."""
    new = adapted(damping, gain, unit)
    if gain < 0.25:
        assert new > damping
    elif gain > 0.75:
        assert new < damping or new == damping == 0
        assert new == 0 or new > 1e-8 * unit
    else:
        assert new == damping


@given(gain=st.floats(0.76, 10), unit=positive)
def test_good_steps_bring_the_damping_back_to_exactly_zero(gain, unit):
    damping = 1e3 * unit
    for _ in range(40):
        damping = adapted(damping, gain, unit)
    assert damping == 0.0


@given(damping=st.floats(1e-3, 1e3), gain=st.floats(-1, 2), factor=st.floats(1e-6, 1e6))
def test_damping_is_in_units_of_the_curvature(damping, gain, factor):
    assert factor * adapted(damping, gain, 1.0) == pytest.approx(adapted(factor * damping, gain, factor), rel=1e-12)


def test_damping_grows_even_without_curvature():
    assert grown(0.0, 0.0) > 0


# -- Backtracking -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
@pytest.mark.parametrize("lr", [1e-2, 1.0, 64.0, 1e4])
@pytest.mark.parametrize("seed", range(3))
def test_backtracking_finds_the_first_step_that_satisfies_armijo(family, lr, seed):
    objective = well_posed(family, seed=seed)
    theta = normal(4 * family.num_outputs, seed=seed)
    loss, gradient = first_order(objective.at(theta))
    direction = -gradient
    t = backtracking(objective.at(theta), gradient, direction, gradient @ direction, lr)

    def enough(t: float) -> bool:
        return bool(objective.value(theta + t * direction) <= loss + 1e-4 * t * (gradient @ direction))

    assert t is not None and enough(t)
    halvings = round(torch.log2(torch.tensor(lr / t)).item())
    assert t == lr / 2**halvings
    assert not any(enough(lr / 2**k) for k in range(halvings))


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length", [1e-12, 1e-6, 1.0])
def test_backtracking_refuses_directions_that_ascend(family, seed, length):
    """However short: below rounding, where the gradient decides, it may well fall along a direction that ascends."""
    objective = well_posed(family, seed=seed)
    theta = normal(4 * family.num_outputs, seed=seed)
    point = objective.point(theta)
    gradient = point.gradient
    for direction in normal(10, len(theta), seed=seed + 50):
        ascent = length * direction * torch.sign(gradient @ direction)
        assert backtracking(point, gradient, ascent, gradient @ ascent, 1.0) is None


def test_backtracking_refuses_a_loss_that_is_nan_along_the_way():
    class Cliff(Objective):
        def value(self, theta):
            return torch.where(theta[0] == 1, theta[0], torch.nan)

    theta, gradient = torch.ones(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    assert backtracking(Cliff().at(theta), gradient, -gradient, -gradient @ gradient, 1.0) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda p: GradientDescent(p, lr=1e3, search="backtracking"),
        lambda p: Newton(p, lr=8.0, damping=0.0, search="backtracking"),
        lambda p: DiagonalNewton(p, lr=8.0, damping=0.0, search="backtracking"),
    ],
    ids=["gradient descent", "newton", "diagonal newton"],
)
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_a_search_makes_a_step_that_is_far_too_long_descend(family, make):
    result = run(well_posed(family), make, steps=30)
    assert result.losses[-1] < result.losses[0]
    assert all(later <= earlier * (1 + 1e-14) for earlier, later in pairwise(result.losses))


# -- Rounding -----------------------------------------------------------------------------------------------------


def test_losses_that_differ_by_their_rounding_are_told_from_others():
    one = torch.tensor(1.0, dtype=torch.float64)
    assert lost_in_rounding(one, one) and lost_in_rounding(one, one + 1e-15) and lost_in_rounding(one, one - 1e-15)
    assert not lost_in_rounding(one, one + 1e-13) and not lost_in_rounding(one, one - 1e-13)
    assert not lost_in_rounding(one, one * torch.nan)
    assert lost_in_rounding(1e9 * one, 1e9 * one + 1e-6) and not lost_in_rounding(1e-9 * one, 1e-9 * one + 1e-15)


def test_gradient_falls_towards_an_optimum_and_not_away_from_it():
    objective = well_posed(Bernoulli())
    optimum = run(objective, Newton).theta
    near, far = optimum + 1e-6, optimum + 1e-3
    assert gradient_falls(objective.at(near), objective.at(far).gradient)
    assert not gradient_falls(objective.at(far), objective.at(near).gradient)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_falls_along_itself(family, seed):
    """With step sizes below 2/L, on correlated features as well: what gradient descent needs to finish."""
    objective = well_posed(family, seed=seed)
    theta = run(objective, Newton).theta
    theta = theta + 1e-6 * normal(len(theta), seed=seed)
    gradient, largest = (
        objective.at(theta).gradient,
        float(torch.linalg.eigvalsh(objective.at(theta).curvature("hessian").matrix())[-1]),
    )
    for t in (1.9 / largest, 1 / largest, 1e-3 / largest):
        assert gradient_falls(objective.at(theta - t * gradient), gradient)


@pytest.mark.parametrize("lr", [1.0, 16.0, 1e3])
@pytest.mark.parametrize("seed", range(3))
def test_a_search_still_shortens_steps_where_the_loss_is_lost_in_rounding(lr, seed):
    """Equal losses are no licence for a step that is too long: the gradient would end up jumping to and fro."""
    objective = well_posed(Bernoulli(), l2=0.3, seed=seed)
    optimum = run(objective, Newton).theta
    make = lambda p: GradientDescent(p, lr=lr, search="backtracking")  # noqa: E731
    result = run(objective, make, steps=300, theta=optimum + 1e-8 * normal(4, seed=seed))
    assert result.optimizer.status == "converged"


@pytest.mark.parametrize(
    "make",
    [
        lambda p: Newton(p, tolerance=0.0),
        lambda p: Newton(p, tolerance=0.0, solver="cg"),
        lambda p: Newton(p, tolerance=0.0, damping=0.0, search="backtracking"),
    ],
    ids=["adaptive", "cg", "backtracking"],
)
@pytest.mark.parametrize("seed", range(5))
def test_newton_still_gains_digits_where_the_loss_is_lost_in_rounding(make, seed):
    """1e-9 from the optimum the loss is within 1e-18 of its minimum, far below its rounding; the gradient has digits left."""
    objective = well_posed(Bernoulli(), seed=seed)
    optimum = run(objective, Newton).theta
    start = optimum + 1e-9 * normal(4, seed=seed)
    result = run(objective, make, steps=5, theta=start)
    before, after = (objective.at(theta).gradient.norm() for theta in (start, result.theta))
    assert lost_in_rounding(objective.value(start), objective.value(result.theta))
    assert after < 1e-3 * before
