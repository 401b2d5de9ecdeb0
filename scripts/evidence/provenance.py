"""Where a number comes from: the commit of the code, the day, the machine, and the versions of what it was measured with."""

import os
import platform
import re
import subprocess
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[2]
# What decides about a number. Tables and pictures that a run writes itself do not change the code.
CODE = ("lightning_modules", "datamodules", "callbacks", "scripts", "pyproject.toml")
LIBRARIES = ("torch", "pytorch-lightning")


def provenance(peers: tuple[str, ...] = ()) -> dict[str, Any]:
    """Plain values for a file, to be taken before the measurement: `machine`, `date`, `commit` and `versions`.

    Args:
        peers: distributions that are measured with or against; those that are not installed are left out.
    """
    versions = {"python": platform.python_version()}
    for name in (*LIBRARIES, *peers):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    date = datetime.now().astimezone().date().isoformat()
    return {"machine": machine(), "date": date, "commit": running_commit(), "versions": versions}


def machine() -> str:
    """What it is run on."""
    threads = torch.get_num_threads()
    of_torch = f"torch {torch.__version__}, {threads} thread{'s' if threads > 1 else ''}"
    return f"{os.cpu_count()} cores, {platform.machine()}, {of_torch}"


@cache
def running_commit() -> str:
    """Of the code that this process runs: looked up once, since what is committed during a long run is not what runs."""
    return code_commit(ROOT)


def code_commit(root: Path) -> str:
    """The commit that is checked out, "… with changes" if files of the code differ from it, "unknown" outside git."""
    try:
        if Path(git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return "unknown"  # a copy of the project within somebody else's repository
        commit = git(root, "rev-parse", "--short=12", "HEAD")
        return f"{commit} with changes" if git(root, "status", "--porcelain", "--", *CODE) else commit
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(root: Path, *arguments: str) -> str:
    """What a git command prints.

    Raises:
        OSError: git is not installed.
        CalledProcessError: it refuses.
    """
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True).stdout.strip()


def measured(entries: dict[str, dict[str, Any]]) -> str:
    """One line that says of all entries, by name, where they come from: "S1 … S9 on 2 cores, …; S10 on …".

    Entries of before commits were recorded lack `commit` and `versions`, and some `date`.
    """
    groups: dict[str, tuple[list[str], dict[str, None]]] = {}
    for name, entry in entries.items():
        commit = f"commit {entry['commit']}" if "commit" in entry else "before commits were recorded"
        place = ", ".join(text for text in (entry["machine"], entry.get("date"), commit) if text)
        names, versions = groups.setdefault(place, ([], {}))
        names.append(name)
        # The machine names the version of torch already.
        versions |= {f"{library} {number}": None for library, number in entry.get("versions", {}).items() if library != "torch"}
    lines = [
        f"{shortened(names)} on {place}" + (f" ({', '.join(versions)})" if versions else "")
        for place, (names, versions) in groups.items()
    ]
    return "; ".join(lines)


def shortened(names: list[str]) -> str:
    """S1, S2, S3, S7 as S1 … S3, S7; other names are just listed."""
    runs: list[list[str]] = []
    for name in names:
        if runs and follows(name, runs[-1][-1]):
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(f"{run[0]} … {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def follows(name: str, before: str) -> bool:
    """Whether both end in a number, one after the other, and are otherwise the same."""
    one, other = (re.fullmatch(r"(\D*)(\d+)", text) for text in (before, name))
    return bool(one and other and one[1] == other[1] and int(other[2]) == int(one[2]) + 1)
