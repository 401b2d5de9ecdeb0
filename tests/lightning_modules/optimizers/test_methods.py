"""Gradient descent, Newton's method and diagonal Newton against closed forms, each other and scikit-learn."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import Linear, Parameter
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective, Objective
from lightning_modules.objectives.families import Bernoulli, Categorical, Gaussian
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton, SingularCurvatureError
from lightning_modules.optimizers.curvature import DenseCurvature
from tests.lightning_modules.optimizers.fitting import FAMILIES, MakeOptimizer, normal, run, start, well_posed

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def extended(x: Tensor) -> Tensor:
    return torch.cat([x, x.new_ones(len(x), 1)], 1)


# -- Least squares ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("make", "steps"),
    [(Newton, 1), (lambda p: Newton(p, damping=0.0), 1), (lambda p: Newton(p, solver="cg"), 20)],
    ids=["adaptive", "undamped", "cg"],
)
def test_newton_solves_least_squares(make: MakeOptimizer, steps: int, seed: int, targets: int):
    """In one step from anywhere; conjugate gradients, which solve for the step roughly, in a few."""
    objective = well_posed(Gaussian(targets), seed=seed)
    x, y = extended(objective.features), objective.targets
    begin = 100 * normal(4 * targets, seed=seed + 50)
    theta = run(objective, make, steps, begin).theta
    solution = torch.linalg.lstsq(x, y).solution  # (d + 1, K), the bias last
    expected = torch.cat([solution[:-1].T.flatten(), solution[-1]])
    assert (theta - expected).norm() <= 1e-10 * (begin - expected).norm()
    assert objective.gradient(theta).norm() <= 1e-10 * objective.gradient(begin).norm()


def quadratic(seed: int = 0) -> tuple[GLMObjective, Tensor, Tensor]:
    """Least squares with one target, its Hessian A = X̃ᵀX̃ / n and b = X̃ᵀy / n, so that the gradient is Aθ − b."""
    objective = well_posed(Gaussian(1), seed=seed)
    x, y = extended(objective.features), objective.targets[:, 0]
    return objective, x.T @ x / len(x), x.T @ y / len(x)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99, 1.01], ids=lambda share: f"lr={share}*2/L")
@pytest.mark.parametrize("seed", range(3))
def test_gradient_descent_iterates_have_a_closed_form(share: float, seed: int):
    """θ_k = (I − αA)^k θ_0 + Σ_{i<k} (I − αA)^i αb."""
    objective, a, b = quadratic(seed)
    lr, begin = share * 2 / float(torch.linalg.eigvalsh(a)[-1]), normal(4, seed=seed + 50)
    result = run(objective, lambda p: GradientDescent(p, lr=lr), 30, begin)
    contraction = torch.eye(4, dtype=torch.float64) - lr * a
    for k, theta in enumerate(result.iterates):
        powers = [torch.linalg.matrix_power(contraction, i) for i in range(k + 1)]
        expected = powers[k] @ begin + sum((power @ (lr * b) for power in powers[:k]), torch.zeros_like(b))
        assert (theta - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("share", "converges"), [(0.999, True), (1.001, False), (1.5, False)])
def test_gradient_descent_converges_iff_lr_is_below_two_over_the_largest_curvature(share, converges, seed):
    """Along the top eigenvector the error is multiplied by 1 − αL = 1 − 2 share in each step."""
    objective, a, b = quadratic(seed)
    eigenvalues, vectors = torch.linalg.eigh(a)
    optimum, top, lr = torch.linalg.solve(a, b), vectors[:, -1], share * 2 / float(eigenvalues[-1])
    theta = run(objective, lambda p: GradientDescent(p, lr=lr), 50, optimum + top).theta
    assert_close((theta - optimum) @ top, top.new_tensor((1 - 2 * share) ** 50), rtol=1e-6, atol=1e-9)
    assert (abs((theta - optimum) @ top) < 1) == converges


# -- Steps by hand ------------------------------------------------------------------------------------------------


@each_family
@pytest.mark.parametrize("lr", [1.0, 0.1])
@pytest.mark.parametrize("damping", [0.3, 5.0])
@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
def test_newton_step_with_a_fixed_damping(family, lr, damping, curvature):
    """θ − lr (H + μI)⁻¹ g."""
    objective, theta = well_posed(family, l2=0.1), normal(4 * family.num_outputs)
    make = lambda p: Newton(p, lr=lr, damping=damping, curvature=curvature)  # noqa: E731
    damped = objective.hessian(theta) + damping * torch.eye(len(theta), dtype=torch.float64)
    expected = theta - lr * torch.linalg.solve(damped, objective.gradient(theta))
    result = run(objective, make, 1, theta)
    assert_close(result.theta, expected, rtol=1e-10, atol=1e-11)
    assert result.optimizer.diagnostics["damping"] == damping


@each_family
@pytest.mark.parametrize(("lr", "damping"), [(1.0, 0.0), (0.1, 0.0), (0.5, 2.0)])
@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
def test_diagonal_newton_step_with_a_fixed_damping(family, lr, damping, curvature):
    """θ − lr g / (diag H + μ)."""
    objective, theta = well_posed(family, l2=0.1), normal(4 * family.num_outputs)
    make = lambda p: DiagonalNewton(p, lr=lr, damping=damping, curvature=curvature)  # noqa: E731
    expected = theta - lr * objective.gradient(theta) / (objective.hessian(theta).diagonal() + damping)
    assert_close(run(objective, make, 1, theta).theta, expected, rtol=1e-10, atol=1e-11)


def test_gradient_descent_step():
    objective, theta = well_posed(Bernoulli()), normal(4)
    expected = theta - 0.3 * objective.gradient(theta)
    assert_close(run(objective, lambda p: GradientDescent(p, lr=0.3), 1, theta).theta, expected)


@each_family
def test_newtons_first_adaptive_step_is_undamped_where_the_model_predicts_well(family):
    objective = well_posed(family)
    adaptive, pure = (run(objective, lambda p, d=d: Newton(p, damping=d), 3) for d in ("adaptive", 0.0))
    for a, b in zip(adaptive.iterates, pure.iterates, strict=False):
        assert_close(a, b, rtol=1e-12, atol=1e-12)


# -- The optimum --------------------------------------------------------------------------------------------------


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


# -- Invariance ---------------------------------------------------------------------------------------------------


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


# -- Damping ------------------------------------------------------------------------------------------------------


@given(
    name=st.sampled_from(sorted(FAMILIES)),
    diagonal=st.booleans(),
    seed=st.integers(0, 10**6),
    correlation=st.floats(0, 0.999),
    size=st.floats(0.01, 20),
    lr=st.sampled_from([0.5, 1.0, 2.0]),
)
@settings(max_examples=40, deadline=None)
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
    assert all(later <= earlier * (1 + 1e-14) for earlier, later in pairwise(losses))
    assert losses[-1] < losses[0]


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


def test_adaptive_damping_goes_on_where_a_state_dict_left_it():
    x = normal(50, 1) + 0.05 * normal(50, 6, seed=1)
    objective = GLMObjective(Bernoulli(), x, torch.arange(50) % 2)
    whole = run(objective, DiagonalNewton, 12)
    first = run(objective, DiagonalNewton, 5)
    assert first.optimizer.damping > 0
    second = start(objective, DiagonalNewton, first.theta)
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert second.optimizer.damping == first.optimizer.damping
    second.go_on(7)
    for resumed, uninterrupted in zip(second.iterates, whole.iterates[5:], strict=True):
        assert torch.equal(resumed, uninterrupted)
    forgetful = start(objective, DiagonalNewton, first.theta).go_on(7)
    assert not torch.equal(forgetful.iterates[1], whole.iterates[6])  # so the state is what it needs


@pytest.mark.parametrize("make", [Newton, DiagonalNewton, lambda p: GradientDescent(p, lr=1.0)])
def test_a_state_dict_is_plain_enough_to_be_stored(make, tmp_path):
    result = run(well_posed(Bernoulli()), make, 2)
    torch.save(result.optimizer.state_dict(), tmp_path / "state.pt")
    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    assert loaded == result.optimizer.state_dict()


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
        value, parameter.grad = objective.value_and_gradient(parameter.detach())[0], objective.gradient(parameter.detach())
        return value

    for _ in range(60):
        losses.append(float(optimizer.step(closure, objective=objective)))
    assert all(later <= earlier + 1e-14 * abs(earlier) for earlier, later in pairwise(losses))
    assert_close(parameter.detach().abs(), torch.tensor([0.0, 1.0], dtype=torch.float64), rtol=0, atol=1e-6)


# -- Stopping -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [Newton, DiagonalNewton, lambda p: GradientDescent(p, lr=0.1)])
def test_a_method_at_the_optimum_says_so_and_stays(make):
    objective = well_posed(Bernoulli())
    optimum = run(objective, Newton).theta
    result = run(objective, make, 5, optimum)
    assert result.optimizer.status == "converged" and len(result.losses) == 1


def test_a_looser_tolerance_stops_earlier():
    loose, tight = (run(well_posed(Bernoulli()), lambda p, t=t: Newton(p, tolerance=t)) for t in (1e-2, 1e-10))
    assert len(loose.losses) < len(tight.losses)
    assert loose.optimizer.diagnostics["gradient_max"] <= 1e-2
    assert tight.optimizer.diagnostics["gradient_max"] <= 1e-10


def test_diagnostics_describe_the_last_step():
    objective = well_posed(Bernoulli())
    result = run(objective, lambda p: Newton(p, damping=0.0), 1)
    gradient = objective.gradient(result.iterates[0])
    decrement = float(gradient @ torch.linalg.solve(objective.hessian(result.iterates[0]), gradient)) ** 0.5
    assert result.optimizer.diagnostics["newton_decrement"] == pytest.approx(decrement)
    assert result.optimizer.diagnostics["gradient_max"] == pytest.approx(float(gradient.abs().max()))
    assert result.optimizer.diagnostics["step_size"] == 1.0


# -- Refusals -----------------------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("method", "arguments", "cause", "remedy"),
    [
        *[
            (method, {"lr": lr}, rf"{method.__name__}\(lr={lr}\)", "positive number")
            for method in (GradientDescent, Newton, DiagonalNewton)
            for lr in (0.0, -1.0, NAN, INF)
        ],
        *[
            (method, {"lr": 1.0, "tolerance": tolerance}, rf"tolerance={tolerance}", "≥ 0, or None")
            for method in (GradientDescent, Newton, DiagonalNewton)
            for tolerance in (-1e-9, NAN, INF)
        ],
        *[
            (method, {"damping": damping}, rf"{method.__name__}\(damping={damping!r}\)", "≥ 0, or 'adaptive'")
            for method in (Newton, DiagonalNewton)
            for damping in (-0.1, NAN, INF, "auto", None)
        ],
        *[
            (method, {"curvature": "fisher"}, r"curvature='fisher'", "'hessian' or 'ggn'")
            for method in (Newton, DiagonalNewton)
        ],
        *[
            (method, {"lr": 1.0, "damping": 0.0, "search": "wolfe"}, "search='wolfe'", "'backtracking'")
            for method in (Newton, DiagonalNewton)
        ],
        (GradientDescent, {"lr": 1.0, "search": "wolfe"}, "search='wolfe'", "'backtracking'"),
        (Newton, {"solver": "lu"}, r"Newton\(solver='lu'\)", "'cholesky' .* 'cg'"),
        *[
            (method, {"search": "backtracking"}, "damping='adaptive', search='backtracking'", "damping=0.0")
            for method in (Newton, DiagonalNewton)
        ],
    ],
)
def test_constructors_refuse_what_makes_no_sense(method, arguments, cause, remedy):
    with pytest.raises(ValueError, match=cause) as refusal:
        method(Linear(2, 1).parameters(), **arguments)
    refusal.match(remedy)


@pytest.mark.parametrize("make", [Newton, DiagonalNewton, lambda p: GradientDescent(p, lr=1.0)])
def test_one_parameter_group_only(make):
    groups = [{"params": [parameter]} for parameter in Linear(2, 1).parameters()]
    with pytest.raises(ValueError, match=r"one parameter group, not 2.*couples all parameters"):
        make(groups)


class ManyParameters(Objective):
    """½ ‖θ − 1‖², whose Hessian must not be formed."""

    is_convex = True

    def value(self, theta: Tensor) -> Tensor:
        return 0.5 * (theta - 1).square().sum()

    def hessian(self, theta: Tensor) -> Tensor:
        raise AssertionError("30000 parameters make a matrix of 6.7 GiB")

    ggn = hessian

    def hessian_diagonal(self, theta: Tensor) -> Tensor:
        return torch.ones_like(theta)

    def hessian_vector_product(self, theta: Tensor, v: Tensor) -> Tensor:
        return v


def step_with_many_parameters(**arguments: object) -> tuple[Newton, Parameter]:
    parameter, objective = Parameter(torch.zeros(30_000, dtype=torch.float64)), ManyParameters()
    optimizer = Newton([parameter], **arguments)

    def closure() -> Tensor:
        parameter.grad = parameter.detach() - 1
        return objective.value(parameter.detach())

    for _ in range(2):
        optimizer.step(closure, objective=objective)
    return optimizer, parameter


@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
@pytest.mark.parametrize("damping", ["adaptive", 0.0])
def test_a_matrix_that_does_not_fit_is_refused_before_it_is_formed(curvature, damping):
    with pytest.raises(ValueError, match=rf"dense {curvature} of 30000 parameters takes 6\.7 GiB") as refusal:
        step_with_many_parameters(solver="cholesky", curvature=curvature, damping=damping)
    refusal.match(r"Newton\(solver='cg'\).*DiagonalNewton")


def test_the_matrix_free_solver_takes_what_does_not_fit():
    for solver in ("cg", "auto"):
        optimizer, parameter = step_with_many_parameters(solver=solver, curvature="hessian")
        assert optimizer.status == "converged"
    assert_close(parameter.detach(), torch.ones_like(parameter.detach()))


@pytest.mark.parametrize(
    ("family", "features", "dense"),
    [(Bernoulli(), 127, True), (Bernoulli(), 128, False), (Categorical(3), 50, False), (Gaussian(1), 200, True)],
    ids=["logistic, 128", "logistic, 129", "softmax, 153", "least squares, 201"],
)
def test_the_solver_is_chosen_by_the_number_of_parameters(family, features, dense):
    """And least squares with many are solved in one step still."""
    objective = well_posed(family, rows=400, features=features, l2=0.1)
    chosen = run(objective, Newton, 1)
    assert isinstance(chosen.optimizer.last_curvature, DenseCurvature) is dense
    assert_close(chosen.theta, run(objective, lambda p: Newton(p, solver="cholesky" if dense else "cg"), 1).theta)
    if isinstance(family, Gaussian):
        assert objective.gradient(chosen.theta).abs().max() < 1e-12
