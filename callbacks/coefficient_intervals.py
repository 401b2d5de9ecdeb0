"""Which features matter, and how sure that is."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from matplotlib.figure import Figure
from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.coefficient_figure import draw_coefficients, draw_intervals
from callbacks.convergence_status import ConvergenceStatus
from callbacks.drawn_figure import log_figure
from callbacks.measured_model import CoefficientModel, EffectModel, Estimate, Standardisation

Covariance = Literal["observed", "expected", "HC0", "HC1", "HC2", "HC3", "cluster"]
Intervals = Literal["wald", "profile"]
NUMBERS = ("estimate", "standard_error", "low", "high", "p_value")


class CoefficientIntervals(Callback):
    """Takes the coefficients with standard errors, intervals and p-values at the end of a fit, and draws them.

    Only where they mean something: for a linear model that has converged; under a penalty the estimates alone. Where the data
    module has scaled the features there are coefficients in the table's own units as well. Without a penalty likelihood,
    deviance and criteria of the whole model are taken too.

    Args:
        status: whether the fit converged; it comes before this callback in the trainer's list.
        covariance: what the standard errors are of: the "observed" or the "expected" information, or a sandwich that is right
            for other variances than the family's, "HC0" to "HC3", or for rows that depend on each other within the clusters
            that the data module has, "cluster".
        level: of the intervals, in (0, 1).
        intervals: "wald", or "profile" of the likelihood, with p-values of its ratio; the latter takes many fits.
        marginal_effects: whether to say how much predictions change with each feature, on average over the training rows.

    Attributes:
        table: the coefficients; empty where there are none to be had.
        effects: the marginal effects; empty where there are none to be had.
        statistics: of the whole model, by name; empty where there are none.

    Raises:
        ValueError: no such covariance or intervals, a profile beside another covariance than the observed, a level outside.
    """

    def __init__(
        self,
        status: ConvergenceStatus,
        covariance: Covariance = "observed",
        level: float = 0.95,
        intervals: Intervals = "wald",
        marginal_effects: bool = False,
    ) -> None:
        for name, value, known in (("covariance", covariance, Covariance), ("intervals", intervals, Intervals)):
            if value not in get_args(known):
                raise ValueError(f"{name}={value!r}: use one of {', '.join(get_args(known))}")
        if not 0 < level < 1:
            raise ValueError(f"level={level}: the level of a confidence interval lies in (0, 1), 0.95 for example")
        if intervals == "profile" and covariance != "observed":
            raise ValueError(
                f"intervals='profile' with covariance={covariance!r}: a profile is of the likelihood; leave one of them out"
            )
        self.status, self.covariance, self.level = status, covariance, level
        self.intervals, self.marginal_effects = intervals, marginal_effects
        self.table: list[Estimate] = []
        self.effects: list[Estimate] = []
        self.statistics: dict[str, float | None] = {}
        self._num_features = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        outputs = getattr(getattr(pl_module, "linear", None), "out_features", 1)
        if outputs > 1 and (self.covariance in ("HC2", "HC3") or self.intervals == "profile"):
            asked = "intervals='profile'" if self.intervals == "profile" else f"covariance={self.covariance!r}"
            why = "holds one coefficient at a time" if self.intervals == "profile" else "takes the leverage of a row"
            remedy = "use intervals='wald'" if self.intervals == "profile" else "use HC0 or HC1"
            raise ValueError(f"{asked} {why}, which is of one output, and this model has {outputs}: {remedy}")
        has_clusters = clusters_of(trainer) is not None
        if has_clusters and trainer.overfit_batches > 0:  # type: ignore[attr-defined]
            raise ValueError("clusters are of all training rows, and overfit_batches fits some of them: leave one of them out")
        if (self.covariance == "cluster") != has_clusters and isinstance(pl_module, CoefficientModel):
            raise ValueError(
                "clusters of the data module are for covariance='cluster' of coefficients (--coefficients.covariance=cluster): "
                "give it too, or leave them out"
                if has_clusters
                else "covariance='cluster' takes the clusters of the rows: name their column (--data.clusters), of a table"
            )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = getattr(trainer, "datamodule", None)
        names = getattr(data, "feature_names", None)
        if not isinstance(pl_module, CoefficientModel) or names is None or self.status.status != "converged":
            return
        outputs, scaling = getattr(data, "class_names", None) or (), scaling_of(data, len(names))
        clusters = clusters_of(trainer)
        # What is not asked for is not handed on, to models of anybody's own.
        others: dict[str, Any] = {} if clusters is None else {"clusters": clusters}
        profile: dict[str, Any] = {} if self.intervals == "wald" else {"intervals": self.intervals}
        table = pl_module.coefficients(names, outputs, scaling, self.covariance, self.level, **others, **profile)
        self.table, self._num_features = list(table), len(names)
        statistics = pl_module.fit_statistics()
        self.statistics = {} if statistics is None else dict(vars(statistics))
        if self.marginal_effects and isinstance(pl_module, EffectModel) and self.table:
            effects = pl_module.marginal_effects(names, outputs, scaling, self.covariance, self.level, **others)
            self.effects = list(effects)
        for name, draw in self.figures().items():
            log_figure(trainer, f"train/{name}", draw, trainer.global_step)

    def figures(self) -> dict[str, Callable[[], Figure]]:
        """How what there is is drawn, by name."""
        profile = "by the profile" if self.intervals == "profile" else ""
        errors = (
            "" if self.covariance == "observed" else "by clusters" if self.covariance == "cluster" else f"by {self.covariance}"
        )
        found: dict[str, Callable[[], Figure]] = {}
        if self.table:
            found["coefficients"] = lambda: draw_coefficients(self.table, self._num_features, self.level, profile or errors)
        if self.effects:
            found["marginal_effects"] = lambda: draw_intervals(self.effects, "average marginal effect", self.level, errors)
        return found


def clusters_of(trainer: Trainer) -> Any:
    """Those of the training rows of this process, (n,) whole numbers from 0; None where the data module has none."""
    asked = getattr(getattr(trainer, "datamodule", None), "training_clusters", None)
    return asked(trainer.global_rank, trainer.world_size) if callable(asked) else None


def scaling_of(data: Any, num_features: int) -> tuple[Any, Any] | None:
    """Mean (d,) and deviation (d,) by which a data module scales its features; None if it does not say."""
    preprocessing = getattr(data, "preprocessing", None)
    if not isinstance(preprocessing, Standardisation):
        return None
    # Anybody's data module may call other things so, and at the end of a fit it is too late to complain.
    both = preprocessing.mean, preprocessing.deviation
    return both if all(np.shape(each) == (num_features,) for each in both) else None


def as_rows(table: Sequence[Estimate]) -> dict[str, dict[str, dict[str, float | None]]]:
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
