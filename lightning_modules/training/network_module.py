"""What every network with labelled rows shares: the losses by name, a penalty, a schedule, what is measured."""

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Literal

from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.objectives.families import AbsoluteError, Categorical, PointwiseLoss, PseudoHuber, SquaredError
from lightning_modules.optimizers.damped_optimizer import DampedOptimizer
from lightning_modules.training.classification_metrics import classification_metrics
from lightning_modules.training.notes import log_info
from lightning_modules.training.objective_module import ObjectiveModule, OptimizerCallable
from lightning_modules.training.regression_metrics import regression_metrics

LOSSES: dict[str, Callable[[int], PointwiseLoss]] = {
    "cross_entropy": Categorical,
    "mse": SquaredError,
    "l1": AbsoluteError,
    "pseudo_huber": PseudoHuber,
}
LossName = Literal["cross_entropy", "mse", "l1", "pseudo_huber"]


class NetworkModule(ObjectiveModule):
    """A network f, fitted to minimise  1/n Σ_i l(f(x_i), y_i) + l2/2 Σ ‖W‖².

    Args:
        loss: its name in `LOSSES`.
        l2: ≥ 0.
        schedule: "constant" or "cosine".
        optimizer: the method.

    Raises:
        ValueError: an unknown name, a negative penalty.
    """

    def __init__(
        self, loss: LossName, l2: float, schedule: Literal["constant", "cosine"], optimizer: OptimizerCallable
    ) -> None:
        super().__init__(optimizer)
        name = type(self).__name__
        if schedule not in ("constant", "cosine"):
            raise ValueError(f"{name}(schedule={schedule!r}): choose 'constant' or 'cosine'")
        self.schedule = schedule
        if loss not in LOSSES:
            raise ValueError(f"{name}(loss={loss!r}): choose among {', '.join(LOSSES)}")
        if not 0 <= l2 < float("inf"):
            raise ValueError(f"{name}(l2={l2}): the penalty must be a number ≥ 0")
        self.l2 = l2

    def set_loss(self, loss: LossName, num_outputs: int, where: str) -> None:
        """Make the loss of a name that of so many outputs.

        Raises:
            ValueError: cross-entropy of one output.
        """
        if loss == "cross_entropy" and num_outputs < 2:
            raise ValueError(
                f"{type(self).__name__}({where}): cross-entropy needs an output for each class, at least 2; for real targets "
                "use loss='mse', 'l1' or 'pseudo_huber'"
            )
        self.loss: PointwiseLoss = LOSSES[loss](num_outputs)

    @abstractmethod
    def outputs_of(self, features: Tensor) -> Tensor:
        """`forward` in blocks of one size, so that outputs do not depend on how many rows there are: (n, …) -> (n, K)."""

    def predict(self, features: Tensor) -> Tensor:
        return self.loss.mean(self.outputs_of(features.to(self.dtype)))

    @cached_property
    def minimised_loss(self) -> PointwiseLoss:
        """The loss, or its smoothed form where the method needs a curvature and the loss has none."""
        if isinstance(self.loss, AbsoluteError) and isinstance(self.method(), DampedOptimizer):
            smoothed = self.loss.smoothed()
            log_info(
                f"l1 has no curvature: what is minimised is the pseudo-Huber loss, l1 rounded within {smoothed.delta} of 0"
            )
            return smoothed
        return self.loss

    def measured(self, z: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """What is measured of outputs (n, K) and the targets of their rows."""
        y = self.loss.check(targets)
        return {"preds": self.loss.mean(z), "target": y, "value": self.loss.loss(z, y)}

    def metrics(self) -> MetricCollection:
        return classification_metrics(self.loss.num_outputs) if isinstance(self.loss, Categorical) else regression_metrics()
