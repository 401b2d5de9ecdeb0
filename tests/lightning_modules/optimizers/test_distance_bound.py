"""The bound on the distance to the optimum, against optima computed with 50 digits."""

import math

import mpmath
import pytest
import torch
from mpmath import mp
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.optimizers import DiagonalNewton, Newton, diagnose
from tests.lightning_modules.optimizers.fitting import normal, run, well_posed

PROBLEMS = {
    f"{name}-l2={l2}": (family, l2)
    for name, family in {"gaussian": Gaussian(1), "bernoulli": Bernoulli(), "categorical": Categorical(3)}.items()
    for l2 in (1e-3, 1.0)
}
each_problem = pytest.mark.parametrize(("family", "l2"), PROBLEMS.values(), ids=PROBLEMS.keys())


def problem(family: Family, l2: float, seed: int = 0) -> GLMObjective:
    return well_posed(family, rows=10, features=2, l2=l2, seed=seed)


def mean_and_curvature(family: Family, z: list[mpmath.mpf], y: Tensor) -> tuple[list[mpmath.mpf], mpmath.matrix]:
    """∂l/∂z (K,) and ∂²l/∂z² (K, K) of a row."""
    if isinstance(family, Gaussian):
        return [zk - mp.mpf(float(yk)) for zk, yk in zip(z, y, strict=True)], mp.eye(len(z))
    exponentials = [mp.exp(zk) for zk in z]
    if isinstance(family, Bernoulli):
        p = [exponentials[0] / (1 + exponentials[0])]
        return [p[0] - int(y)], mp.matrix([[p[0] * (1 - p[0])]])
    p = [e / mp.fsum(exponentials) for e in exponentials]
    curvature = mp.matrix(len(p), len(p))
    for j in range(len(p)):
        for k in range(len(p)):
            curvature[j, k] = (p[j] if j == k else 0) - p[j] * p[k]
    return [pk - (k == int(y)) for k, pk in enumerate(p)], curvature


def exact_optimum(objective: GLMObjective, theta: Tensor) -> list[mpmath.mpf]:
    """Newton's method from θ, written anew, with 50 digits: θ* (p,) with the common shift of softmax biases that θ has."""
    family, d, outputs = objective.family, objective.num_features, objective.family.num_outputs
    index = lambda k, j: k * d + j if j < d else outputs * d + k  # noqa: E731 – of weight (k, j), or of bias k
    rows = [[mp.mpf(value) for value in x.tolist()] + [mp.mpf(1)] for x in objective.features]
    exact = [mp.mpf(value) for value in theta.tolist()]
    for _ in range(12):
        gradient, hessian = mp.matrix(len(exact), 1), mp.matrix(len(exact), len(exact))
        for x, y in zip(rows, objective.targets, strict=True):
            z = [mp.fsum(exact[index(k, j)] * x[j] for j in range(d + 1)) for k in range(outputs)]
            first, second = mean_and_curvature(family, z, y)
            for k in range(outputs):
                for j in range(d + 1):
                    gradient[index(k, j)] += first[k] * x[j] / len(rows)
                    for m in range(outputs):
                        for i in range(d + 1):
                            hessian[index(k, j), index(m, i)] += second[k, m] * x[j] * x[i] / len(rows)
        for j in range(outputs * d):
            gradient[j] += mp.mpf(objective.l2) * exact[j]
            hessian[j, j] += mp.mpf(objective.l2)
        if isinstance(family, Categorical):  # keep the sum of the biases
            for k in range(outputs * d, len(exact)):
                for m in range(outputs * d, len(exact)):
                    hessian[k, m] += 1
        step = mp.lu_solve(hessian, gradient)
        exact = [value - step[j] for j, value in enumerate(exact)]
    assert mp.norm(gradient, mp.inf) < mp.mpf(10) ** -45
    return exact


def distance(objective: GLMObjective, theta: Tensor, optimum: list[mpmath.mpf]) -> float:
    """Of θ to the nearest minimiser, exactly."""
    difference = [mp.mpf(value) - best for value, best in zip(theta.tolist(), optimum, strict=True)]
    if isinstance(objective.family, Categorical):
        biases = range(len(difference) - objective.family.num_outputs, len(difference))
        shift = mp.fsum(difference[k] for k in biases) / len(biases)
        for k in biases:
            difference[k] -= shift
    return float(mp.norm(mp.matrix(difference)))


