"""No garbage collection while libraries are imported."""

import gc
import subprocess
import sys

import pytest
from command_line import uncollected

from tests.conftest import ROOT

PROGRAM = """
import gc, sys
sys.path.insert(0, {folder!r})
from command_line.uncollected import uncollected
before = gc.get_freeze_count()
try:
    with uncollected():
        print(gc.isenabled())
        import json
        raise KeyError
except KeyError:
    print(gc.isenabled(), gc.get_freeze_count() > before)
"""


def test_it_is_off_in_the_block_and_what_was_made_there_is_left_out_later() -> None:
    program = PROGRAM.format(folder=str(ROOT / "scripts"))
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert shown.stdout.split() == ["False", "True", "True"]


def test_where_torch_is_there_already_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    before = gc.get_freeze_count()
    with uncollected.uncollected():
        assert gc.isenabled()
    assert gc.get_freeze_count() == before


def test_where_somebody_has_turned_it_off_it_stays_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    gc.disable()
    try:
        with uncollected.uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
