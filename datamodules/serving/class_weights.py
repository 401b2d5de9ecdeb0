r"""Weights by class, for training: they multiply the weights of the rows.

    "balanced":   n / (K n_c)  for a row of class c,

n the weight of all training rows, n_c that of class c and K how many classes have some: each class then weighs n / K, as
scikit-learn has it. (Its `compute_class_weight` takes no weights of rows before 1.7.)
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.columns.profile import level_text
from datamodules.messages import listed
from datamodules.messages.split_options import ClassWeight

Rows = tuple[Tensor, ...]
# What YAML reads as true and false, on a command line too.
TRUTH = {True: ("true", "yes", "on"), False: ("false", "no", "off")}


def with_class_weights(rows: Rows, class_weight: ClassWeight, names: Sequence[str] | None) -> Rows:
    """Training rows (features, targets, weights if any) with weights that are multiplied by those of the classes.

    Args:
        rows: labels are 0 … C−1.
        class_weight: "balanced", or the weights by the names of classes; a class that is not named has 1.
        names: C names.

    Raises:
        ValueError: there are no classes, or one is named that is none of them.
    """
    if names is None:
        raise ValueError(
            f"class_weight={class_weight!r}: the targets are numbers, not classes; leave it out, or give weights of the rows"
        )
    features, targets, *given = rows
    weights = given[0] if given else torch.ones(len(targets), dtype=features.dtype)
    labels = targets.numpy()
    if class_weight == "balanced":
        sums = np.bincount(labels, weights.numpy(), len(names))
        by_class = sums.sum() / ((sums > 0).sum() * np.where(sums > 0, sums, 1.0))
    else:
        assert not isinstance(class_weight, str)
        by_class = _by_name(class_weight, names)
    return features, targets, weights * torch.from_numpy(by_class[labels])


def _by_name(class_weight: dict[str, float], names: Sequence[str]) -> NDArray[np.float64]:
    by_class = np.ones(len(names))
    for key, weight in class_weight.items():
        meant = [name for name in names if _is_name(key, name)]
        if len(meant) != 1:
            raise ValueError(f"class_weight names no class by {key!r}: the classes are {listed(map(repr, names), 20)}")
        by_class[names.index(meant[0])] = weight
    return by_class


def _is_name(key: object, name: str) -> bool:
    """Whether a class may be called so: by its name, or by a number or truth value that was read from it."""
    return name.lower() in TRUTH[key] if isinstance(key, bool) else name in (str(key), level_text(key))
