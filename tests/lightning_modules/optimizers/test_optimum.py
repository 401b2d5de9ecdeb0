"""Every method finds the optimum, against scikit-learn and each other, says so and stays there."""

import math
from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from torch.testing import assert_close

from lightning_modules.objectives.families import Bernoulli, Categorical, Gaussian
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from tests.lightning_modules.optimizers.fitting import FAMILIES, MakeOptimizer, run, well_posed

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())

METHODS: dict[str, MakeOptimizer] = {
    "newton": Newton,
    "undamped": lambda p: Newton(p, damping=0.0),
    "ggn": lambda p: Newton(p, curvature="ggn"),
    "cg": lambda p: Newton(p, solver="cg"),
    "newton search": lambda p: Newton(p, damping=0.0, search="backtracking"),
    "diagonal": DiagonalNewton,
    "diagonal search": lambda p: DiagonalNewton(p, damping=0.0, search="backtracking"),
    "gradient descent": lambda p: GradientDescent(p, lr=16.0, search="backtracking"),
}


@pytest.mark.parametrize("l2", [0.01, 0.3])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_optimum_that_scikit_learn_finds(method, classes, l2):
    """scikit-learn minimises C Σ loss + ½‖W‖², so C = 1 / (n λ); the common shift of the biases is free."""
    objective = well_posed(Bernoulli() if classes == 2 else Categorical(classes), l2=l2)
    x, y = objective.features.numpy(), objective.targets.flatten().numpy()
    reference = LogisticRegression(C=1 / (len(x) * l2), tol=1e-10, solver="newton-cholesky", max_iter=1000).fit(x, y)
    result = run(objective, METHODS[method], 2000)
    module = result.module
    assert result.optimizer.status == "converged"
    weight, bias = module.weight.detach().numpy(), module.bias.detach().numpy()
    np.testing.assert_allclose(weight, reference.coef_, atol=1e-6)
    centre = (lambda b: b - b.mean()) if classes > 2 else (lambda b: b)
    np.testing.assert_allclose(centre(bias), centre(reference.intercept_), atol=1e-6)


@each_family
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_cholesky_and_conjugate_gradients_reach_the_same_optimum(family, l2):
    objective = well_posed(family, l2=l2)
    dense, free = (run(objective, lambda p, s=s: Newton(p, solver=s)) for s in ("cholesky", "cg"))
    assert dense.optimizer.status == free.optimizer.status == "converged"
    assert_close(dense.theta, free.theta, rtol=1e-6, atol=1e-6)


@each_family
@pytest.mark.parametrize("seed", range(3))
def test_newton_converges_quadratically(family, seed):
    """The number of correct digits at least nearly doubles from step to step, until rounding."""
    result = run(well_posed(family, seed=seed), lambda p: Newton(p, tolerance=1e-14), 30)
    errors = [float((theta - result.theta).norm()) for theta in result.iterates]
    digits = [-math.log10(error) for error in errors if 1e-13 < error < 1e-1]
    if isinstance(family, Gaussian):
        assert errors[1] < 1e-12 * max(1.0, errors[0])
    else:
        assert len(digits) >= 2
        assert all(b > 1.7 * a for a, b in pairwise(digits) if b < 12)


@pytest.mark.parametrize("make", [Newton, DiagonalNewton, lambda p: GradientDescent(p, lr=0.1)])
def test_a_method_at_the_optimum_says_so_and_stays(make):
    objective = well_posed(Bernoulli())
    optimum = run(objective, Newton).theta
    result = run(objective, make, 5, optimum)
    assert result.optimizer.status == "converged" and len(result.losses) == 1


def test_a_looser_tolerance_stops_earlier():
    loose, tight = (run(well_posed(Bernoulli()), lambda p, t=t: Newton(p, tolerance=t)) for t in (1e-2, 1e-10))
    assert len(loose.losses) < len(tight.losses)
    assert loose.optimizer.report.numbers()["gradient_max"] <= 1e-2
    assert tight.optimizer.report.numbers()["gradient_max"] <= 1e-10
