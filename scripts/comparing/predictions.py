"""What a classifier says of the test rows at the end of a run."""

from dataclasses import dataclass
from typing import cast

import torch
from command_line.fit_cli import FitCLI
from torch import Tensor

from callbacks.confusion_matrix import class_accuracy


@dataclass(frozen=True)
class Predictions:
    """Predictions and truth of n test rows, always in the data module's order.

    Attributes:
        probabilities: of the C classes (n, C).
        labels: true classes (n,).
        class_names: C names.
        weights: how many times each row counts (n,); None = once.
    """

    probabilities: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    weights: Tensor | None = None

    @property
    def confusion(self) -> Tensor:
        """Counts (C, C), true classes down and predicted ones across."""
        classes = len(self.class_names)
        return torch.bincount(self.labels * classes + self.probabilities.argmax(1), self.weights, classes**2).view(classes, -1)

    @property
    def class_accuracy(self) -> Tensor:
        """Share of each true class that is predicted right (C,); nan of a class without test rows."""
        return class_accuracy(self.confusion)

    def differences(self, other: "Predictions") -> Tensor:
        """Largest difference of a probability over the test rows of each true class (C,); 0 over none."""
        by_row = (self.probabilities - other.probabilities).abs().amax(1)
        return torch.zeros(len(self.class_names), dtype=by_row.dtype).scatter_reduce(0, self.labels, by_row, "amax")


def predict(cli: FitCLI) -> Predictions | None:
    """Predict the test rows with the weights that a fit ended with; None if the targets are real numbers."""
    data = cli.datamodule
    if not data.num_classes:
        return None
    predicted = torch.cat(cast(list[Tensor], cli.trainer.predict(cli.model, data)))
    probabilities = predicted if predicted.ndim == 2 else torch.stack([1 - predicted, predicted], 1)
    _, labels, *weights = data.splits["test"]
    return Predictions(probabilities, labels, data.class_names, *weights)
