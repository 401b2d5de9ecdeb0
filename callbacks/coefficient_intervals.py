"""Which features matter, and how sure that is."""

from typing import Any, Literal, get_args

import numpy as np
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.coefficient_figure import draw_coefficients
from callbacks.convergence_status import ConvergenceStatus
from callbacks.drawn_figure import log_figure
from callbacks.measured_model import CoefficientModel, Estimate, Standardisation

Covariance = Literal["observed", "expected", "HC0", "HC1", "HC2", "HC3"]
NUMBERS = ("estimate", "standard_error", "low", "high", "p_value")


class CoefficientIntervals(Callback):
    """Takes the coefficients with standard errors, intervals and p-values at the end of a fit, and draws them.

    Only where they mean something: for a linear model that has converged; under a penalty the estimates alone. Where the data
    module has scaled the features there are coefficients in the table's own units as well. Without a penalty likelihood,
    deviance and criteria of the whole model are taken too.

    Args:
        status: whether the fit converged; it comes before this callback in the trainer's list.
        covariance: what the standard errors are of: the "observed" or the "expected" information, or a sandwich that is right
            for other variances than the family's, "HC0" to "HC3".
        level: of the intervals, in (0, 1).

    Attributes:
        table: the coefficients; empty where there are none to be had.
        statistics: of the whole model, by name; empty where there are none.

    Raises:
        ValueError: no such covariance, or a level outside.
    """

    def __init__(self, status: ConvergenceStatus, covariance: Covariance = "observed", level: float = 0.95) -> None:
        if covariance not in get_args(Covariance):
            raise ValueError(f"covariance={covariance!r}: use one of {', '.join(get_args(Covariance))}")
        if not 0 < level < 1:
            raise ValueError(f"level={level}: the level of a confidence interval lies in (0, 1), 0.95 for example")
        self.status, self.covariance, self.level = status, covariance, level
        self.table: list[Estimate] = []
        self.statistics: dict[str, float | None] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        outputs = getattr(getattr(pl_module, "linear", None), "out_features", 1)
        if self.covariance in ("HC2", "HC3") and outputs > 1:
            raise ValueError(
                f"covariance={self.covariance!r} takes the leverage of a row, which is of one output, and this model has "
                f"{outputs}: use HC0 or HC1"
            )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = getattr(trainer, "datamodule", None)
        names = getattr(data, "feature_names", None)
        if not isinstance(pl_module, CoefficientModel) or names is None or self.status.status != "converged":
            return
        outputs, scaling = getattr(data, "class_names", None) or (), scaling_of(data, len(names))
        self.table = list(pl_module.coefficients(names, outputs, scaling, self.covariance, self.level))
        statistics = pl_module.fit_statistics()
        self.statistics = {} if statistics is None else dict(vars(statistics))
        if self.table:
            log_figure(
                trainer,
                "train/coefficients",
                lambda: draw_coefficients(self.table, len(names), self.level),
                trainer.global_step,
            )


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
