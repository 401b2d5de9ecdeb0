"""Work shared among the processor's cores, each doing its part alone.

torch divides a single operation among threads. On chunks that fit a cache this gains little: a product of a tall matrix and
a vector it does not divide at all, and a core that waits for memory could have worked on another chunk.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import torch

T = TypeVar("T")


def shared(work: Callable[[int], T], parts: int) -> list[T]:
    """`work(part)` for part = 0 … parts − 1, each in a thread of its own where there are several.

    The threads record no gradients. While they work, torch divides no operation further.
    """
    if parts == 1:
        return [work(0)]
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(parts, initializer=partial(torch.set_num_threads, 1)) as pool:
            return list(pool.map(torch.no_grad()(work), range(parts)))
    finally:
        torch.set_num_threads(threads)  # the linear algebra has one number for all threads
