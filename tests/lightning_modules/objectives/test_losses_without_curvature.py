"""Losses of networks without a curvature of their own: reweighted in its place, or none at all."""

import torch

from lightning_modules.objectives import Point
from lightning_modules.objectives.families import AbsoluteError, PseudoHuber
from tests.lightning_modules.objectives.network_cases import assert_relatively_close, make_case


def test_the_reweighted_curvature_is_above_the_exact_one_and_leaves_the_gradient_alone() -> None:
    case = make_case((3, 4, 2), loss="pseudo_huber", rows=8)
    case.targets = 3 * case.targets
    exact, theta = case.objective(), case.vector()
    case.loss = PseudoHuber(2, delta=0.5, reweighted=True)
    reweighted = case.objective()
    assert torch.equal(reweighted.value(theta), exact.value(theta))
    assert torch.equal(reweighted.at(theta).gradient, exact.at(theta).gradient)
    assert_relatively_close(reweighted.at(theta).gradient, Point(exact, theta).gradient)
    difference = torch.linalg.eigvalsh(
        reweighted.at(theta).curvature("ggn").matrix() - exact.at(theta).curvature("ggn").matrix()
    )
    assert difference[0] >= -1e-13 and difference[-1] > 0.1


def test_the_forms_of_the_reweighted_curvature_agree() -> None:
    """It is no derivative of the loss, so they are compared with each other instead of the defaults."""
    case = make_case((3, 3, 3, 2), "tanh", "tanh", rows=8, l2=0.1)
    case.loss = PseudoHuber(2, delta=0.5, reweighted=True)
    objective, theta, span = case.objective(), case.vector(), case.vector(3)
    ggn, hessian = objective.at(theta).curvature("ggn").matrix(), objective.at(theta).curvature("hessian").matrix()
    assert_relatively_close(objective.at(theta).curvature("ggn").product(span[0]), ggn @ span[0])
    assert_relatively_close(objective.at(theta).curvature("ggn").diagonal(), ggn.diagonal())
    assert_relatively_close(objective.at(theta).curvature("ggn").form(span), span @ ggn @ span.T)
    assert_relatively_close(objective.at(theta).curvature("hessian").product(span[0]), hessian @ span[0])
    assert_relatively_close(objective.at(theta).curvature("hessian").diagonal(), hessian.diagonal())
    case.loss = PseudoHuber(2, delta=0.5)
    exact = case.objective()
    bend = exact.at(theta).curvature("hessian").matrix() - exact.at(theta).curvature("ggn").matrix()
    assert_relatively_close(hessian - ggn, bend, "what the network's own bend adds does not depend on the loss's curvature")


def test_the_absolute_error_has_a_gradient_and_no_gauss_newton_curvature() -> None:
    case = make_case((3, 4, 2), rows=8, l2=0.3)
    case.loss = AbsoluteError(2)
    objective, theta = case.objective(), case.vector()
    assert_relatively_close(objective.at(theta).gradient, Point(objective, theta).gradient)
    assert_relatively_close(
        objective.at(theta).curvature("hessian").matrix(), Point(objective, theta).curvature("hessian").matrix()
    )
    assert_relatively_close(
        objective.at(theta).curvature("hessian").diagonal(), Point(objective, theta).curvature("hessian").diagonal()
    )
    weights = torch.cat([torch.full_like(p, float(p.ndim > 1)).flatten() for p in objective.network.parameters()])
    assert torch.equal(objective.at(theta).curvature("ggn").diagonal(), 0.3 * weights.to(theta))
    assert torch.equal(objective.at(theta).curvature("ggn").matrix(), (0.3 * weights.to(theta)).diag())
