"""The verdict at the end of a fit."""

from typing import cast

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.measured_model import MeasuredModel, Verdict
from callbacks.names_as_text import in_markdown


class ConvergenceStatus(Callback):
    """Asks the model at the end of a fit whether its weights are the optimum, and says so in TensorBoard's text tab.

    As a number for its tables, `train/converged` is 1 if they are, and else 0; `epoch` ends at how many there were.

    Attributes:
        status: `converged`, `separated`, `rank_deficient`, `stalled`, `budget` or `stopped`; None before the end.
        message: one sentence with the numbers, and with the names of the features that matter.
    """

    def __init__(self) -> None:
        self.status: str | None = None
        self.message = ""

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.judge(trainer, pl_module)

    def judge(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the verdict on the present weights; for a fit that was resumed after its end, and so trained nothing."""
        verdict = cast(MeasuredModel, pl_module).convergence()
        self.status, self.message = verdict.status, verdict.message
        names = getattr(getattr(trainer, "datamodule", None), "feature_names", None)
        if names:
            self.message += _names_of(verdict, names)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                numbers = {"train/converged": float(self.status == "converged"), "epoch": float(trainer.current_epoch)}
                logger.log_metrics(numbers, trainer.global_step)
                logger.experiment.add_text("status", f"**{self.status}** – {in_markdown(self.message)}", trainer.global_step)


def _names_of(verdict: Verdict, names: tuple[str, ...]) -> str:
    if verdict.columns:
        return "; dependent: " + ", ".join(repr(names[column]) for column in verdict.columns[:8])
    if verdict.direction is not None and len(verdict.direction) >= len(names):
        weights = verdict.direction[: len(verdict.direction) // (len(names) + 1) * len(names)].view(-1, len(names))
        strongest = weights.abs().amax(0).argsort(descending=True)[:3].tolist()
        return "; strongest in that direction: " + ", ".join(repr(names[j]) for j in strongest)
    return ""
