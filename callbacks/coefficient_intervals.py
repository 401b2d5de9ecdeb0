"""Which features matter, and how sure that is."""

from typing import Any

import numpy as np
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.coefficient_figure import draw_coefficients
from callbacks.convergence_status import ConvergenceStatus
from callbacks.drawn_figure import log_figure
from callbacks.measured_model import CoefficientModel, Estimate, Standardisation

NUMBERS = ("estimate", "standard_error", "low", "high", "p_value")


class CoefficientIntervals(Callback):
    """Takes the coefficients with standard errors, 95 % intervals and p-values at the end of a fit, and draws them.

    Only where they mean something: for a linear model that has converged; under a penalty the estimates alone. Where the data
    module has scaled the features there are coefficients in the table's own units as well.

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
        outputs, scaling = getattr(data, "class_names", None) or (), scaling_of(data, len(names))
        self.table = list(pl_module.coefficients(names, outputs, scaling))
        if self.table:
            log_figure(trainer, "train/coefficients", lambda: draw_coefficients(self.table, len(names)), trainer.global_step)


def scaling_of(data: Any, num_features: int) -> tuple[Any, Any] | None:
    """Mean (d,) and deviation (d,) by which a data module scales its features; None if it does not say."""
    preprocessing = getattr(data, "preprocessing", None)
    if not isinstance(preprocessing, Standardisation):
        return None
    # Anybody's data module may call other things so, and at the end of a fit it is too late to complain.
    both = preprocessing.mean, preprocessing.deviation
    return both if all(np.shape(each) == (num_features,) for each in both) else None


def as_rows(table: list[Estimate]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Plain values by name for `summary.json`: in the table's own units, and per deviation that the features were scaled by."""
    return {
        row.name: {"own_units": _numbers(row)}
        if row.own_units is None
        else {"own_units": _numbers(row.own_units), "per_deviation": _numbers(row)}
        for row in table
    }


def _numbers(row: Estimate) -> dict[str, float | None]:
    values = {name: getattr(row, name) for name in NUMBERS}
    return {name: None if value is None else float(value) for name, value in values.items()}
