"""What the training rows settle, and later rows are held to."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.columns import Encoder
from datamodules.columns.given import NOTHING_GIVEN, Given


@dataclass(frozen=True)
class Preprocessing:
    """From the columns of a table to the model's input, and from its output to the names of classes.

    Attributes:
        encoder: from the columns to d features.
        mean: subtracted from the features (d,).
        deviation: what they are divided by after that (d,).
        class_names: C names, or None for real targets.
        is_strict: whether missing values and unknown categories are refused in later rows.
        given: the columns of the offset, if there is one.
    """

    encoder: Encoder
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    class_names: tuple[str, ...] | None
    is_strict: bool = True
    given: Given = NOTHING_GIVEN

    @property
    def feature_names(self) -> tuple[str, ...]:
        """d names."""
        return self.encoder.names

    @property
    def input_names(self) -> tuple[str, ...]:
        """Of what a model takes: the features and, if there is one, the offset."""
        return (*self.feature_names, "offset") if self.given.has_offset else self.feature_names

    @property
    def shift(self) -> NDArray[np.float64]:
        """The mean, and 0 for the offset: of each input."""
        return np.append(self.mean, 0.0) if self.given.has_offset else self.mean

    @property
    def scale(self) -> NDArray[np.float64]:
        """The deviation, and 1 for the offset: of each input."""
        return np.append(self.deviation, 1.0) if self.given.has_offset else self.deviation

    def scaled(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Features (n, d), with the offset behind them if there is one: (n, d + 1); it stays as it is."""
        scaled = inputs - self.shift
        scaled /= self.scale
        return scaled

    def plain(self) -> dict[str, Any]:
        """The same in texts, numbers and lists, for a checkpoint, which must not need code to be read."""
        return {
            "encoder": self.encoder.plain(),
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "class_names": self.class_names,
            "is_strict": self.is_strict,
            "offset": self.given.plain(),
        }

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> "Preprocessing":
        """What `plain` was made of."""
        mean, deviation = (np.asarray(plain[name], np.float64) for name in ("mean", "deviation"))
        names = None if plain["class_names"] is None else tuple(plain["class_names"])
        given = Given.from_plain(plain.get("offset", {}))  # checkpoints of earlier versions know of none
        return Preprocessing(Encoder.from_plain(plain["encoder"]), mean, deviation, names, plain["is_strict"], given)
