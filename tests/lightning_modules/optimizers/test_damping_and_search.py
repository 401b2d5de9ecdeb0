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
from lightning_modules.optimizers.search import Decrease, backtracking, rounding
from tests.lightning_modules.objectives.queries import first_order
from tests.lightning_modules.optimizers.fitting import FAMILIES, normal, run, well_posed

# -- Damping ------------------------------------------------------------------------------------------------------


@given(damping=st.floats(0, 1e12))
def test_damping_grows_from_anywhere(damping):
    assert grown(damping) > damping
    assert grown(damping) >= 2 * damping
    assert grown(grown(damping)) > grown(damping)


@given(damping=st.floats(0, 1e12), gain=st.floats(-1e6, 1e6))
def test_the_gain_ratio_decides(damping, gain):
    """Poor prediction: more. Fair: as it is. Good: less, and none where it would no longer matter."""
    new = adapted(damping, gain)
    if gain < 0.25:
        assert new > damping
    elif gain > 0.75:
        assert new < damping or new == damping == 0
        assert new == 0 or new > 1e-8
    else:
        assert new == damping


@given(gain=st.floats(0.76, 10))
def test_good_steps_bring_the_damping_back_to_exactly_zero(gain):
    damping = 1e3
    for _ in range(40):
        damping = adapted(damping, gain)
    assert damping == 0.0


# -- Backtracking -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
@pytest.mark.parametrize("lr", [1e-2, 1.0, 64.0, 1e4])
@pytest.mark.parametrize("seed", range(3))
def test_backtracking_finds_the_first_step_that_satisfies_armijo(family, lr, seed):
    objective = well_posed(family, seed=seed)
    theta = normal(4 * family.num_outputs, seed=seed)
    loss, gradient = first_order(objective.at(theta))
    direction = -gradient
    found = backtracking(objective.at(theta), gradient, direction, gradient @ direction, lr)
    t = None if found is None else found[0]

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


class Shifted(Objective):
    """A logistic loss less its minimum: near the optimum terms of the size of 1 leave nothing but their rounding."""

    def __init__(self, objective: Objective, minimum: float) -> None:
        self.objective, self.minimum = objective, minimum

    def value(self, theta):
        return self.objective.value(theta) - self.minimum


def shifted(seed: int) -> tuple[Shifted, torch.Tensor]:
    """With its minimiser."""
    objective = well_posed(Bernoulli(), seed=seed)
    optimum = run(objective, Newton).theta
    return Shifted(objective, float(objective.value(optimum))), optimum


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("distance", [1e-5, 1e-8, 1e-10])
def test_a_decrease_is_told_by_the_gradients_where_the_loss_has_no_digits_left(seed, distance):
    """The oracle is the quadratic model, which is exact to 1e-5 so near."""
    objective, optimum = shifted(seed)
    start = objective.point(optimum + distance * normal(4, seed=seed))
    step = -torch.linalg.solve(start.curvature("hessian").matrix(), start.gradient)
    expected = float(-0.5 * start.gradient @ step)
    for share in (0.5, 1.0, 1.5):
        trial = objective.point(start.theta + share * step)
        found = float(Decrease(start, trial, start.gradient))
        assert found == pytest.approx((2 * share - share**2) * expected, rel=0.6 if distance > 1e-6 else 1e-3)
    if distance < 1e-9:
        trial = objective.point(start.theta + step)
        assert not 0.5 < float(start.value - trial.value) / expected < 1.5, "negative control: the losses do not tell it"


@pytest.mark.parametrize("seed", range(5))
def test_a_decrease_that_shows_is_that_of_the_losses(seed):
    objective = well_posed(Bernoulli(), seed=seed)
    start, trial = (objective.point(normal(4, seed=seed + k)) for k in range(2))
    assert float(Decrease(start, trial, start.gradient)) == float(start.value - trial.value)


@pytest.mark.parametrize("seed", range(5))
def test_the_rounding_of_a_loss_is_seen_where_terms_cancel(seed):
    objective, optimum = shifted(seed)
    point = objective.point(optimum + 1e-9)
    noise = float(rounding(point, torch.full_like(optimum, 1e-9)))
    assert 1e-19 < noise < 1e-14
    assert abs(float(point.value)) < 1e-14


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
@pytest.mark.parametrize("seed", range(5))
def test_the_loss_falls_along_the_gradient(family, seed):
    """With step sizes below 2/L, on correlated features as well: what gradient descent needs to finish."""
    objective = well_posed(family, seed=seed)
    theta = run(objective, Newton).theta
    theta = theta + 1e-9 * normal(len(theta), seed=seed)
    point = objective.point(theta)
    largest = float(torch.linalg.eigvalsh(point.curvature("hessian").matrix())[-1])
    for t in (1.9 / largest, 1 / largest, 1e-3 / largest):
        assert float(Decrease(point, objective.point(theta - t * point.gradient), point.gradient)) > 0


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
    assert abs(float(objective.value(start) - objective.value(result.theta))) <= 1e-15
    assert after < 1e-3 * before
