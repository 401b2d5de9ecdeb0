"""The loss of this process's rows as a function of a module's parameters, before anything is summed over processes."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.split_loss import SplitLoss, SummedLoss
from lightning_modules.objectives.user_function import described
from lightning_modules.objectives.weight_norm import WeightNormByFormula


class _FunctionOf(nn.Module):
    """A function of a module as a module around it, because `functional_call` replaces parameters for a `forward` only."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, function: Callable[[Any, Any], Tensor], batch: Any) -> Tensor:
        return function(self.module, batch)


class OwnRows(Objective):
    """Σ loss over the rows of this process alone: what is differentiated, before anything is summed over processes."""

    def __init__(self, module: nn.Module, loss: SummedLoss, batch: Any) -> None:
        self.function_of, self.loss, self.batch = _FunctionOf(module), loss, batch
        self.shapes = {name: parameter.shape for name, parameter in self.function_of.named_parameters()}

    def split(self, theta: Tensor) -> dict[str, Tensor]:
        """(p,) -> the parameters by name, in their shapes."""
        parts = theta.split([shape.numel() for shape in self.shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def value(self, theta: Tensor) -> Tensor:
        value = self._call(self.loss, self.split(theta))
        if not isinstance(value, Tensor) or value.ndim:
            raise ValueError(f"the loss returned {described(value)}, not a tensor (): let it return the sum over the rows")
        return value

    def outputs(self, theta: Tensor) -> Tensor:
        if not isinstance(self.loss, SplitLoss):
            raise NotImplementedError(
                "the loss of a ModuleObjective is one function, so it has no Gauss–Newton matrix: give it as "
                "SplitLoss(outputs, output_loss), or use curvature='hessian'"
            )
        return self._call(self.loss.outputs, self.split(theta))

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.loss.output_loss(outputs, self.batch) if isinstance(self.loss, SplitLoss) else super().output_loss(outputs)

    def _call(self, function: SummedLoss, parameters: dict[str, Tensor]) -> Tensor:
        # Attention has several kernels, and this one alone has second derivatives.
        with sdpa_kernel(SDPBackend.MATH), WeightNormByFormula():
            result: Tensor = functional_call(self.function_of, parameters, (function, self.batch))
        return result
