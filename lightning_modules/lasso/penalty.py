r"""A penalty on the coefficients of a linear model that takes some of them to 0.

    P(θ) = Σ_j a_j |θ_j| + ½ Σ_j r_j θ_j² ,       a = l1 v ,  r = l2 v ,    v_j ≥ 0 the weight of a coefficient, 0 of a bias

θ minimises f + P for a convex f with the gradient g if and only if the violation of each coefficient is 0:

    |g_j + r_j θ_j + a_j sign θ_j|  for θ_j ≠ 0 or a_j = 0 ,        max(0, |g_j| − a_j)  for θ_j = 0

Source: T. Hastie, R. Tibshirani and M. Wainwright, Statistical Learning with Sparsity (2015), sections 2.2, 4.2 and 5.2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_modules.counting import counted
from lightning_modules.objectives.linear import GLMObjective

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Penalty:
    """As above.

    Attributes:
        absolute: a (p,) ≥ 0.
        square: r (p,) ≥ 0.
    """

    absolute: Array
    square: Array

    def value(self, theta: Array) -> float:
        """P(θ)."""
        return float(self.absolute @ np.abs(theta) + 0.5 * self.square @ theta**2)

    def change(self, old: Array, new: Array) -> float:
        """P(new) − P(old), of differences that are small beside either."""
        moved = new - old
        # |new| − |old| is exact where no sign changes.
        absolute = np.where(new * old > 0, moved * np.sign(new), np.abs(new) - np.abs(old))
        return float(self.absolute @ absolute + 0.5 * self.square @ (moved * (new + old)))

    def violations(self, theta: Array, gradient: Array) -> Array:
        """Of θ (p,), given the gradient g (p,) of the loss there: (p,)."""
        at_zero = np.maximum(np.abs(gradient) - self.absolute, 0)
        elsewhere = np.abs(gradient + self.square * theta + self.absolute * np.sign(theta))
        return np.where(theta == 0, at_zero, elsewhere)

    def of(self, places: Any) -> "Penalty":
        """That of some coefficients."""
        return Penalty(self.absolute[places], self.square[places])


def check_strength(name: str, strength: Any) -> None:
    """Refuse what is no strength of a penalty.

    Raises:
        ValueError: no finite number ≥ 0.
    """
    is_number = isinstance(strength, (int, float, np.integer, np.floating)) and not isinstance(strength, bool)
    if not is_number or not 0 <= strength < np.inf:
        raise ValueError(f"{name}={strength!r}: give a finite number ≥ 0, the strength of the penalty beside the mean loss")


def weights_of_coefficients(objective: GLMObjective, penalty_weights: Any) -> Array:
    """v (p,), laid out as θ.

    Args:
        objective: the loss.
        penalty_weights: (d,), ≥ 0, 0 for what is not penalised; None = 1 for each.

    Raises:
        ValueError: another shape, a number below 0 or not finite.
    """
    layout, d = objective.layout, objective.num_features
    weights = np.ones(d) if penalty_weights is None else _numbers(penalty_weights)
    if weights.shape != (d,):
        raise ValueError(
            f"penalty_weights of shape {weights.shape} for {counted(d, 'feature')}: give one number for each feature"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        place = int(np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[0])
        raise ValueError(f"penalty_weights[{place}] is {weights[place]}: give finite numbers ≥ 0, 0 for no penalty")
    biases = np.zeros(layout.num_outputs * layout.has_bias)
    return np.concatenate([np.tile(weights, layout.num_outputs), biases])


def _numbers(given: Any) -> Array:
    try:
        found: Array = np.asarray(given.cpu() if isinstance(given, torch.Tensor) else given, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"penalty_weights={given!r}: give one number for each feature, or None") from error
    return found
