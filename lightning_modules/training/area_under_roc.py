r"""The area under the ROC curve, with all digits of float64.

    A = (Σ_{i: y_i = 1} r_i − P (P + 1) / 2) / (P N),      r_i the rank of score i among all, ties sharing their mean rank

is the chance that a row of the class has a higher score than another row, ties counting half; P rows are of the class, N are
not. (torchmetrics adds up the curve in float32.) Where P or N is 0 there is no such chance: the area is nan, not 0, which would
be the worst score there is. Of rows with weights w it is

    A = Σ_{i: y_i = 1} w_i (W(< s_i) + W(= s_i) / 2) / (W_P W_N),      W the sum of weights of other rows with such a score s

Of more than 2^20 scores, those of K classes counted K times, the rows are not kept: how many have which score is counted in
bins (`score_bins.py`), from which the area follows to within a bound that is computed with it and told in `note`.

Source: J. Hanley and B. McNeil, The meaning and use of the area under a receiver operating characteristic curve (1982).
"""

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import BinaryAUROC, MulticlassAUROC
from torchmetrics.utilities import dim_zero_cat

from lightning_modules.devices import is_asynchronous
from lightning_modules.training.score_bins import ScoreBins

# Scores whose rows are kept; once there were more, scores that wait to be counted; bins for all classes together.
MOST_SCORES, MOST_WAITING, MOST_BINS = 2**20, 2**18, 2**16


