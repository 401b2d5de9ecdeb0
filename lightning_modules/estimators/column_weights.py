"""Penalty weights of the columns that a user knows, for each column of numbers that they become."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lightning_modules.estimators.design import Design
from lightning_modules.estimators.levels import Levels


def weights_of_features(given: Any, design: Design | None, names: Sequence[str]) -> Any:
    """One for each of d features; as it was given where it is not by name and not by column.

    Args:
        given: by the names of features or of a frame's columns (those that are not named have 1), one number for each column of
            the frame, one for each feature, or None.
        design: what the columns of a frame became; None for an array.
        names: of the features (d,).

    Raises:
        ValueError: a name that there is not.
    """
    columns: list[tuple[str, list[str]]] = [
        (each.column, each.names) if isinstance(each, Levels) else (each, [each])
        for each in (() if design is None else design.columns)
    ]
    if isinstance(given, Mapping):
        features = {name: [name] for name in names} | dict(columns)
        weights: dict[str, Any] = dict.fromkeys(names, 1.0)
        for name, weight in given.items():
            if name not in features:
                listed = ", ".join(map(repr, list(features)[:8])) + (", …" if len(features) > 8 else "")
                raise ValueError(f"penalty_weights: there is no column {name!r}; there are {listed}")
            weights |= dict.fromkeys(features[name], weight)
        return [weights[name] for name in names]
    if given is not None and columns and len(columns) != len(names) and np.shape(given) == (len(columns),):
        return [weight for weight, (_, features) in zip(given, columns, strict=True) for _ in features]
    return given
