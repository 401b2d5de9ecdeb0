"""Predictors that would take too much memory are computed anew, with the same numbers."""

import pytest
import torch

from lightning_modules.objectives import GLMObjective, glm_rows
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


@pytest.mark.parametrize("most", [0, 2**28], ids=["too large to copy", "copied"])
def test_a_sample_is_every_so_manyth_row_side_by_side_where_memory_allows(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(glm_rows, "SAMPLE_BYTES", most)
    x, y = torch.randn(30, 4, dtype=torch.float64), torch.randint(3, (30,))
    sample, rows = GLMObjective(Categorical(3), x, y, 0.1).every(4), GLMObjective(Categorical(3), x[::4], y[::4], 0.1)
    assert sample.features.is_contiguous() is (most > 0)
    theta = torch.randn(15, dtype=torch.float64)
    torch.testing.assert_close(sample.gradient(theta), rows.gradient(theta), rtol=1e-12, atol=1e-15)