class AreaUnderROC(Metric):
    """What both kinds share: rows are kept, or counted in bins when there are too many.

    Attributes:
        note: what the user should know of the value, after `compute`; None of one that is exact.
    """

    can_be_undefined = True
    note: str | None = None
    preds: list[Tensor]
    target: list[Tensor]
    weights: list[Tensor]
    bins: list[Tensor]
    bin_rows: list[Tensor]
    shifts: Tensor

    def _add_bins(self, classes: int) -> None:
        """Of so many classes, each of which is compared with all others."""
        self._classes = classes
        # Of the bins of all classes: (class, first, last), and (of_class, others), whole numbers or sums of weights.
        self.add_state("bins", [], dist_reduce_fx="cat")
        self.add_state("bin_rows", [], dist_reduce_fx="cat")
        self.add_state("weights", [], dist_reduce_fx="cat")
        self.add_state("shifts", torch.zeros(classes, dtype=torch.int64), dist_reduce_fx="max")

    def update(self, preds: Tensor, target: Tensor, weight: Tensor | None = None) -> None:
        """Scores, labels and weights (n,) of some rows; all of them have weights or none."""
        super().update(preds, target)  # type: ignore[safe-super]
        if weight is not None:
            self.weights.append(weight)
        if sum(part.numel() for part in self.preds) > (MOST_WAITING if len(self.bins) else MOST_SCORES):
            found = self._counted()
            places = [torch.stack([torch.full_like(b.first, k), b.first, b.last], 1) for k, b in enumerate(found)]
            self.bins = [torch.cat(places)]
            self.bin_rows = [torch.cat([torch.stack([b.of_class, b.others], 1) for b in found])]
            self.shifts = self.shifts.new_tensor([each.shift for each in found])
            self.preds, self.target, self.weights = [], [], []

    def compute(self) -> Tensor:
        """()."""
        self.note = None
        if not len(self.bins):
            scores, labels, weights = self._scores(), dim_zero_cat(self.target), self._weights()
            areas = [area_under_roc(scores[:, k], self._is_of(labels, k), weights) for k in range(self._classes)]
            return self._joined(areas)
        found = self._counted()
        by_class, errors = zip(*(each.area() for each in found), strict=True)
        rows, error = int(found[0].of_class.sum() + found[0].others.sum()), float(self._joined(list(errors)))
        if error > 0:
            self.note = f"of {rows} rows it is computed from counts of their scores in bins, and at most {error:.1e} off"
        return self._joined(list(by_class))

    def _counted(self) -> list[ScoreBins]:
        """All rows so far, class by class."""
        nothing = torch.zeros(0, 3, dtype=torch.int64, device=self.device)
        kept = dim_zero_cat(self.bins) if len(self.bins) else nothing
        rows = dim_zero_cat(self.bin_rows) if len(self.bin_rows) else nothing[:, :2]
        scores = self._scores() if len(self.preds) else torch.zeros(0, self._classes, device=self.device)
        labels = dim_zero_cat(self.target) if len(self.target) else torch.zeros(0, dtype=torch.int64, device=self.device)
        weights, found = self._weights(), []
        pieces = len(labels.split(MOST_WAITING))
        parts: list[Tensor | None] = [None] * pieces if weights is None else list(weights.split(MOST_WAITING))
        for k in range(self._classes):
            own = kept[:, 0] == k
            (_, first, last), (of_class, others) = kept[own].T, rows[own].T
            bins = ScoreBins(first, last, of_class, others, int(self.shifts[k]))
            for some, of, by in zip(scores[:, k].split(MOST_WAITING), labels.split(MOST_WAITING), parts, strict=True):
                bins = bins.merged(ScoreBins.of(some, self._is_of(of, k), by), MOST_BINS // self._classes)
            found.append(bins)
        return found

    def _scores(self) -> Tensor:
        """Of the rows that are kept: (n, classes)."""
        scores = dim_zero_cat(self.preds)
        return scores if scores.ndim == 2 else scores[:, None]

    def _weights(self) -> Tensor | None:
        """Of the rows that are kept (n,)."""
        return dim_zero_cat(self.weights) if len(self.weights) else None

    def _is_of(self, labels: Tensor, k: int) -> Tensor:
        return labels == (1 if self._classes == 1 else k)

    def _joined(self, of_classes: list[Tensor]) -> Tensor:
        """The mean of what is known of the classes; nan if that is none."""
        return torch.stack(of_classes).nanmean()


class BinaryAreaUnderROC(AreaUnderROC, BinaryAUROC):  # type: ignore[misc]
    """Of the scores of class 1 (n,); nan where all rows are of one class."""

    def __init__(self) -> None:
        super().__init__()
        self._add_bins(1)


class MulticlassAreaUnderROC(AreaUnderROC, MulticlassAUROC):  # type: ignore[misc]
    """The mean over the classes of each one's area against all others, scores (n, K).

    Of the classes that have rows, and others against them: a class without any has no area. nan if that is none.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes)
        self._add_bins(num_classes)


def area_under_roc(scores: Tensor, is_class: Tensor, weights: Tensor | None = None) -> Tensor:
    """A of scores (n,) for rows that are of a class or not (n,), of weights (n,); nan where all are or none is: ()."""
    if weights is not None:
        values, place = torch.unique(scores, return_inverse=True)
        parts = [weights.new_zeros(len(values)).index_add(0, place, weights * rows) for rows in (is_class, ~is_class)]
        (of_class, others), pairs = parts, parts[0].sum() * parts[1].sum()
        above = (of_class * (others.cumsum(0) - others / 2)).sum()
        return torch.where(pairs > 0, above / pairs, float("nan"))
    positives = is_class.sum().double()
    pairs = positives * (len(scores) - positives)
    # Halves of whole numbers, whose sum has no rounding, in whatever order.
    above = torch.where(is_class, _ranks(scores), 0.0).sum() - positives * (positives + 1) / 2
    return torch.where(pairs > 0, above / pairs, float("nan"))


def _ranks(scores: Tensor) -> Tensor:
    """r (n,), from 1, equal scores sharing their mean."""
    if is_asynchronous(scores):  # how many different scores there are, the host would have to wait for
        scores = scores.contiguous()
        ordered = scores.sort().values
        below, not_above = (torch.searchsorted(ordered, scores, right=right) for right in (False, True))
        return (below + not_above + 1).double() / 2
    _, place, counts = torch.unique(scores, return_inverse=True, return_counts=True)
    return (counts.cumsum(0).double() - (counts.double() - 1) / 2)[place]
