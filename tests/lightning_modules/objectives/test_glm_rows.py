"""Predictors that would take too much memory are computed anew, with the same numbers."""

import pytest
import torch

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Categorical


def test_predictors_above_the_limit_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1000, 4, dtype=torch.float64, generator=generator)
    y = torch.randint(3, (1000,), generator=generator)
    theta, v = torch.randn(2, 15, dtype=torch.float64, generator=generator)
    answers = []
    for limit, kept in ((1000 * 3 * 8, True), (1000 * 3 * 8 - 1, False)):
        monkeypatch.setattr("lightning_modules.objectives.glm_rows.KEPT_BYTES", limit)
        objective = GLMObjective(Categorical(3), x, y, l2=0.1, chunk_rows=100)
        first = [objective.gradient(theta), objective.hessian_vector_product(theta, v), objective.hessian(theta)]
        answers.append([*first, objective.gradient(theta), objective.hessian_diagonal(theta)])
        assert (objective._known is not None) is kept
    assert all(torch.equal(a, b) for a, b in zip(*answers, strict=True))
