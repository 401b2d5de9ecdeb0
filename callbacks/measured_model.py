"""What the callbacks ask of a model beyond Lightning's own hooks."""

from typing import Any, Protocol

from torch import Tensor
from torchmetrics import MetricCollection


class Verdict(Protocol):
    """Where a fit ended."""

    status: str
    message: str
    direction: Tensor | None
    columns: tuple[int, ...]


class MeasuredModel(Protocol):
    """A model that measures itself: `metrics().update(**evaluate(batch))`, and judges its own convergence."""

    def metrics(self) -> MetricCollection: ...

    def evaluate(self, batch: Any) -> dict[str, Tensor]: ...

    def convergence(self) -> Verdict: ...
