"""What Lightning advertises does not reach the user, though it is imported late and then sets how much of its log is shown."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPTS = ROOT / "scripts"
QUIET = [path for path in sorted(SCRIPTS.glob("*.py")) if "    quiet()\n" in path.read_text(encoding="utf-8")]
COMPARISON = """
title: Two methods
data: {class_path: IrisDataModule}
model: {class_path: SoftmaxRegression, init_args: {l2: 0.01}}
methods:
  Newton: {max_epochs: 2, optimizer: {class_path: Newton}}
  Adam: {max_epochs: 2, optimizer: {class_path: torch.optim.Adam}}
"""


@pytest.mark.parametrize("path", QUIET, ids=[path.name for path in QUIET])
def test_programs_are_quiet_after_they_have_imported_lightning(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(QUIET) >= 4 and text.index("with importing():") < text.index("    quiet()\n")


def test_a_comparison_says_nothing_of_lightnings(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(COMPARISON, encoding="utf-8")
    command = [sys.executable, str(SCRIPTS / "compare.py"), "two.yaml", "--output", "report"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert not [line for line in (run.stdout + run.stderr).splitlines() if "Seed set" in line or "available: " in line]
