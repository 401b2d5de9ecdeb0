r"""From the coefficients of scaled features to those of the features in units of their own.

    x'_j = (x_j − m_j) / σ_j,     Σ_j w'_j x'_j + b' = Σ_j w_j x_j + b:
    w_j = w'_j / σ_j,     b = b' − Σ_j w'_j m_j / σ_j

That is linear, (w, b) = T (w', b'). So a half Z of the covariance ZZᵀ of (w', b') becomes TZ, whose rows are as long as the
standard errors of (w, b). No covariance is formed: its entries would lose half of the digits.
"""

from typing import Any

import torch
from torch import Tensor


class Scaling:
    """What was subtracted from each feature, and what it was divided by after that.

    Args:
        mean: m (d,), an array or a tensor.
        deviation: σ (d,).
        num_features: d.
        device: of the coefficients.
        has_intercept: whether there is a b.

    Raises:
        ValueError: they are not d finite numbers each, deviations above 0; something was subtracted, and there is no b.
    """

    def __init__(self, mean: Any, deviation: Any, num_features: int, device: torch.device, has_intercept: bool = True) -> None:
        self.has_intercept = has_intercept
        self.mean, self.deviation = (torch.as_tensor(each, dtype=torch.float64, device=device) for each in (mean, deviation))
        for name, values in (("mean", self.mean), ("deviation", self.deviation)):
            if values.shape != (num_features,) or not bool(values.isfinite().all()):
                raise ValueError(f"scaling: the {name} of shape {tuple(values.shape)} must be {num_features} finite numbers")
        if bool((self.deviation <= 0).any()):
            raise ValueError("scaling: a deviation that is not above 0 scales nothing; give 1 where a feature is not scaled")
        if not has_intercept and bool((self.mean != 0).any()):
            raise ValueError("scaling: features were centred, and without an intercept there is nothing to undo that by")

    @property
    def is_none(self) -> bool:
        """Whether the features are as they were."""
        return bool((self.mean == 0).all()) and bool((self.deviation == 1).all())

    @property
    def shift(self) -> Tensor:
        """m / σ: what the scaled features would be larger by if nothing had been subtracted (d,)."""
        return self.mean / self.deviation

    def undo_profile(self, profile: Tensor) -> Tensor:
        """Ends of intervals of one output's slopes, which σ divides, and p-values, which stay: (d, 3) of (d, 3) and more."""
        slopes = profile[: len(self.mean)].clone()
        slopes[:, :2] /= self.deviation[:, None]
        return slopes

    def undo(self, rows: Tensor) -> Tensor:
        """T of what is ordered output by output, the intercept last: (K (d + 1), …) -> (K (d + 1), …)."""
        by_output = rows.unflatten(0, (-1, len(self.mean) + self.has_intercept))
        shape = (-1, *[1] * (rows.dim() - 1))
        slopes = by_output[:, : len(self.mean)] / self.deviation.view(shape)
        if not self.has_intercept:
            return slopes.flatten(0, 1)
        intercepts = by_output[:, -1:] - (slopes * self.mean.view(shape)).sum(1, keepdim=True)
        return torch.cat([slopes, intercepts], 1).flatten(0, 1)
