r"""How well real targets are predicted.

    R² = 1 − Σ_i (y_i − ŷ_i)² / Σ_i (y_i − ȳ)²,      the mean over the targets where there are several

in whatever unit the targets are. torchmetrics' R² is not used: it forms Σ y² − n ȳ², which loses everything where the targets
are far from 0, and takes a sum of squares below 1e-4 for none, so that noise of 1e-3 is a perfect prediction. Here the rows
are kept, two numbers for each target, and judged by scikit-learn.
"""

import torch
from sklearn.metrics import r2_score
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanMetric, MeanSquaredError, Metric, MetricCollection


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

    def __init__(self) -> None:
        super().__init__()
        self.add_state("preds", [], dist_reduce_fx="cat")
        self.add_state("target", [], dist_reduce_fx="cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Predictions and targets (n,) or (n, K), both of the same shape.

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

    def compute(self) -> Tensor:
        """()."""
        preds, target = _joined(self.preds), _joined(self.target)
        score = torch.tensor(float("nan"), dtype=torch.float64, device=self.device)
        if len(target) < 2 or not bool(torch.isfinite(preds).all() and torch.isfinite(target).all()):
            return score
        # R² does not change with the origin. The mean of equal numbers is rounded, so that they would seem to vary about it.
        origin = torch.where((target == target[0]).all(0), target[0], 0.0)
        return score.fill_(float(r2_score((target - origin).cpu().numpy(), (preds - origin).cpu().numpy())))


def _joined(parts: list[Tensor] | Tensor) -> Tensor:
    """Batches, or what processes have made one of already, as one in float64: (n, …)."""
    joined = torch.cat([part.double() for part in parts]) if isinstance(parts, list) and parts else parts
    return joined.double() if isinstance(joined, Tensor) else torch.zeros(0)


def regression_metrics() -> MetricCollection:
    """Metrics of predictions `preds` (n, K), targets `target` (n, K) and losses `value` (n,)."""
    return MetricCollection(
        {"loss": MeanMetric("error"), "mse": MeanSquaredError(), "mae": MeanAbsoluteError(), "r2": DefinedR2Score()}
    )
