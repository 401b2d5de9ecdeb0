"""Losses of networks without a curvature of their own: reweighted in its place, or none at all."""

import torch

from lightning_modules.objectives import Objective
from lightning_modules.objectives.families import AbsoluteError, PseudoHuber
from tests.lightning_modules.objectives.network_cases import assert_relatively_close, make_case


def test_the_reweighted_curvature_is_above_the_exact_one_and_leaves_the_gradient_alone() -> None:
    case = make_case((3, 4, 2), loss="pseudo_huber", rows=8)
    case.targets = 3 * case.targets
    exact, theta = case.objective(), case.vector()
    case.loss = PseudoHuber(2, delta=0.5, reweighted=True)
    reweighted = case.objective()
    assert torch.equal(reweighted.value(theta), exact.value(theta))
    assert torch.equal(reweighted.gradient(theta), exact.gradient(theta))
    assert_relatively_close(reweighted.gradient(theta), Objective.gradient(exact, theta))
    difference = torch.linalg.eigvalsh(reweighted.ggn(theta) - exact.ggn(theta))
    assert difference[0] >= -1e-13 and difference[-1] > 0.1


def test_the_forms_of_the_reweighted_curvature_agree() -> None:
    """It is no derivative of the loss, so they are compared with each other instead of the defaults."""
    case = make_case((3, 3, 3, 2), "tanh", "tanh", rows=8, l2=0.1)
    case.loss = PseudoHuber(2, delta=0.5, reweighted=True)
    objective, theta, span = case.objective(), case.vector(), case.vector(3)
    ggn, hessian = objective.ggn(theta), objective.hessian(theta)
    assert_relatively_close(objective.ggn_vector_product(theta, span[0]), ggn @ span[0])
    assert_relatively_close(objective.ggn_diagonal(theta), ggn.diagonal())
    assert_relatively_close(objective.ggn_form(theta, span), span @ ggn @ span.T)
    assert_relatively_close(objective.hessian_vector_product(theta, span[0]), hessian @ span[0])
    assert_relatively_close(objective.hessian_diagonal(theta), hessian.diagonal())
    exact = case.objective()
    exact.loss = PseudoHuber(2, delta=0.5)
    bend = exact.hessian(theta) - exact.ggn(theta)
    assert_relatively_close(hessian - ggn, bend, "what the network's own bend adds does not depend on the loss's curvature")


def test_the_absolute_error_has_a_gradient_and_no_gauss_newton_curvature() -> None:
    case = make_case((3, 4, 2), rows=8, l2=0.3)
    case.loss = AbsoluteError(2)
    objective, theta = case.objective(), case.vector()
    assert_relatively_close(objective.gradient(theta), Objective.gradient(objective, theta))
    assert_relatively_close(objective.hessian(theta), Objective.hessian(objective, theta))
    assert_relatively_close(objective.hessian_diagonal(theta), Objective.hessian_diagonal(objective, theta))
    penalised = objective.weights_of(torch.ones_like(theta))
    assert torch.equal(objective.ggn_diagonal(theta), 0.3 * penalised)
    assert torch.equal(objective.ggn(theta), (0.3 * penalised).diag())
