"""Linear systems: right where they can be solved, refused where they cannot."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.solvers import SingularCurvatureError, cholesky, conjugate_gradients
from tests.lightning_modules.optimizers.fitting import normal


def random_spd(size: int, seed: int, smallest: float = 0.1) -> Tensor:
    rotation = torch.linalg.qr(normal(size, size, seed=seed)).Q
    matrix = rotation @ torch.linspace(smallest, 3, size, dtype=torch.float64).diag() @ rotation.T
    return (matrix + matrix.T) / 2


# -- Cholesky -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 7, 40])
@pytest.mark.parametrize("seed", range(3))
def test_cholesky_equals_a_general_solver(size, seed):
    matrix, rhs = random_spd(size, seed), normal(size, seed=seed + 50)
    assert_close(cholesky(matrix).solve(rhs), torch.linalg.solve(matrix, rhs), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_bad_units_are_no_singularity(seed):
    """S A S x = S b with S = 10^−8 … 10^8 is the same problem in other units, although its condition is beyond 1e30."""
    size = 9
    matrix, rhs = random_spd(size, seed), normal(size, seed=seed + 50)
    scale = 10 ** torch.linspace(-8, 8, size, dtype=torch.float64)[torch.randperm(size)]
    solution = cholesky(scale[:, None] * matrix * scale).solve(scale * rhs)
    assert_close(scale * solution, torch.linalg.solve(matrix, rhs), rtol=1e-10, atol=1e-11)


def test_single_precision_is_solved_in_double():
    matrix, rhs = random_spd(5, 0).float(), normal(5).float()
    assert_close(cholesky(matrix).solve(rhs), torch.linalg.solve(matrix.double(), rhs.double()))


@pytest.mark.parametrize("seed", range(200))
def test_every_singular_gram_matrix_is_refused(seed):
    """A Cholesky factorisation runs through on a good part of these, because rounding makes the last pivots positive."""
    generator = torch.Generator().manual_seed(seed)
    size, rows = 2 + seed % 30, 40
    x = torch.randn(rows, size, dtype=torch.float64, generator=generator)
    kind = seed % 4
    if kind == 0:  # a column twice
        x[:, -1] = x[:, 0]
    elif kind == 1:  # a column that is a combination of all others
        x[:, 0] = x[:, 1:] @ torch.randn(size - 1, dtype=torch.float64, generator=generator)
    elif kind == 2:  # fewer rows than columns
        x = x[: size - 1]
    else:  # a column twice, in other units
        x[:, -1] = x[:, 0]
        x = x * 10 ** torch.empty(size, dtype=torch.float64).uniform_(-6, 6, generator=generator)
    with pytest.raises(SingularCurvatureError):
        cholesky(x.T @ x / rows)


NAN = float("nan")


@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0, 0.0], [0.0, -1e-3]],
        [[1.0, 2.0], [2.0, 1.0]],
        [[0.0, 0.0], [0.0, 1.0]],
        [[1.0, NAN], [NAN, 1.0]],
        [[NAN, 0.0], [0.0, 1.0]],
        [[float("inf"), 0.0], [0.0, 1.0]],
    ],
    ids=["negative", "indefinite", "zero", "nan", "nan diagonal", "inf"],
)
def test_what_is_not_positive_definite_is_refused_with_the_remedies(matrix):
    with pytest.raises(SingularCurvatureError, match="2 × 2 curvature matrix is singular or not positive") as refusal:
        cholesky(torch.tensor(matrix, dtype=torch.float64))
    for remedy in ("damping='adaptive'", "damping > 0", "l2 > 0", "redundant features"):
        refusal.match(remedy)


def identity(r: Tensor) -> Tensor:
    return r


# -- Conjugate gradients ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preconditioned", [False, True])
@pytest.mark.parametrize("size", [1, 5, 30])
def test_conjugate_gradients_equal_a_direct_solver(size, preconditioned):
    matrix, rhs = random_spd(size, 1), normal(size)
    preconditioner = (lambda r: r / matrix.diagonal()) if preconditioned else identity
    solution = conjugate_gradients(lambda v: matrix @ v, rhs, preconditioner, 1e-13, 10 * size)
    assert_close(solution, torch.linalg.solve(matrix, rhs), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("tolerance", [0.5, 1e-2, 1e-6])
def test_conjugate_gradients_stop_at_the_tolerance_and_not_before(tolerance):
    matrix, rhs, products = random_spd(30, 2, smallest=1e-3), normal(30), []

    def product(v: Tensor) -> Tensor:
        products.append(v)
        return matrix @ v

    solution = conjugate_gradients(product, rhs, identity, tolerance, 300)
    assert (matrix @ solution - rhs).norm() <= 1.01 * tolerance * rhs.norm()
    earlier = conjugate_gradients(lambda v: matrix @ v, rhs, identity, tolerance, len(products) - 1)
    assert (matrix @ earlier - rhs).norm() > tolerance * rhs.norm()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("iterations", [1, 2, 3, 5, 10, 25])
def test_conjugate_gradients_give_a_descent_direction_however_early_they_stop(seed, iterations):
    """And one along which the quadratic model falls, even where the matrix is singular: its right-hand side is in its range."""
    x = normal(15, 20, seed=seed)
    matrix, rhs = x.T @ x, x.T @ normal(15, seed=seed + 50)
    solution = conjugate_gradients(lambda v: matrix @ v, rhs, lambda r: r / matrix.diagonal(), 1e-14, iterations)
    assert solution @ rhs > 0
    assert 0.5 * solution @ matrix @ solution - rhs @ solution < 0


@pytest.mark.parametrize("tolerance", [0.3, 0.1, 0.01])
def test_in_the_norm_of_a_perfect_preconditioner_the_error_of_the_energy_is_the_tolerance_squared(tolerance: float) -> None:
    """With P close to A, bᵀA⁻¹b − bᵀx = ‖x − A⁻¹b‖²_A is at most tolerance² of bᵀA⁻¹b, to the closeness of P."""
    root = normal(60, 60)
    matrix = root @ root.T + torch.diag(torch.logspace(-3, 3, 60).double())
    noise = normal(60, 60, seed=1) / 200
    half = torch.linalg.cholesky(matrix)
    close = half @ (torch.eye(60).double() + noise + noise.T) @ half.T
    rhs = normal(60, seed=2)
    products: list[None] = []

    def product(v: Tensor) -> Tensor:
        products.append(None)
        return matrix @ v

    x = conjugate_gradients(product, rhs, lambda r: torch.linalg.solve(close, r), tolerance, 60)
    energy = rhs @ torch.linalg.solve(matrix, rhs)
    assert 0 <= float(1 - rhs @ x / energy) <= 1.5 * tolerance**2
    assert 1 <= len(products) < 30


def test_a_zero_right_hand_side_needs_no_product():
    def product(v: Tensor) -> Tensor:
        raise AssertionError("the solution is 0")

    zero = torch.zeros(3, dtype=torch.float64)
    assert_close(conjugate_gradients(product, zero, identity, 1e-3, 10), zero)


@pytest.mark.parametrize("diagonal", [[-1.0, -2.0], [0.0, 0.0], [1.0, -5.0]], ids=["negative", "zero", "indefinite"])
def test_no_positive_curvature_along_the_first_direction_is_refused(diagonal):
    matrix = torch.tensor(diagonal, dtype=torch.float64).diag()
    one = torch.ones(2, dtype=torch.float64)
    with pytest.raises(SingularCurvatureError, match="not positive: use damping='adaptive' or a damping > 0"):
        conjugate_gradients(lambda v: matrix @ v, one, identity, 1e-8, 10)


def test_negative_curvature_met_later_ends_with_what_was_gained():
    matrix = torch.tensor([10.0, 1.0, -0.1], dtype=torch.float64).diag()
    rhs = torch.tensor([1.0, 1.0, 0.5], dtype=torch.float64)
    solution = conjugate_gradients(lambda v: matrix @ v, rhs, identity, 1e-12, 30)
    assert torch.isfinite(solution).all() and solution @ rhs > 0
    assert 0.5 * solution @ matrix @ solution - rhs @ solution < 0
