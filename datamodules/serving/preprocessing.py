"""What the training rows settle, and later rows are held to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.serving.encoding import Encoding


@dataclass(frozen=True)
class Preprocessing:
    """From the columns of a table to the model's input, and from its output to the names of classes.

    Attributes:
        encodings: of the columns, d features together.
        mean: subtracted from the features (d,).
        deviation: what they are divided by after that (d,).
        class_names: C names, or None for real targets.
    """

    encodings: tuple[Encoding, ...]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    class_names: tuple[str, ...] | None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """d names."""
        return tuple(name for encoding in self.encodings for name in encoding.names)

    def scaled(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, d) -> (n, d)."""
        scaled = features - self.mean
        scaled /= self.deviation
        return scaled

    def plain(self) -> dict[str, Any]:
        """The same in texts, numbers and lists, for a checkpoint, which must not need code to be read."""
        return {
            "encodings": [(encoding.column, encoding.kind, encoding.categories) for encoding in self.encodings],
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "class_names": self.class_names,
        }

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> "Preprocessing":
        """What `plain` was made of."""
        encodings = tuple(Encoding(column, kind, _names(categories)) for column, kind, categories in plain["encodings"])
        mean, deviation = (np.asarray(plain[name], np.float64) for name in ("mean", "deviation"))
        return Preprocessing(encodings, mean, deviation, _names(plain["class_names"]))


def _names(held: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if held is None else tuple(held)