def bound(objective: GLMObjective, theta: Tensor) -> float:
    return objective.at_full_precision(theta).distance.norm


@pytest.fixture(autouse=True)
def fifty_digits():
    with mp.workdps(50):
        yield


@each_problem
@pytest.mark.parametrize("seed", [0, 1])
def test_the_optimum_is_within_the_bound_wherever_it_is_asked_for(family, l2, seed):
    objective = problem(family, l2, seed)
    found = run(objective, Newton).theta
    optimum = exact_optimum(objective, found)
    assert 0 < distance(objective, found, optimum) <= bound(objective, found) < 1e-8
    for exponent in range(-15, 3):
        theta = found + 10.0**exponent * normal(len(found), seed=exponent + 50)
        true, bounded = distance(objective, theta, optimum), bound(objective, theta)
        assert true <= bounded
        if 1e-7 < true < 1e-5:
            assert bounded < 1.01 * true, "near the optimum the bound is the distance, but for rounding"


def test_every_iterate_of_a_run_is_within_its_bound():
    objective = problem(Bernoulli(), 0.01)
    iterates = run(objective, DiagonalNewton, 200).iterates
    optimum = exact_optimum(objective, iterates[-1])
    bounds = [bound(objective, theta) for theta in iterates]
    assert all(distance(objective, theta, optimum) <= limit for theta, limit in zip(iterates, bounds, strict=True))
    assert bounds[-1] < 1e-9 and bounds[0] > 1e-3


def test_less_than_the_bound_would_be_wrong():
    """Neither half of it, nor the length of the gradient, nor that of the computed Newton step bounds the distance."""
    wrong = {"half": 0, "gradient": 0, "step": 0}
    for family, l2 in PROBLEMS.values():
        objective = problem(family, l2)
        found = run(objective, Newton).theta
        optimum = exact_optimum(objective, found)
        for exponent in (-15, -6, -1):
            theta = found + 10.0**exponent * normal(len(found), seed=exponent + 50)
            true, gradient, hessian = (
                distance(objective, theta, optimum),
                objective.at(theta).gradient,
                objective.at(theta).curvature("hessian").matrix(),
            )
            wrong["half"] += true > bound(objective, theta) / 2
            wrong["gradient"] += true > float(gradient.norm())
            wrong["step"] += true > float((torch.linalg.pinv(hessian, hermitian=True) @ gradient).norm())
    assert min(wrong.values()) > 0, wrong


@pytest.mark.parametrize("family", [Bernoulli(), Categorical(3)], ids=["bernoulli", "categorical"])
def test_without_a_penalty_the_bound_holds_too(family):
    objective = problem(family, 0.0)
    found = run(objective, Newton).theta
    shift = objective.invariant_directions(found)
    optimum = torch.tensor([float(value) for value in exact_optimum(problem(family, 1e-30), found)], dtype=torch.float64)
    theta = found + 1e-4 * normal(len(found))
    true = theta - optimum
    true = true - shift @ (shift.T @ true)
    assert float(true.norm()) <= bound(objective, theta) < 1.01 * float(true.norm())


def test_in_single_precision_the_bound_is_that_of_the_rounded_weights():
    objective = problem(Bernoulli(), 0.1)
    found = run(objective, Newton).theta
    rounded = found.float()
    assert distance(objective, rounded.double(), exact_optimum(objective, found)) <= bound(objective, rounded) < 1e-6


def test_features_in_any_units():
    base = problem(Bernoulli(), 1e-3)
    for scale in (1e-3, 1e3):
        objective = GLMObjective(Bernoulli(), base.features * scale, base.targets, 1e-3 * scale**2)
        found = run(objective, Newton).theta
        assert distance(objective, found, exact_optimum(objective, found)) <= bound(objective, found) < 1e-6


