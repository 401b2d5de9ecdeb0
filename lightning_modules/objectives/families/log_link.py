"""Families whose link is the logarithm: μ = eᶻ > 0."""

from torch import Tensor

from lightning_modules.objectives.families.one_output import OneOutput
from lightning_modules.objectives.families.pointwise_loss import MeanOf


class LogLink(OneOutput):
    """Counts or amounts, whose loss is half the unit deviance; K = 1."""

    has_units = True
    predictor = "logarithm of the mean"
    separation = "all targets, or those of rows that the features tell from the others, are 0"

    def mean(self, z: Tensor) -> Tensor:
        return z.exp()

    def unit(self, mean_of: MeanOf) -> float:
        """Half the mean deviance of predicting each target by their mean; 1 if all are 0, which no mean predicts."""
        center = mean_of(lambda y: y.double())
        if not bool((center > 0).all()):
            return 1.0
        return float(mean_of(lambda y: self.loss(center.log().expand(len(y), -1), y.double())))
