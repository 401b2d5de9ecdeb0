"""The verdict at the end of a fit."""

from typing import cast

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from callbacks.measured_model import MeasuredModel, Standardisation, Verdict
from callbacks.names_as_text import in_markdown

MOST_NAMED = 8
# Of what an intercept is the difference of, so much is rounding, and what a direction has not come down to yet.
LEAST_PART = 1e-4


class ConvergenceStatus(Callback):
    """Asks the model at the end of a fit whether its weights are the optimum, and says so in TensorBoard's text tab.

    As a number for its tables, `train/converged` is 1 if they are, and else 0; `epoch` ends at how many there were.

    Attributes:
        status: `converged`, `separated`, `rank_deficient`, `stalled`, `budget` or `stopped`; None before the end.
        message: one sentence with the numbers, and with the names of the features that matter.
        gap: under an l1 penalty, how much lower the loss could be at most; None where that is not known.
    """

    def __init__(self) -> None:
        self.status: str | None = None
        self.message = ""
        self.gap: float | None = None

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.judge(trainer, pl_module)

    def judge(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the verdict on the present weights; for a fit that was resumed after its end, and so trained nothing."""
        verdict = cast(MeasuredModel, pl_module).convergence()
        self.status, self.message, self.gap = verdict.status, verdict.message, getattr(verdict, "gap", None)
        data = getattr(trainer, "datamodule", None)
        if names := getattr(data, "feature_names", None):
            self.message += _names_of(verdict, names, pl_module, getattr(data, "preprocessing", None))
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                numbers = {"train/converged": float(self.status == "converged"), "epoch": float(trainer.current_epoch)}
                logger.log_metrics(numbers, trainer.global_step)
                logger.experiment.add_text("status", f"**{self.status}** – {in_markdown(self.message)}", trainer.global_step)


def _names_of(verdict: Verdict, names: tuple[str, ...], model: LightningModule, scaling: object) -> str:
    """Of the features that depend on others, or of the coefficients that go to infinity, the fastest first."""
    if verdict.columns:
        return "; dependent: " + _listed([repr(names[column]) for column in verdict.columns])
    if verdict.direction is None:
        return ""
    every = [name for parameter in model.parameters() if parameter.requires_grad for name in _coefficients(parameter, names)]
    if len(every) != len(verdict.direction):
        return ""
    ends = zip(_of_own_features(verdict.direction, len(names), scaling).tolist(), every, strict=True)
    going = sorted(((size, name) for size, name in ends if size != 0), key=lambda end: -abs(end[0]))
    return "; to infinity go " + _listed([f"{name} ({'+' if size > 0 else '−'})" for size, name in going])


def _of_own_features(direction: Tensor, features: int, scaling: object) -> Tensor:
    """A direction (p,) with 0 for intercepts that go nowhere but to stay where they are for features as they were given."""
    outputs = len(direction) // (features + 1)
    if not isinstance(scaling, Standardisation) or outputs * (features + 1) != len(direction):
        return direction
    weight, bias = direction.split([outputs * features, outputs])
    moved = weight.view(outputs, features) * torch.as_tensor(scaling.mean / scaling.deviation).to(weight)
    still = (bias - moved.sum(1)).abs() <= LEAST_PART * (bias.abs() + moved.abs().sum(1))
    return torch.cat([weight, torch.where(still, 0.0, bias)])


def _coefficients(parameter: Tensor, names: tuple[str, ...]) -> list[str]:
    """Names of a linear layer's weights (K, d) or biases (K,)."""
    own = [repr(name) for name in names] if parameter.ndim == 2 else ["the intercept"]
    if len(parameter) == 1:
        return own
    return [f"{name} of class {k}" for k in range(len(parameter)) for name in own]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