@pytest.mark.parametrize("family", [Gaussian(2), Bernoulli(), Categorical(3)], ids=["gaussian", "bernoulli", "categorical"])
def test_the_bound_of_each_coefficient_has_the_unit_of_its_feature(family):
    """From 1e-8 to 1e8, powers of two or not; rows twice, in chunks, or in another order leave it alone."""
    base = problem(family, 0.0)
    theta = run(base, Newton).theta
    theta = theta + 1e-4 * normal(len(theta))
    each = base.at(theta).distance.each
    units = torch.tensor([1e-8, 3.7e5], dtype=torch.float64)
    ratio = torch.cat([(1 / units).repeat(family.num_outputs), theta.new_ones(family.num_outputs)])
    scaled = GLMObjective(family, base.features * units, base.targets)
    assert torch.allclose(scaled.at(theta * ratio).distance.each, each * ratio, rtol=1e-3, atol=0)
    order = torch.randperm(len(base.features), generator=torch.Generator().manual_seed(0))
    for rows, chunk_rows in ((order, 5), (torch.cat([order, order]), None)):
        other = GLMObjective(family, base.features[rows], base.targets[rows], chunk_rows=chunk_rows)
        assert torch.allclose(other.at(theta).distance.each, each, rtol=1e-6, atol=0)


def test_chunks_change_nothing_but_rounding():
    objective = problem(Categorical(3), 0.1)
    theta = run(objective, Newton).theta + 1e-3
    chunked = GLMObjective(objective.family, objective.features, objective.targets, 0.1, chunk_rows=3)
    assert bound(chunked, theta) == pytest.approx(bound(objective, theta), rel=1e-9)


# -- Nothing to prove ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("l2", [0.0, 1.0])
def test_no_bound_where_there_is_no_optimum(l2):
    """A class that is missing lets its bias escape whatever the penalty is; the gradient becomes as small as one likes."""
    objective = GLMObjective(Bernoulli(), normal(20, 2), torch.zeros(20, dtype=torch.int64), l2)
    for bias in (0.0, -5.0, -20.0, -30.0, -60.0):
        assert bound(objective, torch.tensor([0.0, 0.0, bias], dtype=torch.float64)) == math.inf
    verdict = diagnose(objective, run(objective, Newton).theta)
    assert verdict.status == "separated" and verdict.distance == math.inf and "at most" not in verdict.message


@pytest.mark.parametrize("steps", [3, 10, 30, 100])
def test_no_bound_on_the_way_to_infinity(steps):
    x = normal(30, 2)
    objective = GLMObjective(Bernoulli(), x, (x[:, 0] > 0).long())
    assert all(bound(objective, theta) == math.inf for theta in run(objective, Newton, steps).iterates)


def test_no_bound_on_dependent_features_or_from_no_number():
    x = normal(20, 2)
    objective = GLMObjective(Gaussian(1), torch.cat([x, x[:, :1]], 1), normal(20, 1, seed=1))
    assert bound(objective, normal(4)) == math.inf
    assert bound(well_posed(Bernoulli()), torch.full((4,), math.nan, dtype=torch.float64)) == math.inf


# -- In the verdict -----------------------------------------------------------------------------------------------


def test_the_verdict_says_how_far_the_optimum_is_at_most():
    objective = problem(Bernoulli(), 0.1)
    result = run(objective, Newton)
    verdict = diagnose(objective, result.theta)
    assert verdict.status == "converged" and verdict.distance == bound(objective, result.theta) < 1e-12
    assert f"at most {verdict.distance:.1e} from the optimum" in verdict.message


def test_far_from_the_optimum_the_verdict_claims_no_distance():
    objective = problem(Bernoulli(), 0.1)
    verdict = diagnose(objective, torch.full((3,), 50.0, dtype=torch.float64))
    assert verdict.status == "budget" and verdict.distance == math.inf and "at most" not in verdict.message


def test_a_family_without_a_bound_on_its_third_derivative_has_none_on_the_distance():
    """Nothing is promised of a loss whose curvature may change by any factor on the way."""

    class Unbounded(Bernoulli):
        self_concordance = math.inf

    for family, has_bound in ((Unbounded(), False), (Bernoulli(), True)):
        objective = problem(family, 0.1)
        verdict = diagnose(objective, run(objective, Newton).theta)
        assert verdict.status == "converged"
        assert math.isfinite(verdict.distance) is has_bound and ("from the optimum" in verdict.message) is has_bound
