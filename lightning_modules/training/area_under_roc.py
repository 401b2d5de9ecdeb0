r"""The area under the ROC curve, with all digits of float64.

    A = (Σ_{i: y_i = 1} r_i − P (P + 1) / 2) / (P N),      r_i the rank of score i among all, ties sharing their mean rank

is the chance that a row of the class has a higher score than another row, ties counting half; P rows are of the class, N are
not. (torchmetrics adds up the curve in float32.) Where P or N is 0 there is no such chance: the area is nan, not 0, which would
be the worst score there is.

Source: J. Hanley and B. McNeil, The meaning and use of the area under a receiver operating characteristic curve (1982).
"""

import torch
from torch import Tensor
from torchmetrics.classification import BinaryAUROC, MulticlassAUROC
from torchmetrics.utilities import dim_zero_cat


class BinaryAreaUnderROC(BinaryAUROC):
    """Of the scores of class 1 (n,); nan where all rows are of one class."""

    can_be_undefined = True

    def compute(self) -> Tensor:  # type: ignore[override]
        return area_under_roc(dim_zero_cat(self.preds), dim_zero_cat(self.target) == 1)


class MulticlassAreaUnderROC(MulticlassAUROC):
    """The mean over the classes of each one's area against all others, scores (n, K).

    Of the classes that have rows, and others against them: a class without any has no area. nan if that is none.
    """

    can_be_undefined = True

    def compute(self) -> Tensor:  # type: ignore[override]
        preds, target = dim_zero_cat(self.preds), dim_zero_cat(self.target)
        return torch.stack([area_under_roc(preds[:, label], target == label) for label in range(self.num_classes)]).nanmean()


def area_under_roc(scores: Tensor, is_class: Tensor) -> Tensor:
    """A of scores (n,) for rows that are of a class or not (n,); nan where all are or none is: ()."""
    _, place, counts = torch.unique(scores, return_inverse=True, return_counts=True)
    ranks = counts.cumsum(0).double() - (counts.double() - 1) / 2
    positives = is_class.sum().double()
    pairs = positives * (len(scores) - positives)
    above = ranks[place][is_class].sum() - positives * (positives + 1) / 2
    return torch.where(pairs > 0, above / pairs, float("nan"))
