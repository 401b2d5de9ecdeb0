r"""A loss of which only a few random combinations of its curvature's factor are taken, for rows of many outputs.

    ∂²l/∂z² = SᵀS,      S̃ = E/√d,   E: d rows e with mean 0 and E eeᵀ = SᵀS        so that  E S̃ᵀS̃ = SᵀS

A Gauss–Newton matrix takes a sweep through the network for each row of S, as many as there are outputs; of S̃ it takes d, and
is an unbiased estimate. Of d draws a row's entries on the diagonal scatter by √(2/d) of themselves, n rows' by √(2/dn).

Source: J. Martens, I. Sutskever and K. Swersky, Estimating the Hessian by back-propagating curvature (2012), section 3.
"""

import torch
from torch import Tensor

from lightning_modules.objectives.families.pointwise_loss import PointwiseLoss
from lightning_modules.objectives.families.wrapped_loss import WrappedLoss


class DrawnCurvature(WrappedLoss):
    """The same loss, gradient and products with its curvature; another factor.

    The draws of a row do not depend on how rows are divided, into chunks or among processes.

    Args:
        loss: l.
        draws: d ≥ 1.
        seed: of the draws.
        rows_before: how many rows the processes before this one have.
    """

    def __init__(self, loss: PointwiseLoss, draws: int, seed: int, rows_before: int = 0) -> None:
        super().__init__(loss)
        self.draws, self.seed, self.rows_before = draws, seed, rows_before
        self._generator: torch.Generator | None = None

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        """S̃ (d, n, K) of the next rows."""
        return self.exact.random_slope(z, y, self._signs(len(z), z.device).to(z)) / self.draws**0.5

    def _signs(self, rows: int, device: torch.device) -> Tensor:
        """±1 (d, n, K), row after row."""
        if self._generator is None:
            self._generator = torch.Generator(device).manual_seed(self.seed)
            self._next(self.rows_before, device)
        return self._next(rows, device).transpose(0, 1).mul_(2).sub_(1)

    def _next(self, rows: int, device: torch.device) -> Tensor:
        return torch.randint(2, (rows, self.draws, self.num_outputs), generator=self._generator, device=device)
