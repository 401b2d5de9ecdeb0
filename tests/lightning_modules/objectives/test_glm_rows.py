"""Predictors that would take too much memory are computed anew, with the same numbers."""

import pytest
import torch

from lightning_modules.objectives import GLMObjective, Reduction
from lightning_modules.objectives.families import Categorical, Gaussian
from lightning_modules.objectives.linear import predictors
from tests.lightning_modules.processes import in_processes


def test_predictors_above_the_limit_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1000, 4, dtype=torch.float64, generator=generator)
    y = torch.randint(3, (1000,), generator=generator)
    theta, v = torch.randn(2, 15, dtype=torch.float64, generator=generator)
    answers = []
    for limit, kept in ((1000 * 3 * 8, True), (1000 * 3 * 8 - 1, False)):
        monkeypatch.setattr(predictors, "KEPT_BYTES", limit)
        objective = GLMObjective(Categorical(3), x, y, l2=0.1, chunk_rows=100)
        first = [
            objective.at(theta).gradient,
            objective.at(theta).curvature("hessian").product(v),
            objective.at(theta).curvature("hessian").matrix(),
        ]
        answers.append([*first, objective.at(theta).gradient, objective.at(theta).curvature("hessian").diagonal()])
        assert (objective.at(theta).predictors._kept is not None) is kept
    assert all(torch.equal(a, b) for a, b in zip(*answers, strict=True))


def test_a_sample_is_every_kth_row_and_takes_no_memory() -> None:
    x, y = torch.randn(30, 4, dtype=torch.float64), torch.randint(3, (30,))
    sample = GLMObjective(Categorical(3), x, y, 0.1).every_kth(4)
    expected = GLMObjective(Categorical(3), x[::4], y[::4], 0.1)
    assert sample.features.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    theta = torch.randn(15, dtype=torch.float64)
    torch.testing.assert_close(sample.at(theta).gradient, expected.at(theta).gradient, rtol=1e-12, atol=1e-15)


def test_a_sample_is_the_same_rows_however_they_are_shared() -> None:
    x, y = torch.arange(22, dtype=torch.float64)[:, None], torch.zeros(22)
    shares = (slice(0, 5), slice(5, 5), slice(5, 22))

    def sampled(rank: int, reduction: Reduction) -> list[float]:
        shared = GLMObjective(Gaussian(1), x[shares[rank]], y[shares[rank]], reduction=reduction)
        sample = shared.every_kth(4)
        assert sample.num_rows == 6
        return sample.features[:, 0].tolist()

    assert [row for rows in in_processes(3, sampled) for row in rows] == x[::4, 0].tolist()
