"""Runs started at the same instant in one folder keep out of each other's files."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

# All libraries are loaded, then every process waits for the same instant.
START = """
import sys, time
sys.path.insert(0, {scripts!r})
from fit import main
from command_line.one_line_errors import run
time.sleep(max(0.0, {instant} - time.time()))
sys.exit(run(main, sys.argv[1:]))
"""


def started_together(folder: Path, runs: int, instant: float) -> list[subprocess.CompletedProcess[str]]:
    code = START.format(scripts=str(ROOT / "scripts"), instant=instant)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, f"--data.seed={run}", "--trainer.max_epochs=3"],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for run in range(runs)
    ]  # fmt: skip
    return [subprocess.CompletedProcess(p.args, p.wait(), *p.communicate(timeout=120)) for p in processes]


@pytest.mark.slow
def test_each_run_has_a_folder_of_its_own_with_its_own_files(tmp_path: Path) -> None:
    runs = 4
    done = started_together(tmp_path, runs, time.time() + 15)
    assert [process.returncode for process in done] == [0] * runs, [process.stderr for process in done]
    folders = sorted(path.parent for path in tmp_path.rglob("summary.json"))
    assert len(folders) == runs
    assert sorted(path for path in tmp_path.rglob("version_*") if path.is_dir()) == folders
    seeds = []
    for folder in folders:
        names = sorted(path.name for path in folder.rglob("*") if path.is_file())
        events = [name for name in names if name.startswith("events.out")]
        assert len(events) <= 3, names  # of the fit, of its test, and of the summary
        assert {"best.ckpt", "last.ckpt", "config.yaml", "summary.json"} <= set(names)
        (line,) = [line for line in (folder / "config.yaml").read_text().splitlines() if line.strip().startswith("seed: ")]
        seeds.append(int(line.split()[-1]))
        assert json.loads((folder / "summary.json").read_text())["epochs"] == 3
    assert sorted(seeds) == list(range(runs)), "each with its own configuration"
