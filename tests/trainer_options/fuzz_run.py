"""One command line, run in this process, and what is wrong with how it ended."""

import hashlib
import io
import json
import re
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_line.one_line_errors import run
from fit import main

from tests.trainer_options.global_state import same_process_after

SECONDS = 60


class OutOfTime(BaseException):
    """It did not end."""


@dataclass(frozen=True)
class Ending:
    """How a command line ended.

    Attributes:
        said: the reason, if it was refused.
        fault: what must not be, empty if all is well.
        is_late: it was refused when the run had begun already, and its summary says that it failed.
    """

    status: int
    said: str
    fault: str
    is_late: bool = False

    @property
    def kind(self) -> str:
        """The fault, or the reason, without its numbers, names and paths: what is counted as one."""
        return re.sub(r"0x[0-9a-f]+|/\S+|'[^']*'|[-+]?\d[\d.e+-]*", "…", self.fault or self.said)[:160]


def ended(line: list[str], folder: Path, is_new: bool = True) -> Ending:
    """Run a line whose root folder is `folder`, in which another run's results lie already.

    Where the folder is not new the line goes on with a run in it, and files of that change.
    """
    folder.mkdir(parents=True, exist_ok=not is_new)
    earlier = folder / "logs/IrisDataModule/MLP/Newton/version_0"
    earlier.mkdir(parents=True, exist_ok=not is_new)
    (earlier / "summary.json").write_text('{"status": "converged"}')
    before = contents(folder)
    out, err = io.StringIO(), io.StringIO()
    with same_process_after(), at_most(SECONDS), redirect_stdout(out), redirect_stderr(err):
        warnings.simplefilter("ignore")
        try:
            status = run(main, line)
        except OutOfTime:
            return Ending(-1, "", f"not over after {SECONDS} s")
        except BaseException as error:  # SystemExit too: nothing may pass `run`
            return Ending(-1, "", f"{type(error).__name__} passed the program: {error}")
    after = contents(folder)
    errors = [one for one in err.getvalue().splitlines() if one.startswith(("error", "interrupted"))]
    said = errors[0] if errors else ""
    changed = before.items() - after.items() if is_new else ()
    faults = [
        *(["something else than one line"] if status and len(errors) != 1 else []),
        *(["a traceback"] if "Traceback" in err.getvalue() else []),
        *([said] if "unexpected" in said else []),
        *(["what was there has changed"] if changed else []),
        *(written_faults(status, after.keys() - before.keys(), folder, line) if is_new else []),
    ]
    is_late = status != 0 and any(path.name == "summary.json" for path in after.keys() - before.keys())
    return Ending(status, said, "; ".join(faults), is_late)


def written_faults(status: int, new: set[Path], folder: Path, line: list[str]) -> list[str]:
    """What is wrong with the files of a run: a result without one, a folder half-written."""
    summaries = {path for path in new if path.name == "summary.json"}
    keeps = not any(re.match(r"--trainer\.(fast_dev_run=(true|[1-9])|logger=false|barebones=true)", one) for one in line)
    if status == 0:
        statuses = [json.loads(path.read_text()).get("status") for path in summaries]
        if keeps and (len(statuses) != 1 or not statuses[0]):
            return [f"a result with {len(statuses)} summaries"]
        return []
    if summaries:  # it failed in its midst, and says so
        return (
            [] if all(json.loads(path.read_text()).get("status") in ("failed", "stopped") for path in summaries) else ["no end"]
        )
    left = sorted(str(path.relative_to(folder)) for path in new)
    return [f"refused, and left {left[:3]}"] if left else []


def contents(folder: Path) -> dict[Path, Any]:
    """Every file below a folder, with a sum of what is in it; and every folder."""
    return {path: hashlib.md5(path.read_bytes()).hexdigest() if path.is_file() else "" for path in folder.rglob("*")}


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Break off what takes longer."""

    def stop(*_: Any) -> None:
        raise OutOfTime

    old = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def shrunk(line: list[str], kind: str, folder: Path) -> list[str]:
    """The same fault by fewer options: each is left out in turn, if the fault stays."""
    for number, option in enumerate(list(line[1:])):
        shorter = [one for one in line if one != option]
        root = folder / str(number)
        again = [one.replace(line[0].partition("=")[2], str(root)) for one in shorter]
        if ended(again, root).kind == kind:
            line = shorter
    return line
