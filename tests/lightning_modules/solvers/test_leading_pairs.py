"""Of a falling function of a Kronecker product only the leading pairs of eigenvectors are computed."""

import pytest
import torch
from torch import Tensor

from lightning_modules.solvers.kronecker_blocks import Eigenbasis
from lightning_modules.solvers.leading_pairs import Corner, LeadingPairs, corner_of

TOLD = 1.1


def root(damped: Tensor) -> Tensor:
    return damped.rsqrt()


def semidefinite(groups: int, size: int, falling: float) -> Tensor:
    basis = torch.linalg.qr(torch.randn(groups, size, size, dtype=torch.float64)).Q
    return basis * torch.exp(-falling * torch.arange(size)) @ basis.mT


def a_basis(groups: int, out: int, inputs: int, falling: float = 0.3) -> tuple[Eigenbasis, Tensor, Tensor]:
    torch.manual_seed(out)
    a, g = semidefinite(groups, inputs, falling), semidefinite(groups, out, falling)
    places = torch.arange(groups * out * inputs).view(groups, out, inputs)
    return Eigenbasis.of(a, g, places, torch.full((places.numel(),), 0.01, dtype=torch.float64)), a, g


def whole(basis: Eigenbasis, damping: Tensor, v: Tensor) -> Tensor:
    turned = basis.outputs.mT @ v @ basis.inputs
    return basis.outputs @ (turned * root(basis.values + damping)) @ basis.inputs.mT


SHAPES = pytest.mark.parametrize(
    ("groups", "out", "inputs"), [(1, 6, 31), (1, 31, 6), (1, 20, 20), (3, 7, 9), (1, 1, 5), (1, 5, 1)]
)


@SHAPES
def test_all_pairs_are_the_function_of_the_matrix(groups: int, out: int, inputs: int) -> None:
    basis, a, g = a_basis(groups, out, inputs)
    damping, v = torch.tensor(0.05, dtype=torch.float64), torch.randn(groups, out, inputs, dtype=torch.float64)
    function = LeadingPairs(basis, corner_of(basis.values, damping, 1.0), lambda values: root(values + damping))
    for group in range(groups):
        matrix = torch.kron(g[group], a[group]) + (0.01 + damping) * torch.eye(out * inputs, dtype=torch.float64)
        values, vectors = torch.linalg.eigh(matrix)
        expected = vectors @ (root(values) * (vectors.T @ v[group].flatten()))
        torch.testing.assert_close(function(v)[group].flatten(), expected, rtol=1e-9, atol=1e-9)


@SHAPES
@pytest.mark.parametrize("damping", [0.001, 0.05, 10.0])
def test_what_is_left_out_is_nearly_the_least(groups: int, out: int, inputs: int, damping: float) -> None:
    basis, _, _ = a_basis(groups, out, inputs)
    damping = torch.tensor(damping, dtype=torch.float64)
    corner = corner_of(basis.values, damping, TOLD)
    function = LeadingPairs(basis, corner, lambda values: root(values + damping))
    # Of eigenvectors one by one: pairs that differ are exact, and others at most as far off as was asked for.
    told = basis.values + damping > TOLD * (basis.values[:, -1:, -1:] + damping)
    for k in range(out):
        for j in range(inputs):
            v = basis.outputs[:, :, k, None] * basis.inputs[:, None, :, j]
            factor = (function(v) * v).sum((1, 2))
            exact = root(basis.values + damping)[:, k, j]
            torch.testing.assert_close(function(v), factor[:, None, None] * v, rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(factor[told[:, k, j]], exact[told[:, k, j]], rtol=1e-9, atol=0.0)
            assert bool(((factor >= exact * (1 - 1e-9)) & (factor <= exact * TOLD**0.5 * (1 + 1e-9))).all())


def test_it_takes_a_small_part_of_the_operations() -> None:
    basis, _, _ = a_basis(1, 64, 200, falling=0.1)
    damping = basis.values.mean()
    rows, width, last, columns = corner_of(basis.values, damping, TOLD)
    covered = torch.zeros(64, 200, dtype=torch.bool)
    covered[:rows, :width] = covered[rows:last, :columns] = True
    told = basis.values[0] + damping > TOLD * (basis.values[0, -1, -1] + damping)
    assert bool((covered | ~told).all())
    operations = rows * width * (64 + width) + columns * 64 * (200 + last - rows)
    assert operations < 0.35 * 64 * 200 * (64 + 200)
    v = torch.randn(1, 64, 200, dtype=torch.float64)
    function = LeadingPairs(basis, Corner(rows, width, last, columns), lambda values: root(values + damping))
    exact = whole(basis, damping, v)
    assert float((function(v) - exact).norm() / exact.norm()) < 0.01
    # A corner too small is seen.
    cut = LeadingPairs(basis, Corner(rows, width, last, columns // 4), lambda values: root(values + damping))
    assert float((cut(v) - exact).norm() / exact.norm()) > 0.02


def test_a_multiple_of_the_unit_matrix_needs_no_products() -> None:
    basis, _, _ = a_basis(1, 4, 5)
    flat = basis._replace(values=torch.full_like(basis.values, 2.0))
    corner = corner_of(flat.values, torch.tensor(2.0), TOLD)
    assert corner.width == corner.last == 0
    v = torch.randn(1, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(LeadingPairs(flat, corner, lambda values: root(values + 2.0))(v), v / 2)
