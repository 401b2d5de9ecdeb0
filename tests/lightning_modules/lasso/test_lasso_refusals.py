"""What is refused, in one line, and data without a minimiser."""

import numpy as np
import pytest

from lightning_modules.lasso import minimise_l1, penalty_path
from tests.lightning_modules.lasso.designs_with_zeros import design, objective_of

X, Y = design("gaussian")
LOSS = objective_of("gaussian", X, Y)
REFUSED = {
    "l1=-1: give a finite number ≥ 0": lambda: minimise_l1(LOSS, -1),
    "l1=nan: give": lambda: minimise_l1(LOSS, float("nan")),
    "l1=inf: give": lambda: minimise_l1(LOSS, float("inf")),
    "l1='1': give": lambda: minimise_l1(LOSS, "1"),
    "l1=True: give": lambda: minimise_l1(LOSS, True),
    "penalty_weights of shape (3,) for 12 features": lambda: minimise_l1(LOSS, 0.1, penalty_weights=[1, 2, 3]),
    "penalty_weights of shape () for 12": lambda: minimise_l1(LOSS, 0.1, penalty_weights=2.0),
    "penalty_weights[3] is -1.0: give finite": lambda: minimise_l1(LOSS, 0.1, penalty_weights=[1, 1, 1, -1] + 8 * [1]),
    "penalty_weights[11] is nan": lambda: minimise_l1(LOSS, 0.1, penalty_weights=11 * [1] + [np.nan]),
    "penalty_weights[0] is inf": lambda: minimise_l1(LOSS, 0.1, penalty_weights=[np.inf] + 11 * [1]),
    "penalty_weights='a': give one number": lambda: minimise_l1(LOSS, 0.1, penalty_weights="a"),
    "tolerance=0: give a number > 0": lambda: minimise_l1(LOSS, 0.1, tolerance=0),
    "max_steps=0: give a whole number": lambda: minimise_l1(LOSS, 0.1, max_steps=0),
    "num=0: give the number of penalties": lambda: penalty_path(LOSS, 0),
    "smallest=1.5: give": lambda: penalty_path(LOSS, smallest=1.5),
    "l1=-0.1: give": lambda: penalty_path(LOSS, penalties=[0.1, -0.1]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused_in_one_line(message):
    with pytest.raises(ValueError) as refused:
        REFUSED[message]()
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_what_is_not_penalised_may_separate():
    x, y = design("bernoulli")
    x[:, 5] = 2 * y - 1
    weights = np.ones(12)
    assert minimise_l1(objective_of("bernoulli", x, y), 0.01, penalty_weights=weights).status == "converged"
    weights[5] = 0
    found = minimise_l1(objective_of("bernoulli", x, y), 0.01, penalty_weights=weights)
    assert found.status == "separated" and "the classes are separated" in found.message
    one_class = minimise_l1(objective_of("bernoulli", x, np.ones_like(y)), 0.01)
    assert one_class.status == "separated"


def test_targets_that_are_all_the_same():
    found = minimise_l1(objective_of("gaussian", X, np.full(len(Y), 3.0)), 0.1)
    assert found.status == "converged" and found.active == ()
    assert abs(float(found.theta[-1]) - 3) < 1e-12


@pytest.mark.parametrize("unit", [1e-9, 1e12])
def test_targets_in_any_unit(unit):
    """A tolerance is in units of the loss."""
    one, other = minimise_l1(LOSS, 0.1), minimise_l1(objective_of("gaussian", X, unit * Y), 0.1 * unit)
    assert other.status == "converged" and other.active == one.active
    assert np.allclose(other.theta / unit, one.theta, rtol=1e-7)
