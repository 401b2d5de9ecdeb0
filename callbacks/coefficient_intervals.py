"""Which features matter, and how sure that is."""

from matplotlib.figure import Figure
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.convergence_status import ConvergenceStatus
from callbacks.measured_model import CoefficientModel, Estimate

MOST_ROWS = 40


class CoefficientIntervals(Callback):
    """Takes standard errors, 95 % intervals and p-values of the coefficients at the end of a fit, and draws them.

    Only where they mean something: for a linear model without penalty that has converged.

    Args:
        status: whether the fit converged; it comes before this callback in the trainer's list.

    Attributes:
        table: the coefficients; empty where there are none to be had.
    """

    def __init__(self, status: ConvergenceStatus) -> None:
        self.status = status
        self.table: list[Estimate] = []

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = getattr(trainer, "datamodule", None)
        names = getattr(data, "feature_names", None)
        if not isinstance(pl_module, CoefficientModel) or names is None or self.status.status != "converged":
            return
        self.table = list(pl_module.coefficients(names, getattr(data, "class_names", None) or ()))
        for logger in trainer.loggers:
            if self.table and isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                logger.experiment.add_figure("coefficients", draw_coefficients(self.table), trainer.global_step)


def draw_coefficients(table: list[Estimate]) -> Figure:
    """Estimates with their intervals, intercepts left out, the surest from 0 on top; at most 40."""
    slopes = [row for row in table if not row.name.endswith("intercept")]
    rows = sorted(slopes, key=lambda row: row.p_value)[:MOST_ROWS]
    figure = Figure(figsize=(8, 1.2 + 0.28 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for number, row in enumerate(rows):
        color = "C0" if row.low > 0 or row.high < 0 else "0.6"
        axes.plot([row.low, row.high], [number, number], color=color, linewidth=2)
        axes.plot(row.estimate, number, "o", color=color, markersize=5)
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("coefficient per unit of the scaled feature, 95 % interval (grey: 0 inside)")
    if len(slopes) > len(rows):
        axes.set_title(f"the {len(rows)} surest of {len(slopes)}", fontsize=10)
    return figure


def as_rows(table: list[Estimate]) -> dict[str, dict[str, float]]:
    """Plain values by name, for `summary.json`."""
    numbers = ("estimate", "standard_error", "low", "high", "p_value")
    return {row.name: {name: float(getattr(row, name)) for name in numbers} for row in table}
