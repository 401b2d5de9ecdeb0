"""The root of a linear model's Hessian from its rows: against the Hessian, in any unit, in chunks and on several processes."""

import math

import mpmath
import pytest
import torch
from mpmath import mp
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective, Reduction, this_process
from lightning_modules.objectives.families import Bernoulli, Family, Gaussian
from lightning_modules.objectives.linear.root import by_output, root_of_matrix, root_of_rows
from lightning_modules.objectives.linear.rounding import rounding_at
from lightning_modules.objectives.linear.spread import spread
from tests.lightning_modules.optimizers.fitting import normal
from tests.lightning_modules.processes import in_processes

FAMILIES: dict[str, Family] = {"gaussian1": Gaussian(1), "gaussian2": Gaussian(2), "bernoulli": Bernoulli()}
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def graded(condition: float, seed: int = 0) -> Tensor:
    """Columns whose scaled condition number, with the bias, is about this: the last is nearly a sum of the others."""
    x = normal(40, 4, seed=seed)
    x[:, 3] = x[:, 0] + x[:, 1] + x[:, 3] / condition
    return x


def objective_of(family: Family, x: Tensor, l2: float = 0.0, reduction: Reduction = this_process, rows: slice = slice(None)):
    y = normal(40, family.num_outputs, seed=9) if isinstance(family, Gaussian) else torch.arange(40) % 2
    return GLMObjective(family, x[rows], y[rows], l2, reduction, chunk_rows=7)


def theta_of(family: Family) -> Tensor:
    return 0.3 * normal(5 * family.num_outputs, seed=3)


@each_family
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_both_roots_are_of_the_hessian(family: Family, l2: float):
    objective, theta = objective_of(family, normal(40, 4), l2), theta_of(family)
    point = objective.at(theta)
    hessian, order = point.curvature("hessian").matrix(), by_output(point.glm, theta)
    for root in (root_of_rows(point.predictors), root_of_matrix(point.glm, hessian)):
        assert root is not None
        found = root.upper.T @ root.upper / root.scale[:, None] / root.scale
        assert_close(found, hessian[order][:, order], rtol=1e-12, atol=1e-13)
        assert spread(point.predictors, root, rounding_at(point.predictors, root.is_from_rows)) < 1e-10


@each_family
def test_the_newton_step_keeps_its_digits(family: Family):
    """With κ = 1e9, where H has none left; against 60 digits."""
    objective = objective_of(family, graded(1e9))
    theta = theta_of(family)
    step, squared = objective.at(theta).newton_step()
    with mp.workdps(60):
        exact = exact_step(objective, theta)
    assert_close(step, exact, rtol=1e-5, atol=0.0)
    assert squared == pytest.approx(float(-step @ objective.at(theta).gradient), rel=1e-4)


def exact_step(objective: GLMObjective, theta: Tensor) -> Tensor:
    """Written anew with mpmath."""
    d, outputs = objective.num_features, objective.family.num_outputs
    weight, bias = objective.layout.split(theta)
    x = mp.matrix([[*row, 1] for row in objective.features.tolist()])
    steps = []
    for k in range(outputs):
        z = x * mp.matrix([*weight[k].tolist(), float(bias[k])])
        y = objective.targets[:, k].tolist()
        if isinstance(objective.family, Bernoulli):
            mean = [1 / (1 + mpmath.exp(-value)) for value in z]
            curvature = [p * (1 - p) for p in mean]
        else:
            mean, curvature = list(z), [mp.mpf(1)] * len(y)
        g = x.T * mp.matrix([m - target for m, target in zip(mean, y, strict=True)])
        h = x.T * mp.diag(curvature) * x
        steps.append([float(value) for value in -mp.lu_solve(h, g)])
    table = torch.tensor(steps, dtype=torch.float64)
    return torch.cat([table[:, :d].flatten(), table[:, d]])


@each_family
def test_a_well_conditioned_hessian_needs_no_better_step(family: Family):
    assert objective_of(family, normal(40, 4)).at(theta_of(family)).newton_step() is None


@pytest.mark.parametrize("condition", [1e2, 1e6, 1e10, 1e12])
def test_the_spread_is_an_upper_bound(condition: float):
    """On the eigenvalues of R⁻ᵀ H R⁻¹, with 60 digits; and small enough to prove full rank up to 1e12."""
    objective = objective_of(Gaussian(1), graded(condition))
    point = objective.at(theta_of(Gaussian(1)))
    root = root_of_rows(point.predictors)
    tau = spread(point.predictors, root, rounding_at(point.predictors, True))
    with mp.workdps(60):
        x = mp.matrix([[*row, 1] for row in objective.features.tolist()])
        s, r = mp.diag([mp.mpf(v) for v in root.scale.tolist()]), mp.matrix(root.upper.tolist())
        q = x * s * mp.inverse(r) / mp.sqrt(40)
        eigenvalues = mp.eigsy(q.T * q, eigvals_only=True)
        off = max(abs(value - 1) for value in eigenvalues)
    assert float(off) <= tau < 0.1


def test_nothing_is_proved_of_dependent_columns():
    point = objective_of(Gaussian(1), graded(math.inf)).at(theta_of(Gaussian(1)))
    assert point.distance.norm == math.inf and bool((point.distance.each == math.inf).all())


@each_family
@pytest.mark.parametrize("condition", [10.0, 1e9])
def test_units_of_features_change_units_of_the_step_only(family: Family, condition: float):
    """By powers of two, from 1e-300 to 1e150, exactly; the distance from the optimum with them."""
    x, theta = graded(condition), theta_of(family)
    units = torch.tensor([-900.0, 500.0, 3.0, -40.0], dtype=torch.float64).exp2()
    plain = objective_of(family, x).at(theta)
    ratio = torch.cat([(1 / units).repeat(family.num_outputs), theta.new_ones(family.num_outputs)])
    scaled = objective_of(family, x * units).at(theta * ratio)
    assert plain.distance.norm < math.inf or isinstance(family, Bernoulli)
    if plain.newton_step() is not None:
        assert torch.equal(scaled.newton_step()[0], plain.newton_step()[0] * ratio)
        assert torch.equal(scaled.distance.each, plain.distance.each * ratio)
    else:
        assert_close(scaled.newton_step()[0] / ratio, exact_step(objective_of(family, x), theta), rtol=1e-9, atol=1e-11)


@each_family
@pytest.mark.parametrize("condition", [10.0, 1e9])
@pytest.mark.parametrize("shares", [(0, 40), (11, 40), (25, 25, 40)])
def test_processes_have_the_same_step_and_bound(family: Family, condition: float, shares: tuple[int, ...]):
    x, theta, begins = graded(condition), theta_of(family), (0, *shares)

    def work(rank: int, reduction: Reduction) -> tuple[Tensor, Tensor, tuple[int, ...]]:
        part = slice(begins[rank], begins[rank + 1])
        point = objective_of(family, x, 0.0, reduction, part).at(theta)
        found = point.newton_step()
        return (theta if found is None else found[0]), point.distance.each, point.glm.dependent_columns

    results = in_processes(len(shares), work)
    alone = whole(family, x, theta)
    for step, each, columns in results:
        assert torch.equal(step, results[0][0]) and torch.equal(each, results[0][1])
        assert_close(step, alone[0], rtol=1e-5, atol=1e-12)
        assert_close(each, alone[1], rtol=1e-2, atol=1e-9) and columns == ()


def whole(family: Family, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    point = objective_of(family, x).at(theta)
    found = point.newton_step()
    return (theta if found is None else found[0]), point.distance.each
