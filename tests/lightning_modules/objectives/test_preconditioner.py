"""Preconditioners against the matrices they stand for, and what they save conjugate gradients."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective, Objective, Reduction
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.objectives.linear import glm_curvature
from lightning_modules.optimizers import Newton
from lightning_modules.solvers import JacobiSolver, KroneckerSolver, Solver, conjugate_gradients
from tests.lightning_modules.objectives.correlated_features import correlated
from tests.lightning_modules.objectives.network_cases import make_case
from tests.lightning_modules.objectives.queries import ask
from tests.lightning_modules.optimizers.fitting import normal, run
from tests.lightning_modules.processes import in_processes

FAMILIES: dict[str, Family] = {"gaussian3": Gaussian(3), "bernoulli": Bernoulli(), "categorical4": Categorical(4)}
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def random_psd(size: int, rank: int, generator: torch.Generator) -> Tensor:
    root = torch.randn(size, rank, dtype=torch.float64, generator=generator)
    return root @ root.T / rank


# -- Kronecker product --------------------------------------------------------------------------------------------


@given(
    outer_size=st.integers(1, 4),
    inner_size=st.integers(1, 5),
    ridge=st.sampled_from([0.0, 0.1]),
    damping=st.sampled_from([1e-3, 2.0]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, derandomize=True)
def test_solve_is_the_dense_inverse_in_the_layout_of_theta(
    outer_size: int, inner_size: int, ridge: float, damping: float, seed: int
) -> None:
    """(A ⊗ B + (ridge + μ) I)⁻¹ r for a random order of r, A and B singular in half of the draws."""
    generator = torch.Generator().manual_seed(seed)
    outer = random_psd(outer_size, max(1, outer_size - seed % 2), generator)
    inner = random_psd(inner_size, max(1, inner_size - seed % 2), generator)
    order = torch.randperm(outer_size * inner_size, generator=generator)
    preconditioner = KroneckerSolver(outer, *torch.linalg.eigh(inner), ridge, order)
    dense = torch.kron(outer, inner)[order][:, order]
    damped = dense + (ridge + damping) * torch.eye(len(dense), dtype=torch.float64)
    rhs = torch.randn(len(dense), dtype=torch.float64, generator=generator)
    assert_close(preconditioner.solve(rhs, damping), torch.linalg.solve(damped, rhs), rtol=1e-9, atol=1e-10)
    assert torch.allclose(preconditioner.diagonal(), dense.diagonal() + ridge, rtol=1e-12)
    form = rhs @ dense @ rhs + ridge * rhs @ rhs
    assert_close(preconditioner.quadratic_form(rhs), form, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_a_singular_product_is_solved_by_its_pseudo_inverse(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    outer, inner, order = random_psd(3, 2, generator), random_psd(4, 3, generator), torch.randperm(12, generator=generator)
    preconditioner = KroneckerSolver(outer, *torch.linalg.eigh(inner), 0.0, order)
    dense = torch.kron(outer, inner)[order][:, order]
    rhs = torch.randn(12, dtype=torch.float64, generator=generator)
    assert_close(preconditioner.solve(rhs, 0.0), torch.linalg.pinv(dense, hermitian=True, rtol=1e-10) @ rhs)


def test_no_curvature_at_all_solves_to_zero() -> None:
    zero = torch.zeros(2, 2, dtype=torch.float64)
    preconditioner = KroneckerSolver(zero, *torch.linalg.eigh(zero), 0.0, torch.arange(4))
    assert torch.equal(preconditioner.solve(torch.ones(4, dtype=torch.float64), 0.0), torch.zeros(4, dtype=torch.float64))


def test_single_precision_is_answered_in_its_own() -> None:
    objective = correlated(Bernoulli())
    for preconditioner in (
        objective.at(torch.zeros(9)).curvature("hessian").preconditioner(),
        JacobiSolver(torch.ones(9)),
    ):
        assert preconditioner.solve(torch.ones(9), 0.1).dtype == torch.float32


# -- Diagonal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damping", [0.0, 0.5])
def test_the_diagonal_is_inverted_in_its_absolute_values(damping: float) -> None:
    diagonal, rhs = torch.tensor([2.0, -0.5, 1e-3]).double(), torch.tensor([1.0, -2.0, 3.0]).double()
    preconditioner = JacobiSolver(diagonal)
    assert_close(preconditioner.solve(rhs, damping), rhs / (diagonal.abs() + damping))
    assert_close(preconditioner.diagonal(), diagonal.abs())


@pytest.mark.parametrize("diagonal", [[0.0, 0.0], [1.0, 0.0]], ids=str)
def test_zeros_on_the_diagonal_leave_the_answer_finite(diagonal: list[float]) -> None:
    solution = JacobiSolver(torch.tensor(diagonal, dtype=torch.float64)).solve(torch.ones(2, dtype=torch.float64), 0.0)
    assert torch.isfinite(solution).all() and (solution > 0).all()


# -- Of generalised linear models ---------------------------------------------------------------------------------


@each_family
@pytest.mark.parametrize("l2", [0.0, 0.2])
@pytest.mark.parametrize("damping", [0.01, 1.0])
def test_it_is_the_hessian_with_the_mean_curvature_of_the_rows(family: Family, l2: float, damping: float) -> None:
    objective = correlated(family, l2=l2)
    theta, rhs = normal(9 * family.num_outputs), normal(9 * family.num_outputs, seed=1)
    x = torch.cat([objective.features, objective.features.new_ones(120, 1)], 1)
    mean = family.curvature(objective.outputs(theta), objective.targets).mean(0)
    order = objective.layout.by_layout(theta.device)
    dense = torch.kron(mean.contiguous(), x.T @ x / 120)[order][:, order]
    # Under a penalty in the units of the penalty, otherwise in the scale of the parameters: what it is exact for.
    ridge = damping * (torch.ones(len(dense), dtype=torch.float64) if l2 else dense.diagonal())
    damped = dense + torch.diag(l2 + ridge)
    for preconditioner in (
        objective.at(theta).curvature("hessian").preconditioner(),
        objective.at(theta).curvature("ggn").preconditioner(),
    ):
        assert_close(preconditioner.solve(rhs, ridge), torch.linalg.solve(damped, rhs), rtol=1e-8, atol=1e-9)


def products(objective: Objective, theta: Tensor, preconditioner: Solver, tolerance: float = 1e-8) -> int:
    """How many products with the Hessian a Newton direction takes."""
    calls = 0

    def product(v: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return objective.at(theta).curvature("hessian").product(v)

    gradient = objective.at(theta).gradient
    step = conjugate_gradients(product, gradient, partial(preconditioner.solve, ridge=0.0), tolerance, 5000)
    assert (objective.at(theta).curvature("hessian").product(step) - gradient).norm() <= 10 * tolerance * gradient.norm()
    return calls


@pytest.mark.parametrize("targets", [1, 3])
def test_least_squares_take_one_product(targets: int) -> None:
    objective, theta = correlated(Gaussian(targets)), normal(9 * targets)
    assert products(objective, theta, objective.at(theta).curvature("hessian").preconditioner()) == 1
    assert products(objective, theta, JacobiSolver(objective.at(theta).curvature("hessian").diagonal())) > 1, "negative control"


@pytest.mark.parametrize("l2", [0.0, 1e-3])
def test_a_softmax_on_correlated_features_takes_a_third_of_the_products_of_the_diagonal(l2: float) -> None:
    objective = correlated(Categorical(10), rows=400, features=60, l2=l2)
    theta = 0.1 * normal(610)
    ours = products(objective, theta, objective.at(theta).curvature("hessian").preconditioner())
    diagonal = products(objective, theta, JacobiSolver(objective.at(theta).curvature("hessian").diagonal()))
    assert 3 * ours <= diagonal


@pytest.mark.parametrize(("rows", "features"), [(5, 6), (30, 40)])
def test_more_features_than_rows_fall_back_to_the_diagonal(rows: int, features: int) -> None:
    objective = correlated(Bernoulli(), rows, features)
    theta = normal(features + 1)
    preconditioner = objective.at(theta).curvature("hessian").preconditioner()
    assert isinstance(preconditioner, JacobiSolver)
    assert torch.equal(preconditioner.diagonal(), objective.at(theta).curvature("hessian").diagonal())
    assert "gram" not in vars(objective.rows), "which is what it is for"


def test_so_do_features_whose_gram_matrix_costs_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, theta = correlated(Bernoulli()), normal(9)
    assert isinstance(objective.at(theta).curvature("hessian").preconditioner(), KroneckerSolver)
    monkeypatch.setattr(glm_curvature, "MOST_GRAM_FEATURES", 7)
    assert isinstance(objective.at(theta).curvature("hessian").preconditioner(), JacobiSolver)


def test_the_rows_of_all_processes_decide() -> None:
    """Six features: more than each process's rows, fewer than all; a process alone must not decide otherwise."""
    whole, theta, rhs = correlated(Bernoulli(), rows=10, features=6), normal(7), normal(7, seed=1)
    x, y = whole.features, whole.targets

    def share(rank: int, reduction: Reduction) -> Tensor:
        return (
            GLMObjective(Bernoulli(), x[rank::3], y[rank::3], reduction=reduction)
            .at(theta)
            .curvature("hessian")
            .preconditioner()
            .solve(rhs, 0.1)
        )

    for solution in in_processes(3, share):
        assert_close(solution, whole.at(theta).curvature("hessian").preconditioner().solve(rhs, 0.1), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["hessian", "ggn"])
def test_the_default_is_the_absolute_diagonal_of_the_curvature(name: str) -> None:
    case = make_case((3, 4, 2), rows=5)
    objective, theta = case.objective(), case.vector()
    preconditioner = ask(objective.at(theta), f"{name}_preconditioner")
    assert isinstance(preconditioner, JacobiSolver)
    assert torch.equal(preconditioner.diagonal(), ask(objective.at(theta), f"{name}_diagonal").abs())


@pytest.mark.parametrize("family", [Bernoulli(), Gaussian(1)], ids=["bernoulli", "gaussian"])
@pytest.mark.parametrize(
    "unit",
    [1.0, 1e-3, 1e-6, 1e-8],
)
def test_conjugate_gradients_converge_whatever_the_units_of_the_features(family: Family, unit: float) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 4, dtype=torch.float64, generator=generator)
    z = x.sum(1) + torch.randn(200, dtype=torch.float64, generator=generator)
    scaled = x * torch.tensor([unit, 1, 1, 1], dtype=torch.float64)
    objective = GLMObjective(family, scaled, z if isinstance(family, Gaussian) else (z > 0).long())
    assert run(objective, lambda p: Newton(p, solver="cg"), 40).optimizer.status == "converged"
