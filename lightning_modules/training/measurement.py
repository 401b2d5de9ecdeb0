"""A model's metrics over the rows of all processes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.training.joined_rows import joined_rows
from lightning_modules.training.notes import log_info


class Measurement:
    """Adds up a model's metrics batch by batch, in float64.

    Args:
        metrics: fresh ones, on the device of the batches.
        evaluate: what the metrics need of this process's share of a batch.
        told: metrics whose note the user has been told already; the names of those that are told of are added.
    """

    def __init__(
        self, metrics: MetricCollection, evaluate: Callable[[Any], dict[str, Tensor]], told: set[str] | None = None
    ) -> None:
        self._metrics, self._evaluate = metrics.set_dtype(torch.float64), evaluate
        self._told = set() if told is None else told
        for metric in self._metrics.values(copy_state=False):
            # They get the rows of all processes, and must not sum over processes once more.
            metric.distributed_available_fn = lambda: False

    def add(self, batch: Any) -> dict[str, Tensor]:
        """Take in a batch, of which each process gives its share; returns what `evaluate` says of this process's.

        Raises:
            NonFinitePredictionError: a prediction is nan or infinite, and a metric has no number for that.
        """
        evaluated = self._evaluate(batch)
        joined = _in_double(joined_rows(evaluated))
        try:
            self._metrics.update(**joined)
        except (RuntimeError, ValueError) as error:
            refuse_non_finite_rows(joined["preds"], error)
            raise
        return evaluated

    def values(self) -> dict[str, Tensor]:
        """The metrics of all that was added, in float64 on the CPU, the same on every process; after that nothing is.

        A metric whose class says that it `can_be_undefined`, as the area under the ROC curve of rows of one class is, is left
        out where it is nan: there is no number to show. What a metric has to say of its value, its `note`, is told once.
        """
        computed: dict[str, Tensor] = self._metrics.compute()
        # Read together, and not one by one by everybody who looks at them.
        together = torch.stack([value.double() for value in computed.values()]).cpu()
        values = {name: value.clone() for name, value in zip(computed, together, strict=True)}
        undefined = {
            name
            for name, metric in self._metrics.items(copy_state=False)
            if getattr(metric, "can_be_undefined", False) and bool(values[name].isnan())
        }
        for name, metric in self._metrics.items(copy_state=False):
            if name not in self._told and (note := getattr(metric, "note", None)) is not None:
                self._told.add(name)
                log_info(f"{name}: {note}")
        # Metrics refer to themselves: what they hold of the rows would stay until Python looks for such circles.
        self._metrics.reset()
        return {name: value for name, value in values.items() if name not in undefined}


class NonFinitePredictionError(ArithmeticError):
    """A prediction is nan or infinite: of weights that are, or of features that are too large for the numbers' type."""


def refuse_non_finite_rows(preds: Tensor, error: Exception) -> None:
    """Say in our words what a metric has refused, if predictions (n, …) that are not finite are the reason.

    Raises:
        NonFinitePredictionError: they are; says how many.
    """
    is_finite = torch.isfinite(preds.reshape(len(preds), -1)).all(1)
    if not bool(is_finite.all()):
        raise NonFinitePredictionError(
            f"{int((~is_finite).sum())} of {len(preds)} predictions are not finite at the present weights: the last steps were "
            "too long for this problem; lower lr, or scale the features"
        ) from error


def _in_double(evaluated: dict[str, Tensor]) -> dict[str, Tensor]:
    """Real tensors in float64: sums of squares in float32 lose R² and more when targets are far from 0."""
    return {name: value.double() if value.is_floating_point() else value for name, value in evaluated.items()}
