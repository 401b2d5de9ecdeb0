"""A model's metrics over the rows of all processes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.devices import is_asynchronous
from lightning_modules.training.joined_rows import joined_rows
from lightning_modules.training.notes import log_info

# What is measured on a device waits there until it takes so much memory.
MOST_WAITING_BYTES = 2**26


class Measurement:
    """Adds up a model's metrics batch by batch, in float64.

    torchmetrics looks at the numbers of every update, and the host waits for them. So batches of a device are put together
    first: few updates of many rows.

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
        self._waiting: list[dict[str, Tensor]] = []
        for metric in self._metrics.values(copy_state=False):
            # They get the rows of all processes, and must not sum over processes once more.
            metric.distributed_available_fn = lambda: False

    def add(self, batch: Any) -> dict[str, Tensor]:
        """Take in a batch, of which each process gives its share; returns what `evaluate` says of this process's.

        Raises:
            NonFinitePredictionError: a prediction is nan or infinite, and a metric has no number for that; of a device that
                may be said later, at the latest with the values.
        """
        evaluated = self._evaluate(batch)
        self._waiting.append(_in_double(joined_rows(evaluated)))
        is_on_device = any(is_asynchronous(part) for part in self._waiting[-1].values())
        if not is_on_device or sum(part.nbytes for rows in self._waiting for part in rows.values()) > MOST_WAITING_BYTES:
            self._update()
        return evaluated

    def _update(self) -> None:
        if not self._waiting:
            return
        rows = self._waiting[0] if len(self._waiting) == 1 else _one_after_the_other(self._waiting)
        self._waiting = []
        try:
            self._metrics.update(**rows)
        except (RuntimeError, ValueError) as error:
            refuse_non_finite_rows(rows["preds"], error)
            raise

    def values(self) -> dict[str, Tensor]:
        """The metrics of all that was added, in float64 on the CPU, the same on every process; after that nothing is.

        A metric whose class says that it `can_be_undefined`, as the area under the ROC curve of rows of one class is, is left
        out where it is nan: there is no number to show. What a metric has to say of its value, its `note`, is told once.
        """
        self._update()
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


def _one_after_the_other(batches: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}


def _in_double(evaluated: dict[str, Tensor]) -> dict[str, Tensor]:
    """Real tensors in float64: sums of squares in float32 lose R² and more when targets are far from 0."""
    return {name: value.double() if value.is_floating_point() else value for name, value in evaluated.items()}
