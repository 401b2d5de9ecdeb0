"""Labelled images, checked before anything is computed from them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.messages import counted

NUM_DIGITS = 10


@dataclass(frozen=True)
class ImageSet:
    """Images of handwritten digits.

    Attributes:
        images: (n, h, w) uint8.
        targets: labels 0 … C−1 (n,) int64.
        class_names: C names; before a selection "0" … "9".
        origin: where they come from, for messages.
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.int64]
    class_names: tuple[str, ...]
    origin: str

    def check(self) -> None:
        """Refuse images and labels that do not belong together.

        Raises:
            ValueError: different numbers of images and labels, or labels that are no digits.
        """
        if len(self.images) != len(self.targets):
            raise ValueError(
                f"{self.origin}: {counted(len(self.images), 'image')} but "
                f"{counted(len(self.targets), 'label')}; the two files do not belong "
                "together: fetch both anew"
            )
        wrong = np.flatnonzero((self.targets < 0) | (self.targets >= NUM_DIGITS))
        if len(wrong):
            raise ValueError(
                f"{self.origin}: {len(wrong)} labels are not 0 to 9 (first {self.targets[wrong[0]]}, image {wrong[0]}): the "
                "labels are damaged; fetch them anew"
            )

    def select(self, digits: tuple[int, ...]) -> "ImageSet":
        """The images of these digits (in increasing order), relabelled 0 … C−1.

        Raises:
            ValueError: there is no image of one of them.
        """
        absent = [digit for digit in digits if not (self.targets == digit).any()]
        if absent:
            raise ValueError(
                f"{self.origin}: there is no image of {', '.join(map(str, absent))} among {len(self.targets)}: choose other "
                "digits"
            )
        kept = np.isin(self.targets, digits)
        # All digits is the common case, which needs no copy.
        images = self.images if kept.all() else self.images[kept]
        return ImageSet(images, np.searchsorted(digits, self.targets[kept]), tuple(map(str, digits)), self.origin)


def check_digits(digits: list[int] | None) -> tuple[int, ...]:
    """The classes to keep, in increasing order; None for all.

    Raises:
        ValueError: no digits, the same twice, fewer than two.
    """
    if digits is None:
        return tuple(range(NUM_DIGITS))
    for digit in digits:
        if not isinstance(digit, int) or not 0 <= digit < NUM_DIGITS:
            raise ValueError(f"digits={digits}: {digit!r} is no digit; choose among the integers 0 to 9")
    if len(set(digits)) < len(digits):
        raise ValueError(f"digits={digits}: a digit is named twice; name each once")
    if len(digits) < 2:
        raise ValueError(f"digits={digits}: with fewer than two classes there is nothing to tell apart; name two or more")
    return tuple(sorted(digits))
