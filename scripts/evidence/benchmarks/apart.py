"""A measurement in a process of its own, whose memory and threads it shares with nobody."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parents[2]


def apart(measurement: Callable[..., Any], *arguments: Any, threads: int | None = None) -> Any:
    """What a function of a module returns when a fresh process calls it.

    Args:
        measurement: found there by its module and name.
        arguments: plain values, as is what it returns.
        threads: of that process; None for as many as the machine has.

    Raises:
        ChildProcessError: it failed.
    """
    command = [sys.executable, __file__, measurement.__module__, measurement.__name__, json.dumps(arguments)]
    environment = os.environ | ({} if threads is None else {"OMP_NUM_THREADS": str(threads)})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ChildProcessError(f"{measurement.__name__}{arguments} failed in its own process: {last}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    sys.path[0] = str(SCRIPTS)
    module, name, values = sys.argv[1:]
    result = getattr(import_module(module), name)(*json.loads(values))
    if os.environ.get("LOCAL_RANK", "0") == "0":  # Lightning starts this file again for other processes, which share the output
        sys.stdout.write(f"{json.dumps(result)}\n")  # which the other process reads
