"""A model's metrics over the rows of all processes."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.devices import is_asynchronous
from lightning_modules.training.joined_rows import joined_rows
from lightning_modules.training.notes import log_info
from lightning_modules.training.weighted_rows import has_weights

# What is measured on a device waits there until it takes so much memory.
MOST_WAITING_BYTES = 2**26


class Measurement:
    """Adds up a model's metrics batch by batch, in float64.

    torchmetrics looks at the numbers of every update, and the host waits for them. So batches of a device are put together
    first, few updates of many rows, and whether they are finite is read with the values.

    Args:
        metrics: fresh ones, on the device of the batches.
        evaluate: what the metrics need of this process's share of a batch; the weights of its rows are handed to them as
            `weight`, and a row of weight 2 counts as two.
        told: metrics whose note the user has been told already; the names of those that are told of are added.
        idle: takes the metrics back when they have been read and hold nothing any more.
    """

    def __init__(
        self,
        metrics: MetricCollection,
        evaluate: Callable[[Any], dict[str, Tensor]],
        told: set[str] | None = None,
        idle: list[MetricCollection] | None = None,
    ) -> None:
        self._metrics, self._evaluate = metrics.set_dtype(torch.float64), evaluate
        self._told, self._idle = set() if told is None else told, idle
        self._waiting: list[dict[str, Tensor]] = []
        # Of a device: how many rows there were, in how many of them a prediction is not finite, whether a loss is nan.
        self._rows, self._bad_rows, self._nans = 0, [], []  # type: tuple[int, list[Tensor], list[Tensor]]
        for metric in self._metrics.values(copy_state=False):
            # They get the rows of all processes, and must not sum over processes once more.
            metric.distributed_available_fn = lambda: False
            if metric.device.type != "cpu":
                _leave_unchecked(metric)

    def add(self, batch: Any) -> dict[str, Tensor]:
        """Take in a batch, of which each process gives its share; returns what `evaluate` says of this process's.

        Raises:
            NonFinitePredictionError: a prediction is nan or infinite, and a metric has no number for that; of a device that
                may be said later, at the latest with the values.
            ValueError: the rows have weights, and a metric takes none.
        """
        evaluated = self._evaluate(batch)
        if has_weights(batch):
            self._expect_weights()
            evaluated = evaluated | {"weight": batch[2]}
        self._waiting.append(_in_double(joined_rows(evaluated)))
        is_on_device = any(is_asynchronous(part) for part in self._waiting[-1].values())
        if not is_on_device or sum(part.nbytes for rows in self._waiting for part in rows.values()) > MOST_WAITING_BYTES:
            self._update()
        return evaluated

    def _expect_weights(self) -> None:
        """Refuse metrics that would count every row once."""
        for name, metric in self._metrics.items(copy_state=False):
            if "weight" not in inspect.signature(metric.update).parameters:
                raise ValueError(
                    f"the metric {name!r} ({type(metric).__name__}) takes no weights of rows, and these have some: give its "
                    "update an argument weight, of shape (n,), or leave weights out of the data module"
                )
            if getattr(metric, "nan_strategy", None) == "disable":
                metric.nan_strategy = "error"  # without its look for nan torchmetrics' mean leaves the weights out

    def _update(self) -> None:
        if not self._waiting:
            return
        rows = self._waiting[0] if len(self._waiting) == 1 else _one_after_the_other(self._waiting)
        self._waiting = []
        if is_asynchronous(rows["preds"]):
            self._rows += len(rows["preds"])
            self._bad_rows.append((~_are_finite(rows["preds"])).sum())
            self._nans.append(rows["value"].isnan().any())
        try:
            self._metrics.update(**rows)
        except (RuntimeError, ValueError) as error:
            refuse_non_finite_rows(rows["preds"], error)
            raise

    def values(self) -> dict[str, Tensor]:
        """The metrics of all that was added, in float64 on the CPU, the same on every process; after that nothing is.

        A metric whose class says that it `can_be_undefined`, as the area under the ROC curve of rows of one class is, is left
        out where it is nan: there is no number to show. What a metric has to say of its value, its `note`, is told once.

        Raises:
            NonFinitePredictionError: as `add`, of predictions on a device.
        """
        self._update()
        computed: dict[str, Tensor] = self._metrics.compute()
        # Read together, and not one by one by everybody who looks at them.
        seen = [torch.stack(parts).sum() for parts in (self._bad_rows, self._nans) if parts]
        together = _read([*computed.values(), *seen])
        if seen and together[-1] > 0:
            raise _non_finite(int(together[-2]), self._rows)
        values = dict(zip(computed, together, strict=False))
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
        if self._idle is not None:
            self._idle.append(self._metrics)
        return {name: value for name, value in values.items() if name not in undefined}


def _read(numbers: list[Tensor]) -> list[Tensor]:
    """In float64 on the CPU, () each; a device is waited for once."""
    there = [number for number in numbers if is_asynchronous(number)]
    read = iter(torch.stack([number.double() for number in there]).cpu() if there else ())
    return [next(read).clone() if is_asynchronous(number) else number.double() for number in numbers]


class NonFinitePredictionError(ArithmeticError):
    """A prediction is nan or infinite: of weights that are, or of features that are too large for the numbers' type."""


def refuse_non_finite_rows(preds: Tensor, error: Exception) -> None:
    """Say in our words what a metric has refused, if predictions (n, …) that are not finite are the reason.

    Raises:
        NonFinitePredictionError: they are; says how many.
    """
    is_finite = _are_finite(preds)
    if not bool(is_finite.all()):
        raise _non_finite(int((~is_finite).sum()), len(preds)) from error


def _non_finite(bad: int, rows: int) -> ArithmeticError:
    return NonFinitePredictionError(
        f"{bad} of {rows} predictions are not finite at the present weights: the last steps were too long for this problem; "
        "lower lr, or scale the features"
    )


def _are_finite(preds: Tensor) -> Tensor:
    """Of each prediction whether it is: (n, …) -> (n,)."""
    return torch.isfinite(preds.reshape(len(preds), -1)).all(1)


def _leave_unchecked(metric: Any) -> None:
    """Let a metric look at no number: labels have been checked with the loss, and a device would be waited for."""
    for name, unchecked in (("validate_args", False), ("nan_strategy", "disable")):
        if hasattr(metric, name):
            setattr(metric, name, unchecked)


def _one_after_the_other(batches: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}


def _in_double(evaluated: dict[str, Tensor]) -> dict[str, Tensor]:
    """Real tensors in float64: sums of squares in float32 lose R² and more when targets are far from 0."""
    return {name: value.double() if value.is_floating_point() else value for name, value in evaluated.items()}
