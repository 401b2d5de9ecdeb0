"""Where an error was raised in a file of the user's own: neither of this project, nor of a library."""

import sysconfig
import traceback
from pathlib import Path

OURS = [Path(__file__).parents[1] / name for name in ("lightning_modules", "datamodules", "callbacks", "scripts")]


def their_line(error: BaseException) -> str:
    """ " (net.py, line 12)", the innermost such line; "" if there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_theirs(Path(frame.filename)):
            return f" ({Path(frame.filename).name}, line {frame.lineno})"
    return ""


def first_line(error: BaseException) -> str:
    """ "KeyError: 'logits'", of a message of several lines the first."""
    lines = [line for line in str(error).strip().splitlines() if line]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _is_theirs(file: Path) -> bool:
    libraries = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return file.exists() and not any(folder in file.parents for folder in (*OURS, *libraries))
