"""Ctrl-C and SIGTERM wait for the end of what must not be broken off."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line.run_loggers import RunFolderLogger
from command_line.uninterrupted import STOPS, uninterrupted


class Stopped(BaseException):
    """What a handler raises."""


@pytest.fixture(params=STOPS, ids=lambda number: number.name)
def stop(request: pytest.FixtureRequest) -> Iterator[int]:
    def handler(number: int, frame: Any) -> None:
        raise Stopped

    before = signal.signal(request.param, handler)
    yield request.param
    signal.signal(request.param, before)


def test_a_signal_takes_effect_at_the_end_of_the_block(stop: int) -> None:
    done = []
    with pytest.raises(Stopped), uninterrupted():
        os.kill(os.getpid(), stop)
        done.append("the rest of the block")
    assert done
    with pytest.raises(Stopped):  # and at once afterwards, as before
        os.kill(os.getpid(), stop)


def test_without_it_the_block_is_broken_off(stop: int) -> None:
    """Negative control."""
    done = []
    with pytest.raises(Stopped):
        os.kill(os.getpid(), stop)
        done.append("the rest of the block")
    assert not done


def test_an_error_in_the_block_is_what_is_raised(stop: int) -> None:
    with pytest.raises(OSError, match="full"), uninterrupted():
        raise OSError("full")
    with pytest.raises(Stopped):
        os.kill(os.getpid(), stop)


def test_in_another_thread_nothing_is_changed() -> None:
    handlers = []

    def work() -> None:
        with uninterrupted():
            handlers.extend(signal.getsignal(number) for number in STOPS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(number) for number in STOPS]


@pytest.mark.parametrize("call", ["log_metrics", "save", "finalize"])
def test_nothing_that_a_run_logs_is_broken_off(call: str, stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = RunFolderLogger(tmp_path, "run", version=0)
    logger.log_metrics({"a": 1.0}, 0)
    done = []
    writer = logger.experiment
    name = "add_scalar" if call == "log_metrics" else "flush"
    original = getattr(writer, name)

    def interrupted(*args: Any, **options: Any) -> None:
        os.kill(os.getpid(), stop)
        done.append(original(*args, **options))

    monkeypatch.setattr(writer, name, interrupted)
    with pytest.raises(Stopped):
        getattr(logger, call)(*{"log_metrics": ({"a": 2.0}, 1), "save": (), "finalize": ("success",)}[call])
    assert done
