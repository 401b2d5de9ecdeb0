r"""The loss of any module as a function of its flat parameters, by automatic differentiation.

    value(θ) = 1/n Σ_processes loss(module at θ, this process's batch),      n = Σ_processes rows of the batch

`loss` returns a *sum* over rows, so shards may be uneven or empty and the division comes last, as everywhere. It may look
at the rows of other processes too, if its backward pass sends them their gradients: then each process's sum is that of its
own rows, and the gradient of the total is still the sum of what the processes compute.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.reduction import Reduction, this_process

# Takes the module at θ and this process's batch, returns the sum of the rows' losses ().
SummedLoss = Callable[[Any, Any], Tensor]


class _LossOf(nn.Module):
    """The loss as a module around the model, because `functional_call` replaces parameters for a `forward` only."""

    def __init__(self, module: nn.Module, loss: SummedLoss) -> None:
        super().__init__()
        self.module, self.loss = module, loss

    def forward(self, batch: Any) -> Tensor:
        return self.loss(self.module, batch)


class _OwnRows(Objective):
    """Σ loss over the rows of this process alone: what is differentiated, before anything is summed over processes."""

    def __init__(self, module: nn.Module, loss: SummedLoss, batch: Any) -> None:
        self.loss_of, self.batch = _LossOf(module, loss), batch
        self.shapes = {name: parameter.shape for name, parameter in self.loss_of.named_parameters()}

    def split(self, theta: Tensor) -> dict[str, Tensor]:
        """(p,) -> the parameters by name, in their shapes."""
        parts = theta.split([shape.numel() for shape in self.shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def at(self, parameters: dict[str, Tensor]) -> Tensor:
        """The sum () at given parameters."""
        value: Tensor = functional_call(self.loss_of, parameters, (self.batch,))
        return value

    def value(self, theta: Tensor) -> Tensor:
        return self.at(self.split(theta))


class ModuleObjective(Objective):
    """Mean loss of a module over a batch. The module's own parameters are never read or changed, only replaced by θ.

    Args:
        module: any module; θ (p,) is laid out as its `parameters()`.
        loss: (module, batch) -> the sum of the losses of the batch's rows ().
        batch: this process's rows, in whatever form `loss` takes them.
        num_rows: how many rows that is, ≥ 0.
        reduction: sums over processes; `this_process` if all rows are here.

    Raises:
        ValueError: not a single row on any process.
    """

    def __init__(
        self, module: nn.Module, loss: SummedLoss, batch: Any, num_rows: int, reduction: Reduction = this_process
    ) -> None:
        self.module, self.reduction, self.own = module, reduction, _OwnRows(module, loss, batch)
        device = next(module.parameters()).device
        self.num_rows = int(reduction(torch.tensor(num_rows, device=device)))
        if self.num_rows == 0:
            raise ValueError("there is not a single row to compute a loss from")

    def value(self, theta: Tensor) -> Tensor:
        self._refuse_noise()
        return self.reduction(self.own.value(theta)) / self.num_rows

    def gradient(self, theta: Tensor) -> Tensor:
        self._refuse_noise()
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """By one ordinary backward pass, which frees as it goes and allows what `torch.func` does not (in-place layers,
        autograd functions that communicate). The only query that allows a noisy module: it needs one evaluation.
        """
        parameters = {name: part.detach().requires_grad_() for name, part in self.own.split(theta).items()}
        with torch.enable_grad():
            value = self.own.at(parameters)
            gradients = torch.autograd.grad(value, list(parameters.values()), materialize_grads=True)
        flat = [value.detach().view(1), *(gradient.flatten() for gradient in gradients)]
        sums = self.reduction(torch.cat(flat)) / self.num_rows
        return sums[0], sums[1:]

    def hessian_vector_product(self, theta: Tensor, v: Tensor) -> Tensor:
        self._refuse_noise()
        return self.reduction(self.own.hessian_vector_product(theta, v)) / self.num_rows

    def hessian(self, theta: Tensor) -> Tensor:
        self._refuse_noise()
        return self.reduction(self.own.hessian(theta)) / self.num_rows

    def hessian_diagonal(self, theta: Tensor) -> Tensor:
        self._refuse_noise()
        return self.reduction(self.own.hessian_diagonal(theta)) / self.num_rows

    def _refuse_noise(self) -> None:
        """Refuse to compare or differentiate twice what is another function at each evaluation.

        Raises:
            ValueError: a layer is random, or normalises by the batch, in its present mode.
        """
        for name, layer in self.module.named_modules():
            if layer.training and (
                (isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0)
                or isinstance(layer, (nn.modules.batchnorm._BatchNorm, nn.RReLU))
            ):
                raise ValueError(
                    f"{type(layer).__name__} {name!r} makes the loss of a trial step another function than the loss before it, "
                    "so neither a search nor a curvature means anything: remove the layer, or use a method of torch.optim"
                )
