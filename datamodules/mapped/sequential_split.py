"""Rows for training, validation and test, drawn while they go by, so that memory does not grow with their number."""

import math

import numpy as np
from numpy.typing import NDArray

from datamodules.messages import counted, leave


class SequentialSplit:
    """Assigns each row to a part. Every choice of as many rows for each part is as likely, within every class.

    Of m rows that go by out of N left, of which (r_1, r_2, r_3) are still to be put into the parts, the numbers that go
    there follow the multivariate hypergeometric distribution, and which rows these are is a random order. So the parts are
    a stratified sample without replacement, as `split_rows` draws them, but not the same one.

    Source: D. Knuth, The Art of Computer Programming, vol. 2, 3rd ed. (1997), section 3.4.2 (algorithm S, for m = 1).

    Args:
        counts: rows of each class (C,), or one number: all rows.
        val_fraction, test_fraction: shares of the rows of each class, counts rounded up.
        seed: of the choice.
        class_names: C names, for the error.
        strict: whether to refuse a class with too few rows for all parts; else all of them are in training.

    Attributes:
        sizes: rows of each part (3,).

    Raises:
        ValueError: a class with too few rows for all parts, or, if not strict, no class with enough of them.
    """

    def __init__(
        self,
        counts: list[int],
        val_fraction: float,
        test_fraction: float,
        seed: int,
        class_names: tuple[str, ...] | None,
        strict: bool = True,
    ) -> None:
        self.left = np.array(
            [(count - (val := math.ceil(count * val_fraction)) - (test := math.ceil(count * test_fraction)), val, test)
             for count in counts]
        )  # fmt: skip
        is_short = self.left[:, 0] < 1
        if is_short.any() and not is_short.all() and class_names is not None and not strict:
            self.left[is_short] = [(count, 0, 0) for count, short in zip(counts, is_short, strict=True) if short]
        elif is_short.any():
            short = int(is_short.argmax())
            of_class = "" if class_names is None else f" of class {class_names[short]!r}"
            raise ValueError(
                f"{counted(counts[short])}{of_class} {leave(counts[short])} none for training after {self.left[short, 2]} "
                f"for the test and {self.left[short, 1]} for validation: add rows, or change val_fraction and test_fraction"
            )
        self.sizes = self.left.sum(0)
        self._generator = np.random.default_rng(seed)

    def parts(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """The part 0, 1 or 2 of each of the next rows, given their classes: (m,) -> (m,)."""
        parts = np.empty(len(labels), np.int64)
        for label in np.unique(labels):
            rows = labels == label
            drawn = self._generator.multivariate_hypergeometric(self.left[label], rows.sum(), method="marginals")
            self.left[label] -= drawn
            parts[rows] = self._generator.permutation(np.repeat(np.arange(len(drawn)), drawn))
        return parts
