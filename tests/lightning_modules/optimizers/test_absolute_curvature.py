"""An indefinite matrix taken by the absolute values of its eigenvalues, a definite one as it is."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.solvers import DenseSolver, SingularCurvatureError

NO_DIRECTION = torch.zeros(4, 0, dtype=torch.float64)


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
    curvature = DenseSolver(matrix, NO_DIRECTION, absolute=True)
    assert_close(curvature.matrix, absolute, rtol=1e-12, atol=1e-13)
    g = torch.ones(4, dtype=torch.float64)
    assert_close(curvature.solve(g, 0.0), torch.linalg.solve(absolute, g), rtol=1e-6, atol=1e-7)
    damped = absolute + 0.3 * torch.eye(4, dtype=torch.float64)
    assert_close(curvature.solve(g, 0.3), torch.linalg.solve(damped, g), rtol=1e-11, atol=1e-12)
    assert_close(curvature.quadratic_form(g), g @ absolute @ g)
    assert curvature.mean() == pytest.approx(float(absolute.diagonal().mean()))
    assert g @ curvature.solve(g, 0.0) > 0, "so that a step against it leads downhill"
    with pytest.raises(SingularCurvatureError):
        DenseSolver(matrix, NO_DIRECTION).solve(g, 0.0)


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
