"""Ctrl-C while a program is being imported."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from command_line import interruptible
from command_line.one_line_errors import run

from tests.conftest import ROOT

PROGRAMS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_the_first_that_is_imported(program: str) -> None:
    lines = (ROOT / "scripts" / program).read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if line.startswith(("import ", "from ")))
    assert first.startswith("import command_line.interruptible ")


STARTED = """
import runpy, sys
sys.path.insert(0, {folder!r})
sys.argv, __file__ = [{program!r}, "breast_cancer"], {program!r}
import command_line.interruptible
print("ready", flush=True)
runpy.run_path({program!r}, run_name="__main__")
"""


@pytest.mark.parametrize("seconds", [0.1, 0.6])
@pytest.mark.parametrize("program", ["fit.py", "compare.py"])
def test_it_is_one_line(program: str, seconds: float) -> None:
    path = ROOT / "scripts" / program
    text = STARTED.format(folder=str(path.parent), program=str(path))
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # What a shell starts in the background ignores Ctrl-C, and so would its children.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen([sys.executable, "-c", text], preexec_fn=heeding, **pipes) as process:  # noqa: PLW1509
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    if process.returncode != 2:  # the arguments of fit.py are refused when it is quick
        assert (process.returncode, printed, said) == (130, "", "interrupted\n")


def test_where_a_program_is_imported_nothing_changes() -> None:
    before = signal.getsignal(signal.SIGINT)
    import command_line.interruptible  # noqa: F401, PLC0415

    assert signal.getsignal(signal.SIGINT) is before


def test_an_import_that_it_breaks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: list[str]) -> None:
        raise ImportError('generic_type: type "ObjSense" is already registered!')  # scipy's, reached in its import

    assert run(broken, []) == 1
    assert "ObjSense" in capsys.readouterr().err
    monkeypatch.setattr("command_line.interruptible.PRESSED", [True])
    assert run(broken, []) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_imports_within_a_program_are_ended_as_the_first_ones() -> None:
    """A library may answer a KeyboardInterrupt that is raised while it is imported, and go on."""
    before = signal.getsignal(signal.SIGINT)
    try:
        with interruptible.importing():
            assert signal.getsignal(signal.SIGINT) is before, "not where somebody has an answer of their own"
        signal.signal(signal.SIGINT, interruptible._raise)
        with interruptible.importing():
            assert signal.getsignal(signal.SIGINT) is interruptible._end
        assert signal.getsignal(signal.SIGINT) is interruptible._raise
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("stop", "says"), [(KeyboardInterrupt(), "interrupted"), (ValueError("no"), "error: no")])
def test_a_bar_is_gone_when_it_is_said(stop: BaseException, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the loop is broken off outside what draws the bar, and its pieces are kept by who reads them."""

    def with_bar() -> Iterator[int]:
        try:
            yield 1
        finally:
            print("gone", file=sys.stderr)

    def read(_: list[str]) -> None:
        pieces = with_bar()
        for _piece in pieces:
            raise stop

    run(read, [])
    assert capsys.readouterr().err == f"gone\n{says}\n"
