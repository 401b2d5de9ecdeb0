"""A program started where nothing heavy can be imported: what it says there, it says before."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

# What a program meets where it imports one of these.
DRIVER = """
import runpy, sys
from importlib.machinery import PathFinder

class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "pytorch_lightning", "lightning_fabric", "sklearn"):
            spec = PathFinder.find_spec(name, path)  # where it lies may be asked
            spec.loader = self
            return spec

    def create_module(self, spec):
        raise {error}("imports " + spec.name)

    def exec_module(self, module):
        raise AssertionError

sys.meta_path.insert(0, Refuses())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def started_without_torch(
    program: str, args: list[str], folder: Path, error: str = "RuntimeError"
) -> subprocess.CompletedProcess[str]:
    """Run a program of scripts/ in a folder, where an import of torch, Lightning or scikit-learn raises the error."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "scripts")])}
    command = [sys.executable, "-c", DRIVER.format(error=error), str(ROOT / "scripts" / program), *args]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
