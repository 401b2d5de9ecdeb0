"""Small operations that torch does not divide among threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def undivided() -> Iterator[None]:
    """Within, torch divides no operation among threads: for a small one between larger ones that are shared by cores.

    Threads that had a part of it would go on waiting for more, on the cores that the larger ones need.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
