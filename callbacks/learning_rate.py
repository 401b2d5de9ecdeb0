"""The learning rate of every step."""

from functools import partial

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from callbacks.late_log import log_late
from callbacks.logged_steps import LoggedSteps


class LearningRate(Callback):
    """Logs `step/lr`, the `lr` that a step is taken with, under every method and any scheduler; of further groups of
    parameters `step/lr_1`, `step/lr_2`, …

    (Lightning's `LearningRateMonitor` names it by the method, so that two methods are not in one chart, and refuses a trainer
    without a logger.) A method without `lr` logs nothing.

    Args:
        every_n_steps: how often; None = as often as the trainer logs.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        self._steps = LoggedSteps(self, every_n_steps)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._steps.begin()

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        step = trainer.global_step
        if not self._steps.is_due(trainer):
            return
        rates = {
            f"step/lr{f'_{k}' if k else ''}": group["lr"] for k, group in enumerate(optimizer.param_groups) if "lr" in group
        }
        # A few methods take it as a tensor, which may be on a device, and which a scheduler changes in place.
        computed = {name: rate.detach().clone() for name, rate in rates.items() if isinstance(rate, Tensor)}
        known = {name: float(rate) for name, rate in rates.items() if not isinstance(rate, Tensor)}
        if rates:
            log_late(trainer, pl_module, step, list(computed.values()), partial(_logged, known, list(computed)))


def _logged(known: dict[str, float], names: list[str], tensors: list[Tensor]) -> dict[str, float]:
    return known | {name: float(value) for name, value in zip(names, tensors, strict=True)}
