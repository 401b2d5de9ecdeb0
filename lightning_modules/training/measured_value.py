"""A number that every process knows already, as Lightning logs it."""

import torch
from torch import Tensor
from torchmetrics import Metric


class MeasuredValue(Metric):
    """Holds a value () of the rows of all processes.

    Lightning sums numbers of an epoch over processes, a message and a barrier for each, or warns that it does not; a metric
    knows for itself whether it has to.
    """

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__(distributed_available_fn=lambda: False)
        self.add_state("value", torch.zeros_like(value), dist_reduce_fx=None)
        self.update(value)

    def update(self, value: Tensor) -> None:
        """The number ()."""
        self.value = value

    def compute(self) -> Tensor:
        """()."""
        return self.value
