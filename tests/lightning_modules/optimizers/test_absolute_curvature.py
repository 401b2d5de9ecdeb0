"""An indefinite matrix taken by the absolute values of its eigenvalues, a definite one as it is."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.solvers import DenseSolver, SingularCurvatureError

NO_DIRECTION = torch.zeros(4, 0, dtype=torch.float64)


def symmetric(eigenvalues: list[float], seed: int = 0) -> tuple[Tensor, Tensor]:
    """A matrix of these eigenvalues, and its eigenvectors as columns: Hadamard's, which give every parameter the same scale."""
    generator = torch.Generator().manual_seed(seed)
    signs = 2 * torch.randint(2, (4, 1), generator=generator).double() - 1
    pair = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    vectors = signs * torch.kron(pair, pair) / 2
    return (vectors * torch.tensor(eigenvalues, dtype=torch.float64)) @ vectors.T, vectors


@pytest.mark.parametrize("eigenvalues", [[2.0, -1.0, 0.5, -3.0], [-1.0, -2.0, -3.0, -4.0], [5.0, 1.0, 1.0, -1e-4]], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_an_indefinite_matrix_is_taken_by_the_absolute_values_of_its_eigenvalues(eigenvalues: list[float], seed: int) -> None:
    matrix, vectors = symmetric(eigenvalues, seed)
    absolute = (vectors * torch.tensor(eigenvalues, dtype=torch.float64).abs()) @ vectors.T
    curvature = DenseSolver(matrix, NO_DIRECTION, absolute=True)
    assert_close(curvature.matrix, absolute, rtol=1e-12, atol=1e-13)
    g = torch.ones(4, dtype=torch.float64)
    assert_close(curvature.solve(g, 0.0), torch.linalg.solve(absolute, g), rtol=1e-6, atol=1e-7)
    damped = absolute + 0.3 * torch.eye(4, dtype=torch.float64)
    assert_close(curvature.solve(g, 0.3), torch.linalg.solve(damped, g), rtol=1e-11, atol=1e-12)
    assert_close(curvature.quadratic_form(g), g @ absolute @ g)
    assert_close(curvature.diagonal(), absolute.diagonal())
    assert g @ curvature.solve(g, 0.0) > 0, "so that a step against it leads downhill"
    with pytest.raises(SingularCurvatureError):
        DenseSolver(matrix, NO_DIRECTION).solve(g, 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_the_absolute_values_are_those_in_the_parameters_own_scale(seed: int) -> None:
    """In other units the solution is the same in those units."""
    matrix, _ = symmetric([2.0, -1.0, 0.5, -3.0], seed)
    matrix, g = matrix + torch.diag(torch.arange(4.0, dtype=torch.float64)), torch.ones(4, dtype=torch.float64)
    unit = torch.tensor([1e-8, 1.0, 3.7e5, 1e8], dtype=torch.float64)
    plain = DenseSolver(matrix, NO_DIRECTION, absolute=True).solve(g, 0.0)
    scaled = DenseSolver(unit[:, None] * matrix * unit, NO_DIRECTION, absolute=True).solve(unit * g, 0.0)
    assert_close(unit * scaled, plain, rtol=1e-10, atol=0)


def test_a_definite_matrix_is_left_alone_to_the_last_bit() -> None:
    matrix, _ = symmetric([3.0, 1.0, 0.5, 0.1])
    curvature = DenseSolver(matrix, NO_DIRECTION, absolute=True)
    assert torch.equal(curvature.matrix, matrix)
    assert torch.equal(curvature.solve(matrix[0], 0.1), DenseSolver(matrix, NO_DIRECTION).solve(matrix[0], 0.1))


def test_directions_that_change_nothing_stay_so() -> None:
    matrix, vectors = symmetric([2.0, -1.0, 3.0, 0.0])
    curvature = DenseSolver(matrix, vectors[:, 3:], absolute=True)
    absolute = (vectors * torch.tensor([2.0, 1.0, 3.0, 0.0], dtype=torch.float64)) @ vectors.T
    g = vectors[:, :3].sum(1)
    expected = torch.linalg.pinv(absolute, hermitian=True, rtol=1e-9) @ g
    assert_close(curvature.solve(g, 0.0), expected, rtol=1e-9, atol=1e-10)


def test_a_matrix_that_is_definite_but_for_such_directions_is_left_alone_too() -> None:
    matrix = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    shift = torch.full((2, 1), 0.5**0.5, dtype=torch.float64)
    assert torch.equal(DenseSolver(matrix, shift, absolute=True).matrix, matrix)
