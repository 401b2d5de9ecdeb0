"""Loss, gradient and both informations of families against their definitions in forty digits, also far out."""

from functools import partial

import mpmath
import pytest
import torch
from torch import Tensor
from torch.func import jvp
from torch.testing import assert_close

from lightning_modules.objectives.families import (
    Bernoulli,
    ComplementaryLogLog,
    Gamma,
    NegativeBinomial,
    OneOutput,
    Poisson,
    Probit,
    Tweedie,
)

mpmath.mp.dps = 40


def tweedie(p, z, y):
    """Half the unit deviance, by its definition as an integral of (y − t)/tᵖ from y to μ."""
    mu = mpmath.exp(z)
    if p == 1:
        return mu - y - (y * (z - mpmath.log(y)) if y else 0)
    if p == 2:
        return y / mu - 1 + z - mpmath.log(y)
    return y ** (2 - p) / ((1 - p) * (2 - p)) - y * mu ** (1 - p) / (1 - p) + mu ** (2 - p) / (2 - p)


def negative_binomial(alpha, z, y):
    mu, m = mpmath.exp(z), y + 1 / alpha
    return (y * mpmath.log(y / mu) if y else 0) - m * mpmath.log((1 + alpha * y) / (1 + alpha * mu))


def binary(one, zero):
    return lambda z, y: -(y * mpmath.log(one(z)) if y else 0) - ((1 - y) * mpmath.log(zero(z)) if y < 1 else 0)


