"""How much more the rows of a class count than those of another."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


def class_factors(
    class_weight: dict[Any, float] | Literal["balanced"], labels: NDArray[Any], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """The factor of each row's weight (n,).

    Args:
        class_weight: "balanced" for Σw / (K Σ_{its class} w), which leaves the sum of all weights as it is and gives each class
            the same; or factors by label, 1 for labels that are not among them.
        labels: of the rows (n,).
        weights: of the rows (n,); None = 1 for each.

    Raises:
        ValueError: anything else, a factor below 0 or not finite, a label that no row has.
    """
    classes, codes = np.unique(labels, return_inverse=True)
    if class_weight == "balanced":
        sums = np.bincount(codes, weights)
        factors = sums.sum() / (len(classes) * sums)
        return factors[codes]
    if not isinstance(class_weight, dict):
        raise ValueError(f"class_weight={class_weight!r}: give None, 'balanced', or a dictionary of factors by class")
    known = classes.tolist()
    if unknown := [label for label in class_weight if label not in known]:
        raise ValueError(f"class_weight has the labels {unknown}, which no row has: the classes are {known[:8]}")
    factors = np.array([float(class_weight.get(label, 1.0)) for label in known])
    if not (np.isfinite(factors).all() and (factors >= 0).all() and factors.any()):
        raise ValueError(f"class_weight={class_weight!r}: give finite factors ≥ 0, not all of them 0")
    return factors[codes]
