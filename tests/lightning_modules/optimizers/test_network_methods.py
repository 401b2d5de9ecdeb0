"""Newton's method on networks, whose Hessian is indefinite: past saddles, never uphill, with honest verdicts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import Parameter
from torch.testing import assert_close

from lightning_modules.networks import DenseNetwork, ResidualNetwork
from lightning_modules.objectives import GLMObjective, NetworkObjective, Objective
from lightning_modules.objectives.families import Categorical, Gaussian, PseudoHuber
from lightning_modules.optimizers import CurvatureOptimizer, DiagonalNewton, Newton, SingularCurvatureError, diagnose
from lightning_modules.optimizers.curvature import AbsoluteCurvature, DenseCurvature
from lightning_modules.optimizers.damping import GROW
from tests.lightning_modules.objectives.network_cases import draw_case, make_case

NO_DIRECTION = torch.zeros(4, 0, dtype=torch.float64)


@dataclass
class Descent:
    """What was seen on the way."""

    optimizer: CurvatureOptimizer
    theta: Tensor
    losses: list[float] = field(default_factory=list)
    diagnostics: list[dict[str, float]] = field(default_factory=list)


def descend(objective: Objective, make: Callable[[Any], CurvatureOptimizer], theta: Tensor, steps: int) -> Descent:
    parameter = Parameter(theta.clone())
    found = Descent(make([parameter]), parameter.detach())

    def closure() -> Tensor:
        value, parameter.grad = objective.value_and_gradient(parameter.detach())
        return value

    for _ in range(steps):
        found.losses.append(float(found.optimizer.step(closure, objective=objective)))
        found.diagnostics.append(dict(found.optimizer.diagnostics))
        found.theta = parameter.detach().clone()
        if found.optimizer.status is not None:
            break
    found.losses.append(float(objective.value(found.theta)))
    return found


def assert_never_uphill(found: Descent) -> None:
    assert all(later <= earlier * (1 + 1e-13) for earlier, later in pairwise(found.losses))
    assert all(step["gain_ratio"] > 0 for step in found.diagnostics if "gain_ratio" in step)


# -- |C| ----------------------------------------------------------------------------------------------------------


def symmetric(eigenvalues: list[float], seed: int = 0) -> tuple[Tensor, Tensor]:
    """A matrix of these eigenvalues, and its eigenvectors as columns."""
    size = len(eigenvalues)
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=generator)).Q
    return (vectors * torch.tensor(eigenvalues, dtype=torch.float64)) @ vectors.T, vectors


@pytest.mark.parametrize("eigenvalues", [[2.0, -1.0, 0.5, -3.0], [-1.0, -2.0, -3.0, -4.0], [5.0, 1.0, 1.0, -1e-4]], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_an_indefinite_matrix_is_taken_by_the_absolute_values_of_its_eigenvalues(eigenvalues: list[float], seed: int) -> None:
    matrix, vectors = symmetric(eigenvalues, seed)
    absolute = (vectors * torch.tensor(eigenvalues, dtype=torch.float64).abs()) @ vectors.T
    curvature = AbsoluteCurvature(matrix, NO_DIRECTION)
    assert_close(curvature.matrix, absolute, rtol=1e-12, atol=1e-13)
    g = torch.ones(4, dtype=torch.float64)
    assert_close(curvature.solve(g, 0.0), torch.linalg.solve(absolute, g), rtol=1e-6, atol=1e-7)
    damped = absolute + 0.3 * torch.eye(4, dtype=torch.float64)
    assert_close(curvature.solve(g, 0.3), torch.linalg.solve(damped, g), rtol=1e-11, atol=1e-12)
    assert_close(curvature.quadratic_form(g), g @ absolute @ g)
    assert curvature.mean() == pytest.approx(float(absolute.diagonal().mean()))
    assert g @ curvature.solve(g, 0.0) > 0, "so that a step against it leads downhill"
    with pytest.raises(SingularCurvatureError):
        DenseCurvature(matrix, NO_DIRECTION).solve(g, 0.0)


def test_a_definite_matrix_is_left_alone_to_the_last_bit() -> None:
    matrix, _ = symmetric([3.0, 1.0, 0.5, 0.1])
    curvature = AbsoluteCurvature(matrix, NO_DIRECTION)
    assert torch.equal(curvature.matrix, matrix)
    assert torch.equal(curvature.solve(matrix[0], 0.1), DenseCurvature(matrix, NO_DIRECTION).solve(matrix[0], 0.1))


def test_directions_that_change_nothing_stay_so() -> None:
    matrix, vectors = symmetric([2.0, -1.0, 3.0, 0.0])
    curvature = AbsoluteCurvature(matrix, vectors[:, 3:])
    absolute = (vectors * torch.tensor([2.0, 1.0, 3.0, 0.0], dtype=torch.float64)) @ vectors.T
    g = vectors[:, :3].sum(1)
    expected = torch.linalg.pinv(absolute, hermitian=True, rtol=1e-9) @ g
    assert_close(curvature.solve(g, 0.0), expected, rtol=1e-9, atol=1e-10)


def test_a_matrix_that_is_definite_but_for_such_directions_is_left_alone_too() -> None:
    matrix = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    shift = torch.full((2, 1), 0.5**0.5, dtype=torch.float64)
    assert torch.equal(AbsoluteCurvature(matrix, shift).matrix, matrix)


# -- From a saddle ------------------------------------------------------------------------------------------------


def saddle(units: int, l2: float, seed: int) -> tuple[NetworkObjective, Tensor]:
    """All weights 0 and the output's bias the mean target: no gradient, but curvature of both signs; and a point nearby."""
    x = torch.linspace(-2, 2, 15, dtype=torch.float64)[:, None]
    y = (torch.sin(2 * x) + x)[:, 0]
    objective = NetworkObjective(DenseNetwork((1, units, 1), "tanh"), Gaussian(1), x, y, l2)
    theta = torch.zeros(3 * units + 1, dtype=torch.float64)
    theta[-1] = y.mean()
    assert objective.gradient(theta).norm() < 1e-15
    eigenvalues = torch.linalg.eigvalsh(objective.hessian(theta))
    assert eigenvalues[0] < -0.1 and eigenvalues[-1] > 0.1
    nearby = torch.randn(len(theta), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return objective, theta + 1e-3 * nearby


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
@pytest.mark.parametrize(("units", "l2"), [(3, 1e-3), (4, 1e-2)])
@pytest.mark.parametrize("seed", range(2))
def test_newton_leaves_a_saddle_and_never_goes_uphill(seed: int, units: int, l2: float, curvature: str, solver: str) -> None:
    objective, theta = saddle(units, l2, seed)
    found = descend(objective, lambda p: Newton(p, curvature=curvature, solver=solver), theta, 60)  # type: ignore[arg-type]
    assert_never_uphill(found)
    assert found.losses[-1] < 0.1 * found.losses[0]


@pytest.mark.parametrize("seed", range(3))
def test_the_hessian_converges_to_a_minimum_with_a_verdict_to_match(seed: int) -> None:
    objective, theta = saddle(3, 1e-3, seed)
    found = descend(objective, lambda p: Newton(p, curvature="hessian"), theta, 100)
    verdict = diagnose(objective, found.theta)
    assert found.optimizer.status == verdict.status == "converged"
    assert verdict.gradient_max <= 3.7e-11
    assert torch.linalg.eigvalsh(objective.hessian(found.theta))[0] > 0


def test_newtons_own_step_would_climb_to_the_saddle() -> None:
    """Negative control: without the absolute values the step is refused, and where it is not it returns to the saddle."""
    objective, theta = saddle(3, 1e-3, 0)
    hessian, gradient = objective.hessian(theta), objective.gradient(theta)
    climbing = theta - torch.linalg.lstsq(hessian, gradient[:, None], driver="gelsd").solution[:, 0]
    assert objective.gradient(climbing).norm() < 0.1 * gradient.norm()
    nothing = torch.zeros(len(theta), 0, dtype=torch.float64)
    with pytest.raises(SingularCurvatureError):
        DenseCurvature(hessian, nothing).solve(gradient, 0.0)
    found = descend(objective, lambda p: Newton(p, curvature="hessian", damping=1e-3, search="backtracking"), theta, 30)
    assert found.losses == sorted(found.losses, reverse=True)
    assert found.losses[-1] < 0.1 * found.losses[0]


@given(
    seed=st.integers(0, 10**6), method=st.sampled_from(["newton", "newton ggn", "newton cg", "diagonal", "diagonal hessian"])
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_adaptive_damping_never_increases_the_loss_of_a_network(seed: int, method: str) -> None:
    """Whatever its shape, activation and loss."""
    case = draw_case(seed, rows=6)
    makers: dict[str, Callable[[Any], CurvatureOptimizer]] = {
        "newton": lambda p: Newton(p, curvature="hessian"),
        "newton ggn": Newton,
        "newton cg": lambda p: Newton(p, curvature="hessian", solver="cg"),
        "diagonal": DiagonalNewton,
        "diagonal hessian": lambda p: DiagonalNewton(p, curvature="hessian"),
    }
    found = descend(case.objective(), makers[method], case.vector(), 8)
    assert_never_uphill(found)
    assert found.optimizer.status in (None, "converged", "stalled")
    if found.optimizer.status is None:
        assert found.losses[-1] < found.losses[0]


# -- Steps by hand ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("residual", [False, True])
def test_steps_with_a_fixed_damping(residual: bool) -> None:
    """Against the defaults of automatic differentiation, the absolute values of the curvature taken by hand."""
    case = make_case((3, 3, 3, 2), loss="categorical", residual=residual, rows=8, l2=0.1)
    objective, theta = case.objective(), case.vector()
    objective.penalty(theta)  # see `test_network_objective.test_defaults_may_be_asked_for_first`
    hessian, ggn = Objective.hessian(objective, theta), Objective.ggn(objective, theta)
    gradient, eye = Objective.gradient(objective, theta), torch.eye(len(theta), dtype=torch.float64)
    eigenvalues, vectors = torch.linalg.eigh(hessian)
    assert eigenvalues[0] < 0
    absolute = (vectors * eigenvalues.abs()) @ vectors.T
    expected = {
        ("newton", "hessian"): torch.linalg.solve(absolute + 0.2 * eye, gradient),
        ("newton", "ggn"): torch.linalg.solve(ggn + 0.2 * eye, gradient),
        ("diagonal", "hessian"): gradient / (hessian.diagonal().abs() + 0.2),
        ("diagonal", "ggn"): gradient / (ggn.diagonal() + 0.2),
    }
    for (method, curvature), step in expected.items():
        optimizer = Newton if method == "newton" else DiagonalNewton
        found = descend(objective, lambda p, o=optimizer, c=curvature: o(p, lr=0.5, damping=0.2, curvature=c), theta, 1)
        assert_close(found.theta, theta - 0.5 * step, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
def test_an_undamped_step_solves_a_linear_network_under_least_squares(curvature: Any) -> None:
    case = make_case((3, 2), "identity", loss="gaussian", rows=9)
    found = descend(case.objective(), lambda p: Newton(p, damping=0.0, curvature=curvature), case.vector(), 2)
    assert found.optimizer.status == "converged" and len(found.diagnostics) == 2
    x = torch.cat([case.features, torch.ones(9, 1, dtype=torch.float64)], 1)
    solution = torch.linalg.lstsq(x, case.targets).solution
    assert_close(found.theta, torch.cat([solution[:-1].T.flatten(), solution[-1]]), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("make", [Newton, DiagonalNewton, lambda p: Newton(p, solver="cg")], ids=["newton", "diagonal", "cg"])
def test_the_first_step_of_a_network_is_damped_by_its_mean_curvature(make: Any) -> None:
    """And that of a convex loss is not damped at all."""
    case = make_case((3, 4, 2), loss="categorical", rows=8, l2=0.1)
    objective, theta = case.objective(), case.vector()
    network = descend(objective, make, theta, 1)
    assert network.diagnostics[0]["damping"] * GROW ** -network.diagnostics[0]["rejected"] == pytest.approx(
        float(objective.ggn_diagonal(theta).mean())
    )
    convex = GLMObjective(case.loss, case.features, case.targets, 0.1)  # type: ignore[arg-type]
    assert descend(convex, make, torch.zeros(8, dtype=torch.float64), 1).diagnostics[0]["damping"] == 0.0


# -- Verdicts -----------------------------------------------------------------------------------------------------


def test_a_network_that_memorises_its_rows_runs_away_and_is_not_called_converged() -> None:
    """Separable classes without a penalty: the loss has no minimum, and no proof of one is invented."""
    case = make_case((2, 6, 3), loss="categorical", rows=6)
    objective = case.objective()
    found = descend(objective, Newton, case.vector(), 60)
    assert found.losses[-1] < 1e-6
    assert diagnose(objective, found.theta, stalled=found.optimizer.status == "stalled").status in ("budget", "stalled")


def test_a_run_that_was_cut_short_says_so() -> None:
    objective, theta = saddle(3, 1e-3, 0)
    found = descend(objective, Newton, theta, 3)
    assert found.optimizer.status is None
    assert diagnose(objective, found.theta).status == "budget"


def test_at_a_kink_where_no_step_helps_the_method_stalls() -> None:
    """|w x| as relu(w x) + relu(−w x), at its kink: whatever slope is taken there, the loss rises both ways or is flat."""
    network = DenseNetwork((1, 1, 1), "relu")
    objective = NetworkObjective(network, PseudoHuber(1, reweighted=True), torch.ones(4, 1).double(), torch.ones(4).double())
    theta = torch.tensor([0.0, -1.0, 0.0, 0.0], dtype=torch.float64)  # a dead unit, and a bias at 0
    found = descend(objective, Newton, theta, 50)
    assert found.optimizer.status == "converged"
    assert_close(found.theta[-1], torch.tensor(1.0, dtype=torch.float64), rtol=0, atol=1e-9)
    assert diagnose(objective, found.theta).status == "budget", "the dead unit leaves the minimiser undetermined"


def test_residual_networks_converge_too() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 2, dtype=torch.float64, generator=generator)
    labels = (x[:, 0] * x[:, 1] > 0).long()
    objective = NetworkObjective(ResidualNetwork((2, 4, 4, 2), "tanh"), Categorical(2), x, labels, 1e-2)
    theta = torch.randn(42, dtype=torch.float64, generator=generator)
    found = descend(objective, lambda p: Newton(p, curvature="hessian"), theta, 200)
    assert_never_uphill(found)
    assert found.optimizer.status == "converged"


def test_a_verdict_far_from_the_optimum_forms_no_hessian(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, theta = saddle(3, 1e-3, 0)

    def refuse(self: NetworkObjective, theta: Tensor) -> Tensor:
        raise AssertionError("the gradient says enough")

    monkeypatch.setattr(NetworkObjective, "hessian", refuse)
    assert diagnose(objective, theta).status == "budget"


def test_a_network_that_jumps_gets_a_verdict() -> None:
    case = make_case((3, 4, 2), "sign", loss="categorical", rows=8, l2=0.1)
    assert diagnose(case.objective(), case.vector()).status == "budget"


def test_the_last_layer_of_a_network_that_jumps_can_be_fitted() -> None:
    case = make_case((3, 4, 2), "sign", loss="squared", rows=20)
    found = descend(case.objective(), Newton, case.vector(), 60)
    assert_never_uphill(found)
    assert found.optimizer.status == "converged"
