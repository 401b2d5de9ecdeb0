"""Linear systems whose unknowns are in other units: the same solution in those units, from as many products."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.solvers import (
    DenseSolver,
    DiagonalSolver,
    JacobiSolver,
    KroneckerSolver,
    MatrixFreeSolver,
    SingularCurvatureError,
    Solver,
    cholesky,
    completed,
    conjugate_gradients,
)
from tests.lightning_modules.optimizers.fitting import normal
from tests.lightning_modules.optimizers.units import EXACT, ODD, units

EMPTY = torch.zeros(6, 0, dtype=torch.float64)


def definite(size: int, seed: int) -> Tensor:
    root = normal(size + 3, size, seed=seed)
    return root.T @ root / size


def kronecker(outer: Tensor, inner: Tensor, scale: Tensor, order: Tensor, ridge: float = 0.0) -> tuple[KroneckerSolver, Tensor]:
    """The solver and its matrix: A ⊗ (t B t) + ridge in that order, B scaled to what it is."""
    factor = KroneckerSolver(outer, *torch.linalg.eigh(inner), ridge, order, scale)
    matrix = torch.kron(outer, scale[:, None] * inner * scale)[order][:, order]
    return factor, matrix + ridge * torch.eye(len(matrix), dtype=matrix.dtype)


# -- Kronecker product -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [(1.0,), EXACT, ODD], ids=["one unit", "exact", "odd"])
@pytest.mark.parametrize("mu", [0.0, 1e-6, 0.3, 1e4])
@pytest.mark.parametrize("seed", range(4))
def test_a_kronecker_product_with_a_ridge_in_its_scale_is_solved_exactly(kind: tuple[float, ...], mu: float, seed: int) -> None:
    """The ridge μ a_k² t_j² of a parameter is its own share; A's own scale a is its root of the diagonal."""
    outer, scale = definite(2, seed), units(3, kind)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    solver, matrix = kronecker(outer, definite(3, seed + 10), scale, order)
    own = (outer.diagonal()[:, None] * scale.square()).flatten()[order]
    g = own.sqrt() * normal(6, seed=seed + 20)
    dense = cholesky(matrix + torch.diag(mu * own))
    assert_close(solver.solve(g, mu * own) * own.sqrt(), dense.solve(g) * own.sqrt(), rtol=1e-9, atol=1e-12)
    assert_close(solver.diagonal(), matrix.diagonal(), rtol=1e-12, atol=0)
    v = normal(6, seed=seed + 30) / own.sqrt()
    assert_close(solver.quadratic_form(v), v @ matrix @ v, rtol=1e-12, atol=0)


@pytest.mark.parametrize("seed", range(4))
def test_a_kronecker_product_with_another_ridge_is_in_between(seed: int) -> None:
    """With the mean in place of the ridges it is still definite and preconditions better than no ridge."""
    outer, scale = definite(2, seed), units(3, ODD)
    solver, matrix = kronecker(outer, definite(3, seed + 10), scale, torch.arange(6))
    own = (outer.diagonal()[:, None] * scale.square()).flatten()
    ridge = own * torch.tensor([0.5, 1.0, 2.0, 1.0, 0.7, 1.3], dtype=torch.float64)
    damped = matrix + torch.diag(ridge)
    half = torch.stack([solver.solve(column, ridge) for column in damped.T], 1)  # P⁻¹(C + R)
    values = torch.linalg.eigvals(half).real
    bare = torch.stack([solver.solve(column, 0.0) for column in damped.T], 1)
    assert values.min() >= 0.4 and values.max() <= 2.5
    assert torch.linalg.eigvals(bare).real.max() > values.max()


