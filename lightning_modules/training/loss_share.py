r"""The loss for a method of `torch.optim`: torch differentiates it as in any LightningModule, and Lightning takes the step.

    loss of this process = Σ_own rows l / (n / P) + penalty,     n rows over all P processes, or the sum of their weights

Under several processes Lightning's strategy averages the gradients, so that the gradient is that of the mean over all rows,
however unevenly they are spread: 1/P Σ_processes (Σ_own rows ∇l) P/n = 1/n Σ ∇l.

A batch of more rows than memory should hold activations of goes through the objective instead, which takes it in chunks.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective, Reduction, flattened, rows_of_each, total_rows

# Of the widest layer's numbers for all rows of a batch.
MOST_BYTES = 2**26


class LossShare(NamedTuple):
    """What a process's rows contribute to the loss.

    Attributes:
        total: Σ l over the rows of this process ().
        rows: how many they are.
        penalty: () – the part of the loss that no row causes.
        weight: Σ of the weights of its rows (), by which it is divided instead of by their number; None = they have none.
    """

    total: Tensor
    rows: int
    penalty: Tensor | float = 0.0
    weight: Tensor | None = None

    def loss(self, reduction: Reduction) -> Tensor:
        """The loss over all rows (), the same number on every process; its gradient here is P times this process's part of it.

        Methods decide by the number, how often LBFGS looks at the loss for one, so it must not differ.

        Raises:
            ValueError: not a single row on any process.
        """
        rows: int | Tensor = total_rows(self.rows, reduction, self.total.device)
        if rows == 0:
            raise ValueError("there is not a single row to compute a loss from")
        if self.weight is not None:
            rows = reduction(self.weight)
        mean = self.total / (rows / reduction.num_processes)
        share = mean if isinstance(self.penalty, float) and self.penalty == 0.0 else mean + self.penalty
        if reduction.num_processes == 1:
            return share
        everywhere = reduction(share.detach()) / reduction.num_processes
        return everywhere + (share - share.detach())


def says_its_share(model: object) -> bool:
    """Whether a model's `loss_share` is of the same loss as its `objective`: not where a subclass changes the latter alone."""
    levels = [vars(model), *(vars(level) for level in type(model).__mro__)]
    lowest = next(level for level in levels if "objective" in level or "loss_share" in level)
    return "loss_share" in lowest


def is_in_chunks(rows: Tensor, parameters: list[Parameter], reduction: Reduction) -> bool:
    """Whether a batch of rows (n, …) is differentiated in chunks: only in full precision, which the chunks are computed in;
    always if they are where the parameters are not, since a chunk is moved when it is read. The same on every process, however
    many rows it has: in chunks they send each other something else."""
    first = parameters[0]
    if isinstance(rows, Tensor) and rows.device != first.device:
        return True
    if first.dtype not in (torch.float32, torch.float64) or torch.is_autocast_enabled(first.device.type):
        return False
    widest = max(max(parameter.shape, default=1) for parameter in parameters)
    most = max(rows_of_each(len(rows), reduction, first.device))
    return most * widest * first.element_size() > MOST_BYTES


def by_objective(objective: Objective, parameters: list[Parameter]) -> Tensor:
    """The value of an objective () at parameters, by whose backward pass these get the objective's gradient."""
    value: Tensor = _ByObjective.apply(objective, *parameters)
    return value


class _ByObjective(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, objective: Objective, *parameters: Tensor) -> Tensor:
        # Closed forms compute in one type of numbers throughout; mixed precision would change it from line to line.
        with torch.autocast(parameters[0].device.type, enabled=False):
            point = objective.at(flattened(parameters))
            value, gradient = point.value.clone(), point.gradient
        parts = gradient.split([parameter.numel() for parameter in parameters])
        ctx.gradients = [part.view_as(parameter) for part, parameter in zip(parts, parameters, strict=True)]
        return value

    @staticmethod
    def backward(ctx: Any, *factors: Tensor) -> Any:
        return (None, *(factors[0] * gradient for gradient in ctx.gradients))
