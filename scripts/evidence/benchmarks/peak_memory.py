"""The most memory that a piece of work takes beyond what its process had before."""

import threading
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")
SECONDS_BETWEEN = 0.001


def peak_mebibytes(work: Callable[[], object]) -> float:
    """MiB of the process's own memory, at its highest, above where it is now.

    Pages of mapped files do not count: the kernel takes them back at will. It is looked at every millisecond.

    Raises:
        OSError: the system is not Linux, which alone tells.
    """
    if not STATUS.exists():
        raise OSError("memory is measured by /proc/self/status, which only Linux has: leave this section out")
    watch = _Watch()
    before = watch.most
    watch.start()
    try:
        work()
    finally:
        watch.done.set()
        watch.join()
    return watch.most - before


def own_mebibytes() -> float:
    """`RssAnon`, what the process holds that is no file's."""
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) / 1024


class _Watch(threading.Thread):
    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.done = own_mebibytes(), threading.Event()

    def run(self) -> None:
        while not self.done.wait(SECONDS_BETWEEN):
            self.most = max(self.most, own_mebibytes())
        self.most = max(self.most, own_mebibytes())
