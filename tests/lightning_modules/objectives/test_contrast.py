"""The contrastive loss in two parts: lightly's value, the Gauss–Newton matrix by definition, draws of its covariance."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from lightly.loss import NTXentLoss
from torch import Tensor, nn
from torch.func import functional_call, hessian, jacrev

from lightning_modules.objectives import ModuleObjective, flattened
from lightning_modules.objectives.contrast import contrastive
from lightning_modules.objectives.split_loss import SplitLoss

IMAGES, TAU = 5, 0.3


def projections(module: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    projected: Tensor = module(torch.cat(batch))
    return projected


def views() -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, IMAGES, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return first, second


def make() -> tuple[nn.Module, SplitLoss, ModuleObjective, Tensor]:
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    loss = contrastive(projections, TAU, [IMAGES])
    return module, loss, ModuleObjective(module, loss, views(), IMAGES), flattened(list(module.parameters())).detach()


def by_definition() -> Tensor:
    """JᵀHJ/n (p, p) of the similarities that lightly's loss is a cross-entropy of, self-similarities taken off by a mask."""
    module, _, _, theta = make()
    names, shapes = zip(*((name, p.shape) for name, p in module.named_parameters()), strict=True)
    mask = ~torch.eye(2 * IMAGES, dtype=torch.bool)

    def similarities(flat: Tensor) -> Tensor:
        parts = flat.split([shape.numel() for shape in shapes])
        named = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        u = nn.functional.normalize(functional_call(module, named, (torch.cat(views()),)), dim=1)
        return (u @ u.T / TAU).flatten()

    def loss(z: Tensor) -> Tensor:
        z = z.view(2 * IMAGES, -1).masked_fill(~mask, -1e9)
        partner = torch.arange(2 * IMAGES).roll(IMAGES)
        return nn.functional.cross_entropy(z, partner, reduction="sum") / 2

    jacobian = jacrev(similarities)(theta)
    return jacobian.T @ hessian(loss)(similarities(theta)) @ jacobian / IMAGES


def test_the_value_is_that_of_lightly() -> None:
    module, _, objective, theta = make()
    expected = NTXentLoss(TAU)(*projections(module, views()).chunk(2))
    torch.testing.assert_close(objective.value(theta), expected.detach(), rtol=1e-12, atol=0)


def test_the_gauss_newton_matrix_is_that_of_its_definition() -> None:
    _, _, objective, theta = make()
    curvature, expected = objective.at(theta).curvature("ggn"), by_definition()
    directions = torch.randn(3, len(theta), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(curvature.matrix(), expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(curvature.product(directions[0]), expected @ directions[0], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(curvature.form(directions), directions @ expected @ directions.T, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(curvature.diagonal(), expected.diagonal(), rtol=1e-10, atol=1e-12)
    assert curvature.is_semidefinite and torch.linalg.eigvalsh(expected).min() > -1e-12


def scores(change: Callable[[SplitLoss], SplitLoss] = lambda loss: loss, draws: int = 1000) -> Tensor:
    """(estimate − exact) in units of what m draws scatter by, √(2/m) of the entry (p,)."""
    module, loss, _, theta = make()
    curvature = ModuleObjective(module, change(loss), views(), IMAGES).at(theta).curvature("ggn")
    exact = curvature.diagonal()
    return (curvature.diagonal_estimate(draws, seed=0) - exact) / exact / (2 / draws) ** 0.5


def test_draws_estimate_the_diagonal_without_bias() -> None:
    """The slope of many rows together is nearly normal, so its square scatters by √2."""
    z = scores()
    assert z.abs().max() < 5 and 0.3 < z.square().mean() < 2.5


def test_labels_that_are_all_drawn_alike_are_found_out() -> None:
    """Negative control: draws from a uniform distribution have another covariance."""

    def uniform(z: Tensor, batch: object, generator: torch.Generator) -> Tensor:
        drawn = torch.randint(z.shape[1], (len(z), 1), generator=generator)
        return torch.softmax(z, 1).scatter_add(1, drawn, torch.full_like(z[:, :1], -1.0)) / 2**0.5

    assert scores(lambda loss: replace(loss, random_slope=uniform)).abs().max() > 10


def test_without_draws_products_estimate_it() -> None:
    module, loss, _, theta = make()
    objective = ModuleObjective(module, replace(loss, random_slope=None), views(), IMAGES)
    curvature = objective.at(theta).curvature("ggn")
    matrix = curvature.matrix()
    scatter = (matrix.square().sum(1) - matrix.diagonal().square()).sqrt() / 1000**0.5
    z = (curvature.diagonal_estimate(1000, seed=0) - matrix.diagonal()) / scatter
    assert z.abs().max() < 5 and 0.3 < z.square().mean() < 2.5


def test_a_seed_gives_one_estimate() -> None:
    _, _, objective, theta = make()
    curvature = objective.at(theta).curvature("ggn")
    first, again, other = (curvature.diagonal_estimate(2, seed) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("columns", [1, 7, 64])
def test_a_diagonal_is_exact_however_many_columns_are_formed_together(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the number from which no matrix is formed."""
    monkeypatch.setattr("lightning_modules.objectives.curvature.MOST_COLUMNS", 3)
    monkeypatch.setattr("lightning_modules.objectives.curvature.Curvature.columns_at_a_time", columns)
    _, _, objective, theta = make()
    curvature = objective.at(theta).curvature("ggn")
    assert not curvature.has_diagonal
    torch.testing.assert_close(curvature.diagonal(), by_definition().diagonal(), rtol=1e-10, atol=1e-12)
