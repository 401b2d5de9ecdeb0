"""The one way to measure: in turn, until it is known well enough; and clocks that cannot go back."""

import itertools
import logging
import random
import subprocess
import sys
import warnings
from functools import partial

import pytest
from evidence.benchmarks import pairing
from evidence.benchmarks.clocks import Reading, now, seconds, since
from evidence.benchmarks.others_warnings import LOGGERS, unheard
from evidence.benchmarks.pairing import Budget, compared, in_turn
from evidence.benchmarks.step_clock import StepClock


def noisy(draws: random.Random, centre: float, spread: float) -> Reading:
    return Reading(centre * draws.lognormvariate(0, spread), centre)


def test_another_one_is_first_each_time() -> None:
    calls: list[str] = []

    def side(name: str) -> Reading:
        calls.append(name)
        return Reading(len(calls))

    found = in_turn({name: partial(side, name) for name in "abc"}, [("a", "b")], Budget(least=3, most=3))
    assert "".join(calls) == "abcbcacab" and [reading.value for reading in found["a"]] == [1, 6, 8]


def test_what_is_steady_takes_the_least_rounds_and_what_is_not_takes_more() -> None:
    draws = random.Random(0)
    sides = partial(noisy, draws, 1.0, 0.01), partial(noisy, draws, 2.0, 0.01)
    assert len(compared("a", "s", "b", sides, Budget()).ours) == 5
    sides = partial(noisy, draws, 1.0, 0.25), partial(noisy, draws, 1.05, 0.25)
    row = compared("a", "s", "b", sides, Budget(most=300))
    assert 5 < len(row.ours) < 300 and row.is_settled
    assert row.our_cpu == (1.0,) * len(row.ours)


@pytest.mark.parametrize("seed", range(5))
def test_what_stays_noisy_says_so(seed: int) -> None:
    """A negative control: on a machine as busy as this one nothing is claimed."""
    draws = random.Random(seed)
    row = compared("a", "s", "b", [partial(noisy, draws, 1.0, 1.5), partial(noisy, draws, 1.05, 1.5)], Budget(most=10))
    assert not row.is_settled and row.better is None and len(row.ours) == 10


def test_the_budget_of_seconds_ends_it_after_the_least_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(0.0, 7.0)
    monkeypatch.setattr(pairing.time, "perf_counter", partial(next, ticks))
    draws = random.Random(0)
    sides = [partial(noisy, draws, 1.0, 3.0)] * 2
    assert len(compared("a", "s", "b", sides, Budget(least=1, most=100, seconds=40.0)).ours) == 6


def test_the_clocks_do_not_go_back() -> None:
    begin = now()
    spent = seconds(lambda: sum(range(200_000)))
    assert spent.value > 0 and spent.cpu is not None and spent.cpu > 0
    assert since(begin).value >= spent.value


def test_children_that_have_ended_count() -> None:
    work = [sys.executable, "-c", "sum(range(3_000_000))"]
    assert (seconds(lambda: subprocess.run(work, check=True)).cpu or 0.0) > 0.01


def test_a_step_is_timed_between_two_of_one_run() -> None:
    clock = StepClock(2, 4)
    for _ in range(5):
        clock.tick()
    assert clock.reading.value > 0 and (clock.reading.cpu or 0.0) >= 0
    short = StepClock(2, 9)
    short.tick()
    with pytest.raises(ArithmeticError, match="a run ended after 1 steps, before the 9 that are measured"):
        _ = short.reading


def test_others_are_not_heard_and_afterwards_they_are(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger(LOGGERS[0])
    level = logger.level
    with unheard():
        warnings.warn("a library has something to say", stacklevel=1)
        logger.warning("as well")
    assert not caplog.records and logger.level == level
    with pytest.warns(UserWarning, match="something to say"):
        warnings.warn("a library has something to say", stacklevel=1)
