"""The updates against the BFGS matrix written out, and what they must not learn."""

from typing import Any

import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.optimizers import secant_pairs


def learn(pairs: list[secant_pairs.Pair], *pair: Any) -> None:
    """Keep a pair that says something."""
    if secant_pairs.is_told(*pair):
        pairs.append(pair[:2])


def positive(p: int, seed: int) -> Tensor:
    root = torch.randn(p, p, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return root @ root.T + torch.eye(p)


def updated(matrix: Tensor, s: Tensor, y: Tensor) -> Tensor:
    """B − Bssᵀ B / sᵀBs + yyᵀ / yᵀs: Nocedal and Wright (2006), equation 6.19."""
    image = matrix @ s
    return matrix - torch.outer(image, image) / (s @ image) + torch.outer(y, y) / (y @ s)


def test_they_solve_with_the_bfgs_matrix() -> None:
    start, true = positive(6, 0), positive(6, 1)
    generator = torch.Generator().manual_seed(2)
    pairs: list[secant_pairs.Pair] = []
    matrix = start
    for _ in range(4):
        step = torch.randn(6, dtype=torch.float64, generator=generator)
        learn(pairs, step, true @ step)
        matrix = updated(matrix, step, true @ step)
    rhs = torch.randn(6, dtype=torch.float64, generator=generator)
    solution = secant_pairs.solve(pairs, lambda r: torch.linalg.solve(start, r), rhs)
    assert_close(matrix @ solution, rhs)
    step, change = pairs[-1]
    assert_close(secant_pairs.solve(pairs, lambda r: torch.linalg.solve(start, r), change), step)


def test_without_pairs_the_known_curvature_is_all() -> None:
    assert secant_pairs.solve([], lambda r: 2 * r, torch.ones(3)).tolist() == [2.0, 2.0, 2.0]


def test_no_curvature_is_learned_from_rounding() -> None:
    pairs: list[secant_pairs.Pair] = []
    step = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for change in ([0.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [1e-12, 1.0]):
        learn(pairs, step, torch.tensor(change, dtype=torch.float64))
    assert not pairs
    learn(pairs, step, torch.tensor([1e-9, 1e-3], dtype=torch.float64))
    assert len(pairs) == 1


def test_what_rounding_hides_does_not_depend_on_units() -> None:
    unit = torch.tensor([2.0**-40, 2.0**40], dtype=torch.float64)
    for slope in (1e-12, 1e-3):
        step = torch.tensor([1.0, 0.0], dtype=torch.float64)
        change = torch.tensor([slope, 1.0], dtype=torch.float64)
        plain: list[secant_pairs.Pair] = []
        scaled: list[secant_pairs.Pair] = []
        learn(plain, step, change)
        learn(scaled, unit * step, change / unit, unit)
        assert len(plain) == len(scaled) == (slope > 1e-8)
