"""Callbacks of Lightning's that cannot do here what they are for: refused before anything is computed."""

from collections.abc import Iterator
from functools import partial

from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.callbacks import (
    BackboneFinetuning,
    BatchSizeFinder,
    GradientAccumulationScheduler,
    LearningRateFinder,
    ModelPruning,
    StochasticWeightAveraging,
)
from pytorch_lightning.utilities.parsing import lightning_hasattr
from torch.nn import Module
from torch.optim import Optimizer

from lightning_modules.optimizers import CurvatureOptimizer
from lightning_modules.training.trainer_settings import NO_ACCUMULATION

# What Lightning's search for a learning rate looks for in a model.
LR_NAMES = ("lr", "learning_rate")


def refuse_callbacks(trainer: Trainer, model: LightningModule, method: Optimizer, data: LightningDataModule | None) -> None:
    """Refuse a callback that would fail in the midst of the fit, or be without effect.

    Raises:
        ValueError: names it, why it cannot be, and what can.
    """
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        for reason in (*_of_any_method(callback, trainer, model, data), *_of_curvature(callback, method)):
            raise ValueError(f"{type(callback).__name__} {reason}")


def _of_any_method(
    callback: Callback, trainer: Trainer, model: LightningModule, data: LightningDataModule | None
) -> Iterator[str]:
    if isinstance(callback, BackboneFinetuning) and not isinstance(getattr(model, "backbone", None), Module):
        yield (
            f"looks for a part of the model that is called backbone, and {type(model).__name__} has none: freeze by "
            "requires_grad_(False), or write a BaseFinetuning that names the part"
        )
    # One that only looks, and sets nothing, says so by this alone.
    sets = getattr(callback, "_update_attr", True)
    if isinstance(callback, LearningRateFinder) and sets and not any(map(partial(lightning_hasattr, model), LR_NAMES)):
        yield (
            "looks for the learning rate in the model, and here it is the method's alone: compare some values of it instead, "
            "by scripts/compare.py for example"
        )
    if isinstance(callback, BatchSizeFinder) and getattr(data, "batch_size", 1) is None:
        yield "begins with the batch size of the data, and that is None, all rows: set one, or leave the callback out"
    if isinstance(callback, ModelPruning) and trainer.precision == "64-true":
        yield (
            "computes the pruned weights in single precision before Lightning takes the model to double: set "
            "Trainer(precision='32-true')"
        )


def _of_curvature(callback: Callback, method: Optimizer) -> Iterator[str]:
    if not isinstance(method, CurvatureOptimizer):
        return
    name = type(method).__name__
    if isinstance(callback, GradientAccumulationScheduler) and callback.going_to_accumulate_grad_batches():
        yield f"cannot be with {name}: {NO_ACCUMULATION}"
    if isinstance(callback, BackboneFinetuning):
        yield (
            f"cannot be with {name}: it lets more parameters train in the midst of the fit, and what the method keeps from "
            "step to step couples all of them; freeze by requires_grad_(False), or use a method of torch.optim"
        )
    if isinstance(callback, ModelPruning):
        yield (
            f"cannot be with {name}: pruned weights are computed from other parameters, and derivatives in closed form are of "
            "the weights themselves; use a method of torch.optim"
        )
    if isinstance(callback, LearningRateFinder):
        yield f"cannot be with {name}: its steps are measured, not tuned, and 1 is the learning rate; leave the callback out"
    if isinstance(callback, StochasticWeightAveraging):
        yield (
            f"cannot be with {name}: it schedules the learning rate, which Lightning does for methods of torch.optim only; "
            "WeightAveraging and EMAWeightAveraging average weights without touching it"
        )