def test_a_kronecker_product_solves_the_same_system_in_other_units() -> None:
    outer, inner, g = definite(2, 1), definite(3, 2), normal(6, seed=3)
    unit = units(3, EXACT)
    plain, scaled = (kronecker(outer, inner, t, torch.arange(6))[0] for t in (torch.ones_like(unit), 1 / unit))
    each = unit.repeat(2)
    own = outer.diagonal().repeat_interleave(3)
    assert torch.equal(scaled.solve(g / each, 0.3 * own / each**2), each * plain.solve(g, 0.3 * own))


# -- directions that change nothing ------------------------------------------------------------------------------------


def softmax(feature: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hessian, common shifts, and the units of θ."""
    x, y = normal(40, 4, seed=1), torch.arange(40) % 3
    objective, theta = GLMObjective(Categorical(3), x * feature, y), normal(15, seed=2)
    unit = torch.cat([(1 / feature).repeat(3), torch.ones(3, dtype=torch.float64)])
    point = objective.at(unit * theta)
    return point.curvature("hessian").matrix(), objective.invariant_directions(point.theta), unit


def test_a_matrix_is_completed_in_the_units_of_its_parameters() -> None:
    one, feature = torch.ones(4, dtype=torch.float64), units(4, EXACT)
    (plain, shifts, _), (scaled, same, unit) = softmax(one), softmax(feature)
    assert torch.equal(shifts, same) and shifts.shape == (15, 5)
    assert torch.equal(unit[:, None] * completed(scaled, same) * unit, completed(plain, shifts))
    values = torch.linalg.eigvalsh(completed(plain, shifts))
    assert values[0] > 1e-3, "regular"
    g = plain @ normal(15, seed=4)
    solution = cholesky(completed(plain, shifts)).solve(g)
    assert_close(plain @ solution, g, rtol=1e-10, atol=1e-12)
    assert (shifts.T @ solution).abs().max() <= 1e-12


def test_completed_by_ones_it_would_be_singular_in_large_units() -> None:
    """Negative control: VVᵀ is nothing beside curvatures of 1e16, or all there is beside those of 1e-16."""
    for size in (1e9, 1e-9):
        matrix, shifts, _ = softmax(torch.full((4,), size, dtype=torch.float64))
        cholesky(completed(matrix, shifts))
        with pytest.raises(SingularCurvatureError):
            cholesky(matrix + shifts @ shifts.T)


# -- conjugate gradients -----------------------------------------------------------------------------------------------


def counted(solver: Callable[[Tensor], Tensor]) -> tuple[Callable[[Tensor], Tensor], list[int]]:
    calls: list[int] = []

    def product(v: Tensor) -> Tensor:
        calls.append(1)
        return solver(v)

    return product, calls


@pytest.mark.parametrize("kind", [EXACT, ODD], ids=["exact", "odd"])
@pytest.mark.parametrize("tolerance", [0.1, 1e-3, 1e-8])
def test_conjugate_gradients_take_as_many_products_in_other_units(kind: tuple[float, ...], tolerance: float) -> None:
    for seed in range(8):
        matrix, g, unit = definite(12, seed), normal(12, seed=seed + 50), units(12, kind)
        scaled = matrix / unit / unit[:, None]
        (ours, first), (theirs, second) = counted(lambda v: matrix @ v), counted(lambda v: scaled @ v)  # noqa: B023
        x = conjugate_gradients(ours, g, lambda r: r / matrix.diagonal(), tolerance, 100)  # noqa: B023
        y = conjugate_gradients(theirs, g / unit, lambda r: r / scaled.diagonal(), tolerance, 100)  # noqa: B023
        assert len(first) == len(second)
        assert_close(y / unit, x, rtol=1e-6, atol=1e-9 * float(x.abs().max()))
        if kind is EXACT:
            assert torch.equal(y / unit, x)


def test_measured_without_the_preconditioner_they_would_stop_elsewhere() -> None:
    """Negative control: without one, that is with 1, units are all that is solved for."""
    matrix, g, unit = definite(12, 0), normal(12, seed=50), units(12, ODD)
    scaled = matrix / unit / unit[:, None]
    x = conjugate_gradients(lambda v: matrix @ v, g, lambda r: r, 0.1, 100)
    y = conjugate_gradients(lambda v: scaled @ v, g / unit, lambda r: r, 0.1, 100)
    assert (y / unit - x).abs().max() > 0.1 * x.abs().max()


@pytest.mark.parametrize("family", [Gaussian(2), Bernoulli(), Categorical(3)], ids=lambda family: type(family).__name__)
@pytest.mark.parametrize("mu", [0.0, 0.1])
def test_the_system_of_a_linear_model_takes_as_many_in_other_units(family: Family, mu: float) -> None:
    x, feature, outputs = normal(60, 4, seed=1), units(4, EXACT), family.num_outputs
    y = normal(60, 2, seed=5) if isinstance(family, Gaussian) else torch.arange(60) % max(2, outputs)
    unit = torch.cat([(1 / feature).repeat(outputs), torch.ones(outputs, dtype=torch.float64)])
    theta, found = 0.3 * normal(5 * outputs, seed=2), []
    for rows, own in ((x, torch.ones_like(unit)), (x * feature, unit)):
        point = GLMObjective(family, rows, y).at(own * theta)
        solver = point.curvature("hessian").solver("cg", tolerance=1e-6)
        assert isinstance(solver, MatrixFreeSolver) and isinstance(solver.preconditioner, KroneckerSolver)
        solver.product, calls = counted(solver.product)
        step = solver.solve(point.gradient, mu * solver.diagonal())
        found.append((len(calls), step / own))
    assert found[0][0] == found[1][0] > 0
    assert torch.equal(found[0][1], found[1][1])


# -- every solver ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [DiagonalSolver, JacobiSolver], ids=["diagonal", "jacobi"])
def test_a_diagonal_is_solved_with_in_any_unit(make: Callable[[Tensor], Solver]) -> None:
    diagonal, g, unit = definite(6, 1).diagonal(), normal(6, seed=2), units(6, EXACT)
    plain, scaled = make(diagonal), make(diagonal / unit**2)
    assert torch.equal(scaled.solve(g / unit, 0.3 * diagonal / unit**2), unit * plain.solve(g, 0.3 * diagonal))


@pytest.mark.parametrize("is_absolute", [False, True])
def test_a_matrix_is_solved_with_in_any_unit(is_absolute: bool) -> None:
    matrix, g, unit = definite(6, 1), normal(6, seed=2), units(6, EXACT)
    if is_absolute:
        matrix = matrix - 2 * torch.diag(matrix.diagonal()) * torch.tensor([1, 0, 0, 1, 0, 0], dtype=torch.float64)
    plain = DenseSolver(matrix, EMPTY, is_absolute)
    scaled = DenseSolver(matrix / unit / unit[:, None], EMPTY, is_absolute)
    own = plain.diagonal()
    assert torch.equal(scaled.solve(g / unit, 0.3 * own / unit**2), unit * plain.solve(g, 0.3 * own))


def test_absolute_values_where_the_diagonal_is_zero_are_those_in_the_scale_of_the_others() -> None:
    """The first parameter has no curvature of its own, only with the second: its scale is lent by that one."""
    matrix = torch.tensor([[0.0, 3.0, 0.0], [3.0, 4.0, 1.0], [0.0, 1.0, 2.0]], dtype=torch.float64)
    unit, g, none = units(3, EXACT), normal(3, seed=2), torch.zeros(3, 0, dtype=torch.float64)
    plain = DenseSolver(matrix, none, absolute=True)
    scaled = DenseSolver(matrix / unit / unit[:, None], none, absolute=True)
    assert torch.equal(scaled.matrix, plain.matrix / unit / unit[:, None])
    assert torch.equal(scaled.solve(g / unit, 0.0), unit * plain.solve(g, 0.0))
    assert torch.linalg.eigvalsh(plain.matrix)[0] > 0