SHARES, COUNTS = (0.0, 1.0, 0.3), (0.0, 1.0, 3.0, 250.0)
probability = mpmath.ncdf
CASES = {
    "poisson": (Poisson(), partial(tweedie, mpmath.mpf(1)), COUNTS, 20),
    "gamma": (Gamma(), partial(tweedie, mpmath.mpf(2)), (1e-3, 1.0, 250.0), 20),
    "tweedie": (Tweedie(1.4), partial(tweedie, mpmath.mpf(1.4)), (0.0, 0.01, 7.0), 20),
    "negative-binomial": (NegativeBinomial(0.3), partial(negative_binomial, mpmath.mpf(0.3)), COUNTS, 20),
    "logit": (Bernoulli(), binary(lambda z: 1 / (1 + mpmath.exp(-z)), lambda z: 1 / (1 + mpmath.exp(z))), SHARES, 40),
    "probit": (Probit(), binary(probability, lambda z: probability(-z)), SHARES, 12),
    "cloglog": (
        ComplementaryLogLog(),
        binary(lambda z: -mpmath.expm1(-mpmath.exp(z)), lambda z: mpmath.exp(-mpmath.exp(z))),
        SHARES,
        5,
    ),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def grid(targets, far: float) -> tuple[Tensor, Tensor]:
    """Every target at predictors from −far to far (n, 1) each."""
    z = torch.cat([torch.linspace(-far, far, 25), torch.tensor([-0.01, 0.01, -1e-6])]).double()
    z, y = torch.meshgrid(z, torch.tensor(targets, dtype=torch.float64), indexing="ij")
    return z.reshape(-1, 1), y.reshape(-1, 1)


def exact(function, z: Tensor, y: Tensor, order: int = 0) -> Tensor:
    """The function, or its derivative by z."""
    found = []
    for at, target in zip(z[:, 0].tolist(), y[:, 0].tolist(), strict=True):
        with mpmath.workdps(100):  # 1 − Φ(12) needs 33 of them, its derivatives as many again
            found.append(float(mpmath.diff(partial(function, y=mpmath.mpf(target)), mpmath.mpf(at), order)))
    return torch.tensor(found, dtype=torch.float64)


@each_case
def test_loss_and_derivatives(case):
    family, function, targets, far = case
    z, y = grid(targets, far)
    y = family.check(y)
    scale = 1 + z.abs().max()
    # A loss near 0 is the little that terms leave of each other.
    terms = family.gradient_terms(z, y)[:, 0]
    assert_close(family.loss(z, y) / terms, exact(function, z, y) / terms, rtol=1e-12 * scale, atol=1e-14 * scale)
    assert_close(family.gradient(z, y)[:, 0] / terms, exact(function, z, y, 1) / terms, rtol=1e-11, atol=1e-14 * scale)
    assert_close(family.second_derivative(z, y)[:, 0], exact(function, z, y, 2), rtol=1e-11 * scale, atol=1e-300)


@pytest.mark.parametrize("z", [-20.0, -39.9, -40.1, -300.0])
def test_probit_is_as_exact_where_its_probability_is_next_to_none(z):
    at, one = torch.tensor([[z]], dtype=torch.float64), torch.ones(1, 1)
    with mpmath.workdps(60):
        loss, slope, second = (float(mpmath.diff(lambda t: -mpmath.log(mpmath.ncdf(t)), z, order)) for order in range(3))
    assert_close(float(Probit().loss(at, one)), loss, rtol=1e-14, atol=0)
    assert_close(float(Probit().gradient(at, one)), slope, rtol=1e-14, atol=0)
    assert_close(float(Probit().second_derivative(at, one)), second, rtol=1e-12, atol=0)


@each_case
def test_third_derivatives_are_bounded_as_promised(case):
    """Where c is local, it holds for every predictor within 1."""
    family, _, targets, far = case
    z, y = grid(targets, far)
    local = family.local_self_concordance(z, y).expand_as(z)
    for shift in (-1.0, -0.3, 0.0, 0.5, 1.0):
        second, third = jvp(lambda z: family.second_derivative(z, y), (z + shift,), (torch.ones_like(z),))
        within = min(family.self_concordance, float("inf")) if shift in (-1.0, 1.0) and family.self_concordance < 1e9 else local
        assert (third.abs() <= within * second * (1 + 1e-6) + 1e-14).all()


@each_case
def test_sensitivity_is_what_a_changed_predictor_changes_at_most(case):
    family, _, targets, far = case
    z, y = grid(targets, far)
    for size in (1e-6, 0.1, 0.9):
        errors = torch.full_like(z, size)
        bound = family.sensitivity(z, y, errors)
        for sign in (-1, 1):
            changed = (family.gradient(z + sign * size, y) - family.gradient(z, y)).abs()
            assert (changed <= bound * (1 + 1e-6) + 1e-9 * family.gradient_terms(z, y)).all()


def expected_by_sum(family: OneOutput, z: float) -> float:
    """E l'' over targets drawn from the family's own distribution, whose probabilities are e^(−l) up to what does not depend
    on z: counts one by one, two classes both."""
    at = torch.tensor([[z]], dtype=torch.float64)
    if isinstance(family, NegativeBinomial):
        y, size, mu = torch.arange(0, 4000).double(), 1 / family.dispersion, at[0, 0].exp()
        log_p = torch.lgamma(y + size) - torch.lgamma(y + 1) - torch.lgamma(at.new_tensor(size))
        log_p = log_p + y * (mu / (mu + size)).log() + size * (size / (mu + size)).log()
        return float((log_p.exp() * family.second_derivative(at.expand(len(y), 1), y[:, None])[:, 0]).sum())
    p = family.mean(at)
    ones, zeros = (family.second_derivative(at, torch.full((1, 1), float(label))) for label in (1, 0))
    return float(p * ones + (1 - p) * zeros)


@pytest.mark.parametrize("family", [NegativeBinomial(0.4), Probit(), ComplementaryLogLog()], ids=["nb", "probit", "cloglog"])
@pytest.mark.parametrize("z", [-3.0, 0.1, 1.7])
def test_expected_information_is_the_expectation_of_the_observed(family, z):
    assert family.expected is not family
    found = family.expected.curvature_diagonal(torch.tensor([[z]], dtype=torch.float64), torch.ones(1, 1))
    assert_close(float(found), expected_by_sum(family, z), rtol=1e-10, atol=0)


@pytest.mark.parametrize("power", [1.0, 1.3, 2.0])
def test_expected_information_of_amounts_is_the_observed_at_their_mean(power):
    """l'' is linear in y, so its expectation is its value at E y = μ."""
    family = Tweedie(power)
    z = torch.linspace(-3, 3, 13, dtype=torch.float64)[:, None]
    assert_close(family.expected.curvature_diagonal(z, z), family.second_derivative(z, z.exp()), rtol=1e-12, atol=0)


def test_canonical_links_have_one_information():
    assert all(family.expected is family for family in (Bernoulli(), Poisson()))


@each_case
def test_recession_is_the_slope_far_out(case):
    family, _, targets, _ = case
    y = torch.tensor(targets, dtype=torch.float64)[:, None].repeat(3, 1)
    z = torch.tensor([-0.5, 0.0, 0.5], dtype=torch.float64).repeat_interleave(len(targets))[:, None]
    recession = family.recession(z, y)
    near, far, farthest = (family.loss(t * z, y) / t for t in (300.0, 600.0, 1e6))
    bounded = torch.isfinite(recession)
    assert_close(farthest[bounded], recession[bounded], rtol=1e-3, atol=1e-2)
    assert (far[~bounded] > 1.5 * near[~bounded]).all()
    assert (recession >= 0).all() and (recession[z[:, 0] == 0] == 0).all()


@pytest.mark.parametrize(
    ("family", "targets", "what", "remedy"),
    [
        (Poisson(), [1.0, -2.0], "1 of 2 targets is unfit", "use LinearRegression"),
        (Poisson(), [1.0, float("nan")], "1 target is not finite", "remove that row"),
        (Gamma(), [1.0, 0.0], "1 of 2 targets is 0", "use TweedieRegression"),
        (NegativeBinomial(1.0), [1.0, 0.5], "no whole numbers", "use PoissonRegression"),
        (Probit(), [0.5, 1.5], "neither 0 nor 1, nor between", "use LinearRegression"),
        (Poisson(), [[1.0, 2.0]], "shape (1, 2)", "one number a row"),
    ],
)
def test_unfit_targets_are_refused_with_cause_and_remedy(family, targets, what, remedy):
    with pytest.raises(ValueError) as refused:
        family.check(torch.tensor(targets))
    assert what in str(refused.value) and remedy in str(refused.value)


@pytest.mark.parametrize("power", [0.0, 0.9, 2.1, 3.0, float("nan")])
def test_powers_without_a_convex_loss_are_refused(power):
    with pytest.raises(ValueError, match="1 ≤ power ≤ 2"):
        Tweedie(power)


@pytest.mark.parametrize("dispersion", [0.0, -1.0, float("inf"), float("nan")])
def test_dispersions_that_are_none_are_refused(dispersion):
    with pytest.raises(ValueError, match="must be a positive number"):
        NegativeBinomial(dispersion)
