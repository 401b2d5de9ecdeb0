"""Parts of a sum in threads: the same numbers, and torch as it was afterwards."""

import threading

import pytest
import torch

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Categorical
from lightning_modules.objectives.linear import predictors
from lightning_modules.objectives.shared_work import shared
from lightning_modules.solvers.undivided import undivided
from tests.lightning_modules.objectives.queries import ask

QUERIES = ("gradient", "hessian", "hessian_diagonal")


@pytest.fixture
def two_threads() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_every_part_is_worked_in_a_thread_of_its_own() -> None:
    meeting = threading.Barrier(2, timeout=20)  # passed only by two at once

    def work(part: int) -> tuple[int, int, bool]:
        meeting.wait()
        return part, torch.get_num_threads(), torch.is_grad_enabled()

    assert shared(work, 2) == [(0, 1, False), (1, 1, False)]
    assert torch.get_num_threads() == 2
    assert shared(lambda part: threading.current_thread(), 1) == [threading.current_thread()]


@pytest.mark.usefixtures("two_threads")
def test_what_goes_wrong_in_a_part_is_raised() -> None:
    def work(part: int) -> None:
        if part:
            raise MemoryError("part 1")

    with pytest.raises(MemoryError, match="part 1"):
        shared(work, 2)
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_within_undivided_work_there_is_one_thread_and_afterwards_as_many_as_before() -> None:
    with undivided():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(MemoryError), undivided():
        raise MemoryError
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_sums_over_threads_are_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, 4, dtype=torch.float64, generator=generator)
    y = torch.randint(3, (500,), generator=generator)
    theta, v = torch.randn(2, 15, dtype=torch.float64, generator=generator)
    asked: list[int] = []
    monkeypatch.setattr(predictors, "shared", lambda work, parts: asked.append(parts) or shared(work, parts))
    whole, cut = (GLMObjective(Categorical(3), x, y, l2=0.1, chunk_rows=rows) for rows in (500, 30))
    for objective in (whole, cut):
        objective.answers = [ask(objective.at(theta), name) for name in QUERIES]
        objective.answers += [
            objective.at(theta).curvature("hessian").product(v),
            objective.at(theta).curvature("ggn").form(v[None]),
        ]
    assert asked == [1] * 5 + [2] * 5
    for one, two in zip(whole.answers, cut.answers, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-14)
    again = GLMObjective(Categorical(3), x, y, l2=0.1, chunk_rows=30)
    assert all(torch.equal(ask(again.at(theta), name), a) for name, a in zip(QUERIES, cut.answers, strict=False)), "repeats"
    # A sum that is large: every thread would need the memory of one.
    monkeypatch.setattr(predictors, "SUM_BYTES", 15 * 8)
    asked.clear()
    for name in ("hessian", "hessian_diagonal"):
        ask(cut.point(theta), name)
    assert asked == [1, 2]
