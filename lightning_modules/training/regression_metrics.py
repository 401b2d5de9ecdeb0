r"""How well real targets are predicted.

    R² = 1 − Σ_i (y_i − ŷ_i)² / Σ_i (y_i − ȳ)²,      the mean over the targets where there are several

in whatever unit the targets are. torchmetrics' R² is not used: it forms Σ y² − n ȳ², which loses everything where the targets
are far from 0, and takes a sum of squares below 1e-4 for none, so that noise of 1e-3 is a perfect prediction. Here the rows
are kept, two numbers for each target, and judged by scikit-learn; of more than 2^20 numbers, and on a device, sums of squares
are (`squares.py`). Rows with weights count by them, in the sums and in ȳ.
"""

from functools import reduce

import torch
from sklearn.metrics import r2_score
from torch import Tensor
from torchmetrics import MeanMetric, Metric, MetricCollection
from torchmetrics.utilities import dim_zero_cat

from lightning_modules.training.squares import Squares
from lightning_modules.training.weighted_errors import WeightedAbsoluteError, WeightedSquaredError

MOST_NUMBERS = 2**20


class DefinedR2Score(Metric):
    """R² of all rows, as scikit-learn has it.

    Constant targets have no variance to explain: 1 if they are met exactly, else 0. Of fewer than two rows, and of numbers
    that are not finite, it is nan: a run must not be lost because its test has one row.
    """

    can_be_undefined = True
    is_differentiable = True
    higher_is_better = True
    full_state_update = False
    preds: list[Tensor]
    target: list[Tensor]
    weights: list[Tensor]
    squares: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("preds", [], dist_reduce_fx="cat")
        self.add_state("target", [], dist_reduce_fx="cat")
        self.add_state("weights", [], dist_reduce_fx="cat")
        # Of the rows that are not kept, (1, 5, K); a row for each process where these are put together.
        self.add_state("squares", [], dist_reduce_fx="cat")

    def update(self, preds: Tensor, target: Tensor, weight: Tensor | None = None) -> None:
        """Predictions and targets (n,) or (n, K), both of the same shape, and weights (n,) of all batches or of none.

        Raises:
            ValueError: the shapes differ.
        """
        if preds.shape != target.shape:
            raise ValueError(
                f"predictions of shape {tuple(preds.shape)} for targets of shape {tuple(target.shape)}: R² compares number "
                "by number"
            )
        self.preds.append(preds.detach())
        self.target.append(target.detach())
        if weight is not None:
            self.weights.append(weight.detach())
        if sum(part.numel() for part in (*self.preds, *self.target)) > MOST_NUMBERS:
            self.squares = [torch.stack(self._summed())[None]]
            self.preds, self.target, self.weights = [], [], []

    def compute(self) -> Tensor:
        """()."""
        # On a device too, from where rows would have to be moved for scikit-learn in every epoch.
        if len(self.squares) or (self.device.type != "cpu" and sum(map(len, self.target)) > 1):
            score = self._summed().r2()
            return torch.where(torch.isfinite(score), score, float("nan"))
        preds, target, weights = _joined(self.preds), _joined(self.target), self._weights()
        if len(target) == 1 and weights is not None and float(weights[0]) >= 2:  # two rows, or more
            preds, target, weights = preds.repeat_interleave(2, 0), target.repeat_interleave(2, 0), weights.repeat(2) / 2
        score = torch.full((), float("nan"), dtype=torch.float64, device=self.device)
        if len(target) < 2 or not bool(torch.isfinite(preds).all() and torch.isfinite(target).all()):
            return score
        # R² does not change with the origin. The mean of equal numbers is rounded, so that they would seem to vary about it.
        origin = torch.where((target == target[0]).all(0), target[0], 0.0)
        rows = (target - origin).cpu().numpy(), (preds - origin).cpu().numpy()
        return score.fill_(float(r2_score(*rows, sample_weight=None if weights is None else weights.cpu().numpy())))

    def _weights(self) -> Tensor | None:
        """Of the rows that are kept (n,)."""
        return _joined(self.weights) if len(self.weights) else None

    def _summed(self) -> Squares:
        """Of all rows so far."""
        parts = [Squares(*part) for part in dim_zero_cat(self.squares)] if len(self.squares) else []
        if len(self.target):
            preds, target = (_joined(rows) for rows in (self.preds, self.target))
            parts.append(Squares.of(preds.reshape(len(preds), -1), target.reshape(len(target), -1), self._weights()))
        return reduce(Squares.joined, parts)


def _joined(parts: list[Tensor] | Tensor) -> Tensor:
    """Batches, or what processes have made one of already, as one in float64: (n, …)."""
    joined = torch.cat([part.double() for part in parts]) if isinstance(parts, list) and parts else parts
    return joined.double() if isinstance(joined, Tensor) else torch.zeros(0)


def regression_metrics() -> MetricCollection:
    """Metrics of predictions `preds` (n, K), targets `target` (n, K), losses `value` (n,) and `weight` (n,) if any."""
    return MetricCollection(
        {"loss": MeanMetric("error"), "mse": WeightedSquaredError(), "mae": WeightedAbsoluteError(), "r2": DefinedR2Score()}
    )
