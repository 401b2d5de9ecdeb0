"""What the training rows settle, and later rows are held to."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.columns import Encoder


@dataclass(frozen=True)
class Preprocessing:
    """From the columns of a table to the model's input, and from its output to the names of classes.

    Attributes:
        encoder: from the columns to d features.
        mean: subtracted from the features (d,).
        deviation: what they are divided by after that (d,).
        class_names: C names, or None for real targets.
        is_strict: whether missing values and unknown categories are refused in later rows.
    """

    encoder: Encoder
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    class_names: tuple[str, ...] | None
    is_strict: bool = True

    @property
    def feature_names(self) -> tuple[str, ...]:
        """d names."""
        return self.encoder.names

    def scaled(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, d) -> (n, d)."""
        scaled = features - self.mean
        scaled /= self.deviation
        return scaled

    def plain(self) -> dict[str, Any]:
        """The same in texts, numbers and lists, for a checkpoint, which must not need code to be read."""
        return {
            "encoder": self.encoder.plain(),
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "class_names": self.class_names,
            "is_strict": self.is_strict,
        }

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> "Preprocessing":
        """What `plain` was made of."""
        mean, deviation = (np.asarray(plain[name], np.float64) for name in ("mean", "deviation"))
        names = None if plain["class_names"] is None else tuple(plain["class_names"])
        return Preprocessing(Encoder.from_plain(plain["encoder"]), mean, deviation, names, plain["is_strict"])
