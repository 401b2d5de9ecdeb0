"""What people do to a Trainer, an optimizer or a module with torch.optim: settings under which the same bits must come out."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule
from torch import nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau, StepLR

from lightning_modules.training.objective_module import OptimizerCallable
from tests.trainer_options.callback_classes import FreezeBody

MOMENTUM: OptimizerCallable = partial(SGD, lr=0.1, momentum=0.9)
SWITCHED = "You passed `Trainer\\(accelerator='cpu', precision='16-mixed'\\)`"


@dataclass(frozen=True)
class Case:
    """A fit of an MLP or of softmax regression that has a plain twin.

    Attributes:
        optimizer: made from the parameters.
        trainer: options of it.
        prepare: done to the model before the fit, and so to its twin.
        configure: in the place of `configure_optimizers`, in a subclass.
        twin_configure: the same of the twin alone, where the model has an option for it.
        model: options of the MLP; None = for the MLP only, with none.
        callbacks: made anew for each of the two.
        ignored: a warning that Lightning gives both.
    """

    optimizer: OptimizerCallable = MOMENTUM
    trainer: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[Any], None] = lambda model: None
    configure: Callable[[LightningModule], Any] | None = None
    twin_configure: Callable[[LightningModule], Any] | None = None
    model: dict[str, Any] = field(default_factory=dict)
    callbacks: Callable[[], list[Callback]] = list
    ignored: str = ""
    mlp_only: bool = False


def by_step(module: LightningModule) -> Any:
    optimizer = SGD(module.parameters(), lr=0.1)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": StepLR(optimizer, 2, 0.5), "interval": "step"}}


def by_epoch(module: LightningModule) -> Any:
    optimizer = SGD(module.parameters(), lr=0.1, momentum=0.5)
    return [optimizer], [StepLR(optimizer, 1, 0.5)]


def on_plateau(module: LightningModule) -> Any:
    """Falls whenever the loss is not halved: both of the two need not have the same last digit of it."""
    optimizer = SGD(module.parameters(), lr=0.1)
    plateau = ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.5)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "val/loss"}}


def cosine(module: LightningModule) -> Any:
    optimizer, steps = MOMENTUM(module.parameters()), module.trainer.estimated_stepping_batches
    schedule = LambdaLR(optimizer, lambda t: 0.5 * (1 + math.cos(math.pi * t / steps)))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def groups_by_name(module: LightningModule) -> Any:
    weights = [parameter for name, parameter in module.named_parameters() if name.endswith("weight")]
    biases = [parameter for name, parameter in module.named_parameters() if name.endswith("bias")]
    return SGD([{"params": weights, "weight_decay": 0.1, "lr": 0.2}, {"params": biases}], lr=0.05)


def groups_by_factory(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    first, *others = parameters
    return Adam([{"params": [first], "lr": 0.1, "weight_decay": 0.01}, {"params": others}], lr=0.01)


def fine_tuned(module: LightningModule) -> Any:
    """As Lightning's own documentation has it: what does not train is not given to the optimizer."""
    return Adam([parameter for parameter in module.parameters() if parameter.requires_grad], lr=0.05)


def freeze_bias(model: Any) -> None:
    next(parameter for name, parameter in model.named_parameters() if name.endswith("bias")).requires_grad_(False)


def freeze_body(model: Any) -> None:
    model.network.layers[0].requires_grad_(False)


CASES = {
    "momentum": Case(),
    "adam": Case(partial(Adam, lr=0.05)),
    "adamw": Case(partial(torch.optim.AdamW, lr=0.05, weight_decay=0.1)),
    "rmsprop": Case(partial(torch.optim.RMSprop, lr=0.01)),
    "lbfgs": Case(partial(torch.optim.LBFGS, max_iter=4)),
    "lbfgs line search": Case(partial(torch.optim.LBFGS, max_iter=4, line_search_fn="strong_wolfe")),
    "clipped norm": Case(trainer={"gradient_clip_val": 0.1}),
    "clipped values": Case(trainer={"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"}),
    "accumulated": Case(trainer={"accumulate_grad_batches": 3}),
    "accumulated and clipped": Case(partial(Adam, lr=0.05), {"accumulate_grad_batches": 2, "gradient_clip_val": 0.1}),
    "accumulated lbfgs": Case(partial(torch.optim.LBFGS, max_iter=3), {"accumulate_grad_batches": 3}),
    "bf16-mixed": Case(trainer={"precision": "bf16-mixed"}),
    "bf16-mixed, clipped": Case(partial(Adam, lr=0.05), {"precision": "bf16-mixed", "gradient_clip_val": 0.1}),
    "16-mixed": Case(trainer={"precision": "16-mixed"}, ignored=SWITCHED),
    "32-true": Case(trainer={"precision": "32-true"}),
    "bf16-true": Case(trainer={"precision": "bf16-true"}),
    "schedule by step": Case(configure=by_step),
    "schedule by epoch": Case(configure=by_epoch),
    "schedule by validation": Case(configure=on_plateau, trainer={"limit_val_batches": None}),
    "own cosine": Case(twin_configure=cosine, model={"schedule": "cosine"}, mlp_only=True),
    "own cosine, accumulated": Case(
        twin_configure=cosine, model={"schedule": "cosine"}, trainer={"accumulate_grad_batches": 3}, mlp_only=True
    ),
    "groups in configure_optimizers": Case(configure=groups_by_name),
    "groups made by the factory": Case(groups_by_factory),
    "frozen bias": Case(prepare=freeze_bias),
    "frozen bias, adamw": Case(partial(torch.optim.AdamW, lr=0.05, weight_decay=0.1), prepare=freeze_bias),
    "frozen body": Case(prepare=freeze_body, mlp_only=True),
    "frozen body, fine-tuned": Case(prepare=freeze_body, configure=fine_tuned, mlp_only=True),
    "BaseFinetuning": Case(partial(Adam, lr=0.05), callbacks=lambda: [FreezeBody()], mlp_only=True),
}
