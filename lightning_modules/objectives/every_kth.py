"""A sample of rows that does not depend on how they are shared among processes."""

from collections.abc import Sequence


def every_kth(counts: Sequence[int], rank: int, k: int) -> tuple[slice, list[int]]:
    """Every k-th of all rows from the first, the processes taken in order: a sample, if the rows' order means nothing.

    Args:
        counts: rows on each process.
        rank: this process.
        k: ≥ 1.

    Returns:
        Where they are among this process's rows, and how many of them each process has.
    """
    before = [sum(counts[:process]) for process in range(len(counts))]
    own = slice(-before[rank] % k, None, k)
    return own, [len(range(-rows % k, count, k)) for rows, count in zip(before, counts, strict=True)]
