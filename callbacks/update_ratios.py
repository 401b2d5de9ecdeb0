"""How far a step goes."""

from functools import partial
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from callbacks.late_log import log_late
from callbacks.layer_names import norms_by_layer
from callbacks.logged_steps import LoggedSteps


class UpdateRatios(Callback):
    """Logs `step/length`, the 2-norm ‖Δθ‖ of what a step adds to the parameters, and `update_ratio/<layer>` and
    `update_ratio/total`, ‖Δθ‖ ÷ ‖θ‖ of a layer and of all parameters at the point that the step starts from.

    It is measured of the parameters themselves, so whatever a method does between, decay and schedules included, is in it. A
    layer that is 0 has no ratio. In steps that are logged the parameters are copied once; in others nothing is done.

    Args:
        every_n_steps: how often; None = as often as the trainer logs.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        self._steps = LoggedSteps(self, every_n_steps)
        self._before: _Before | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._steps.begin()
        self._before = None

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        step = trainer.global_step
        if self._steps.is_due(trainer):
            self._before = _Before(step, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        before, self._before = self._before, None
        if before is not None and before.names:
            norms = [before.norms_of_update(), before.norms()]
            log_late(trainer, pl_module, before.step, norms, partial(lengths, before.names))


class _Before:
    """The parameters that train, as a step finds them.

    Attributes:
        step: its number.
        names: of the parameters.
    """

    def __init__(self, step: int, model: LightningModule) -> None:
        named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
        self.step, self.names = step, [name for name, _ in named]
        self._parameters: list[Parameter] = [parameter for _, parameter in named]
        self._values = [parameter.detach().clone() for parameter in self._parameters]

    def norms(self) -> Tensor:
        """Of each (k,)."""
        return torch.stack(torch._foreach_norm(self._values))

    def norms_of_update(self) -> Tensor:
        """Of what each has become since, less what it was (k,)."""
        now = [parameter.detach() for parameter in self._parameters]
        return torch.stack(torch._foreach_norm(torch._foreach_sub(now, self._values)))


def lengths(names: list[str], norms: list[Tensor]) -> dict[str, float]:
    """What is logged, from the norms of the updates of parameters with these names (k,) and of the parameters (k,)."""
    updates, weights = (norms_by_layer(names, each.tolist()) for each in norms)
    ratios = {f"update_ratio/{layer}": updates[layer] / weights[layer] for layer in updates if weights[layer]}
    return {"step/length": updates["total"], **ratios}
