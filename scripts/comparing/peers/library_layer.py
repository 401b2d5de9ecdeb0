"""PyTorch's own layer, loss, gradient and training loop: the check of our closed forms."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import BCEWithLogitsLoss, CrossEntropyLoss

from comparing.peers.peer import Peer
from comparing.run import Run
from lightning_modules import LogisticRegression, SoftmaxRegression
from lightning_modules.linear import GeneralizedLinearModel
from lightning_modules.training import Batch, OptimizerCallable, as_rows, refuse_weights


@dataclass(frozen=True)
class LibraryLayer(Peer):
    """`nn.Linear` from 0 under `BCEWithLogitsLoss` or `CrossEntropyLoss`, by Lightning's automatic optimization.

    It sees the batches of one of the methods in their order, so it should end where that ends, to rounding.

    Args:
        like: label of the method, which uses an optimiser of `torch.optim`.
    """

    like: str

    def method(self, comparison: dict[str, Any]) -> dict[str, Any]:
        model, methods = self.classifier(comparison), comparison["methods"]
        if self.like not in methods:
            raise ValueError(f"LibraryLayer(like={self.like!r}): there is no such method; choose among {', '.join(methods)}")
        optimizer = str(methods[self.like]["optimizer"]["class_path"]).rpartition(".")[2]
        if not hasattr(torch.optim, optimizer):
            raise ValueError(
                f"LibraryLayer(like={self.like!r}): {optimizer} is not an optimiser of torch.optim; name a method that has one"
            )
        return {**methods[self.like], "model": f"{__name__}.Library{model}"}

    def observe(self, own: Run, runs: dict[str, Run]) -> list[str]:
        ours = runs.get(self.like)
        if ours is None or own.predictions is None or ours.predictions is None:
            return []
        names, differences = own.predictions.class_names, own.predictions.differences(ours.predictions).tolist()
        accuracies = (own.predictions.class_accuracy - ours.predictions.class_accuracy).abs().nan_to_num()
        return [
            f"{own.label} against {ours.label}, whose derivatives are written by hand: the training objectives differ by "
            f"{abs(own.objective - ours.objective):.1g}, the accuracy of a class by at most {float(accuracies.max()):.1g}, "
            f"a probability by at most {max(differences):.1g}.",
            "The largest difference of a probability by true class: "
            + ", ".join(f"{name}: {difference:.1g}" for name, difference in zip(names, differences, strict=True))
            + ".",
        ]


class LibraryLogisticRegression(LogisticRegression):
    """Logistic regression trained by PyTorch, measured and judged as ours.

    Args:
        num_features, l2, optimizer: as in `LogisticRegression`.
    """

    def __init__(self, num_features: int, l2: float = 0.0, *, optimizer: OptimizerCallable) -> None:
        super().__init__(num_features, l2, optimizer=optimizer)
        self.automatic_optimization = True
        self.loss = BCEWithLogitsLoss()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Mean loss plus penalty, for autograd."""
        refuse_weights(self, batch)
        features, labels, _ = as_rows(batch)
        z = self.linear(features)[:, 0]
        return penalised(self, self.loss(z, labels.to(z)))


class LibrarySoftmaxRegression(SoftmaxRegression):
    """Softmax regression trained by PyTorch, measured and judged as ours.

    Args:
        num_features, num_classes, l2, optimizer: as in `SoftmaxRegression`.
    """

    def __init__(self, num_features: int, num_classes: int, l2: float = 0.0, *, optimizer: OptimizerCallable) -> None:
        super().__init__(num_features, num_classes, l2, optimizer=optimizer)
        self.automatic_optimization = True
        self.loss = CrossEntropyLoss()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Mean loss plus penalty, for autograd."""
        refuse_weights(self, batch)
        features, labels, _ = as_rows(batch)
        return penalised(self, self.loss(self.linear(features), labels))


def penalised(model: GeneralizedLinearModel, loss: Tensor) -> Tensor:
    """loss + l2/2 ‖W‖², logged as every method logs it."""
    objective = loss + model.l2 / 2 * model.linear.weight.square().sum()
    model.log("train/objective", objective.detach())
    return objective
