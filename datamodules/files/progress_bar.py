"""A bar for what takes more than two seconds."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from datamodules.messages import shown

T = TypeVar("T")


def with_progress_bar(
    what: str,
    pieces: Iterable[T],
    rows: int | None = None,
    count: Callable[[T], int] = len,  # type: ignore[assignment]
    unit: str = "rows",
) -> Iterator[T]:
    """The pieces, with a bar that appears after two seconds and counts their rows, or whatever else they are counted in."""
    with tqdm(total=rows, desc=shown(what), unit=f" {unit}", unit_scale=True, delay=2, leave=False) as bar:
        for piece in pieces:
            yield piece
            bar.update(count(piece))
