"""Programs in processes of their own that are ended from outside at any moment, and what they left.

They are forked from a server that has imported everything, because importing takes longer than the programs.
"""

import json
import os
import signal
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import compare
import export
import fit
import predict
import torch
from command_line.locked_folder import holder_of, lock_of
from command_line.one_line_errors import run
from command_line.whole_checkpoints import read_run

from tests.scripts.command_line.resumed_run import CONTEXT, start_server

PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    "fit": fit.main, "predict": predict.main, "export": export.main, "compare": compare.main,
}  # fmt: skip
# As a killed run of two epochs' time has them, and none of the time that anything took.
TIMES = ("train_seconds",)


class Job(NamedTuple):
    """A program with its arguments, and which files are its results."""

    program: str
    args: tuple[str, ...]
    results: str


def start(folder: Path, job: Job, *more: str) -> Any:
    """Begin a program in a folder, which has its output once it has begun."""
    start_server()
    (folder / "output.txt").unlink(missing_ok=True)
    process = CONTEXT.Process(target=_work, args=(folder, job.program, [*job.args, *more]))
    process.start()
    return process


def finish(folder: Path, job: Job, *more: str) -> float:
    """Have a program done in a folder; the seconds that it took."""
    process = start(folder, job, *more)
    begun = time.monotonic()
    process.join(240)
    assert process.exitcode == 0, (folder / "output.txt").read_text()
    return time.monotonic() - begun


def end(folder: Path, job: Job, number: int, seconds: float, *more: str) -> int:
    """Begin a program and send it a signal after some time; its exit status."""
    process = start(folder, job, *more)
    time.sleep(seconds)
    if process.is_alive():
        os.kill(process.pid, number)
    process.join(240)
    assert process.exitcode is not None, "the program hangs"
    return int(process.exitcode)


def _work(folder: Path, program: str, args: list[str]) -> None:
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with open("output.txt", "w", encoding="utf-8") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        status = run(PROGRAMS[program], args)
    os._exit(status)


def check_whole(folder: Path) -> None:
    """Every file that has its name is whole.

    Raises:
        AssertionError: one is not.
    """
    for path in folder.rglob("*"):
        if path.suffix == ".ckpt":
            read_run(path)
        elif path.name in ("summary.json", "report.json", "about.json") or path.name.endswith(".running.json"):
            json.loads(path.read_text(encoding="utf-8"))
        elif path.name == "report.html":
            assert path.read_text(encoding="utf-8").rstrip().endswith("</html>"), path
        elif path.suffix == ".pt2":
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None, path
        elif path.name == "predictions.csv":
            assert path.read_bytes().endswith(b"\n"), path


def check_tidy(folder: Path) -> None:
    """Nothing is left of what was broken off, once the program has been done, but runs that nobody went on with.

    Raises:
        AssertionError: something is.
    """
    runs = [path.parent for path in folder.rglob("summary.json")]
    # A comparison begins anew: a run of it that was killed between its summary and its end stays as it is.
    newest = {run.parent: run for run in sorted(runs, key=lambda run: run.stat().st_mtime)}
    of_runs = [path for run in newest.values() for path in (lock_of(run), holder_of(run)) if path.exists()]
    abandoned = [path for path in folder.glob("logs/**/version_*") if path not in runs]
    partial = [path for path in folder.rglob("*.partial") if not any(path.is_relative_to(each) for each in abandoned)]
    left = [*partial, *of_runs]
    assert not left, left


def result(folder: Path, job: Job) -> Any:
    """What a program has to show, without times and without the names of folders."""
    found = sorted(folder.rglob(job.results))
    assert found, f"no {job.results}"
    path = found[-1]
    if path.suffix == ".ckpt":
        weights = {name: value.numpy().tobytes() for name, value in read_run(path)["state_dict"].items()}
        summary = json.loads((path.parents[1] / "summary.json").read_text())
        return weights, {name: value for name, value in summary.items() if name not in TIMES}
    if path.suffix == ".json":
        runs = json.loads(path.read_text())["runs"]
        return {label: (found["test/loss"], found["epochs"], found["status"]) for label, found in runs.items()}
    if path.suffix == ".pt2":
        program = torch.export.load(str(path))
        return {name: value.detach().numpy().tobytes() for name, value in program.state_dict.items()}
    return path.read_bytes()


SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
