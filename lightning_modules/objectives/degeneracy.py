"""Reasons for which an objective has no unique finite minimiser."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor


@dataclass(frozen=True)
class Degeneracy:
    """A fact about the data, with its witness.

    Attributes:
        kind: `separated` – the loss falls forever along `direction`, the optimum is at infinity;
            `rank_deficient` – some features are linear combinations of others, the minimisers form a flat.
        message: one sentence for the user.
        direction: (p,) of unit length, the separating direction; None for `rank_deficient`.
        columns: indices of the features that depend linearly on the ones before them; empty for `separated`.
    """

    kind: Literal["separated", "rank_deficient"]
    message: str
    direction: Tensor | None = None
    columns: tuple[int, ...] = ()
