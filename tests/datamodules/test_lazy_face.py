"""The face of datamodules imports what is asked for, and nothing before."""

import subprocess
import sys

import datamodules

LOOK = "import sys, datamodules.files.scan_file, datamodules.columns; import datamodules; "


def printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def test_a_look_at_a_file_imports_nothing_heavy() -> None:
    heavy = "[name for name in ('torch', 'pytorch_lightning', 'sklearn') if name in sys.modules]"
    assert printed(f"{LOOK}datamodules.__all__; dir(datamodules); print({heavy})") == "[]"
    assert "torch" in printed(f"{LOOK}datamodules.IrisDataModule; print({heavy})"), "negative control"


def test_every_name_is_there_by_each_way_of_importing() -> None:
    namespace: dict[str, object] = {}
    exec("from datamodules import *", namespace)
    assert {*datamodules.__all__} == {*dir(datamodules)} == {*namespace} - {"__builtins__"}
    for name in datamodules.__all__:
        assert getattr(datamodules, name) is namespace[name]
    assert not hasattr(datamodules, "NothingDataModule")
