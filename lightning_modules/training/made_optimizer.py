"""The optimizer of a fit, made from the parameters that train; what cannot train them is refused here."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import AdamW, Optimizer

from lightning_modules.counting import counted

OptimizerCallable = Callable[[Iterable[Parameter]], Optimizer]


def made_optimizer(make: OptimizerCallable, parameters: list[Parameter]) -> Optimizer:
    """What `make` makes of the parameters; of Muon, which moves matrices only, with AdamW for the rest.

    Raises:
        ValueError: the method refuses its settings or the parameters, or cannot train such parameters.
    """
    matrices = [parameter for parameter in parameters if parameter.ndim == 2]
    others = [parameter for parameter in parameters if parameter.ndim != 2]
    try:
        optimizer = make(parameters)
    except ValueError:
        if not (matrices and others) or not isinstance(muon := make(matrices), torch.optim.Muon):
            raise
        optimizer = MuonWithAdamW(muon, others)
    except TypeError as error:
        raise ValueError(f"the optimizer cannot be made with these settings: {error}") from error
    if isinstance(optimizer, torch.optim.SparseAdam):
        raise ValueError("SparseAdam takes sparse gradients, as of embeddings, and those of these models are dense: use Adam")
    for setting, value in optimizer.param_groups[0].items():
        if isinstance(value, float) and math.isnan(value):
            raise ValueError(f"{type(optimizer).__name__}({setting}=nan): nan is no number to go by; give one, or leave it out")
    if any(group.get("differentiable") for group in optimizer.param_groups):
        raise ValueError(
            f"{type(optimizer).__name__}(differentiable=True) is for who differentiates through its steps; a fit changes "
            "parameters in place: leave it out"
        )
    return optimizer


class MuonWithAdamW(Optimizer):
    """Muon for the matrices, AdamW with the same lr and weight decay for the other parameters: one optimizer to Lightning.

    Source: K. Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024), which moves biases by AdamW.

    Args:
        muon: of the matrices.
        others: the parameters that are no matrices.
    """

    def __init__(self, muon: Optimizer, others: list[Parameter]) -> None:
        group = muon.param_groups[0]
        self.parts = [muon, AdamW(others, lr=group["lr"], weight_decay=group["weight_decay"])]
        super().__init__([{**group} for part in self.parts for group in part.param_groups], {})
        self._share()

    @property
    def note(self) -> str:
        """What moves what."""
        matrices, others = (len(group["params"]) for group in self.param_groups)
        return (
            f"Muon moves matrices only: {counted(matrices, 'parameter')} by Muon, the other {others} by AdamW with the same lr"
        )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """Groups and state are the same objects here and in the parts: who changes an lr, or saves a state, knows this one."""
        groups = iter(self.param_groups)
        state: defaultdict[Tensor, Any] = defaultdict(dict, self.state)
        self.state = state
        for part in self.parts:
            part.param_groups = [next(groups) for _ in part.param_groups]
            part.state = state
