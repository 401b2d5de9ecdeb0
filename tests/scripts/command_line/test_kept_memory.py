"""What freed memory that is kept spares: pages that the system clears again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
# 20 steps, each with pieces of 12 MiB that it fills and frees, after the first ones.
STEPS = """
import ctypes, resource, sys
ctypes.CDLL(None).mallopt(-1, 2**17)  # the threshold that it begins with, which would grow in some programs and not in others
sys.path.insert(0, {scripts!r})
from command_line.kept_memory import keep_freed_memory
if {keep}:
    keep_freed_memory()
import torch
for step in range(23):
    pieces = [torch.full((3 * 2**20,), 1.0) for _ in range(12)]
    del pieces
    if step == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool, **environment: str) -> int:
    code = STEPS.format(scripts=str(SCRIPTS), keep=keep)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC", "GLIBC", "LD_PRELOAD"))}
    run = [sys.executable, "-c", code]
    return int(subprocess.run(run, env=plain | environment, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_pages_are_cleared_once() -> None:
    kept, given_back = faults(True), faults(False)
    assert kept < 0.05 * given_back
    assert faults(True, MALLOC_TRIM_THRESHOLD_="131072") > 0.5 * given_back, "who has set it himself is left alone"
