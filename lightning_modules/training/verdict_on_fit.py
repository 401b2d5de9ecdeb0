"""The verdict on where a fit ended: what is proved of the weights, or who ended it."""

import math
from itertools import islice
from typing import Any

import torch
from pytorch_lightning import Trainer
from torch import Tensor

from lightning_modules.objectives import flattened
from lightning_modules.optimizers import Convergence, CurvatureOptimizer, diagnose
from lightning_modules.optimizers.curvature_optimizer import known_to
from lightning_modules.optimizers.ending import concluded
from lightning_modules.training.run_ending import is_towards_optimum, run_ending, said_by_method
from lightning_modules.training.trained_parameters import OtherParametersError, as_function_of, held_parameters


def whole_training_set(trainer: Trainer) -> tuple[Tensor, ...]:
    """All rows that a trainer fits on this process, as one batch on its device; a single batch is given without a copy.

    Raises:
        RuntimeError: the trainer has been used for something else since, and has no training set any more.
    """
    loader = trainer.train_dataloader or ()
    if trainer.overfit_batches > 0:  # type: ignore[attr-defined]
        loader = islice(loader, int(trainer.num_training_batches))
    batches = [trainer.strategy.batch_to_device(batch) for batch in loader]
    if not batches:
        raise RuntimeError("the trainer holds no training rows: ask after trainer.fit, before trainer.test")
    if len(batches) > 1:
        return tuple(torch.cat(parts) for parts in zip(*batches, strict=True))
    # A full batch may be memory-mapped and larger than memory.
    only: tuple[Tensor, ...] = batches[0]
    return only


def verdict_on(module: Any) -> Convergence:
    """Judge the present weights of a model over the whole training set of its trainer; every process must call it.

    Raises:
        RuntimeError: the trainer holds no training rows, or no optimizer: it has handed the fit over to other processes.
    """
    trainer: Trainer = module.trainer
    if not trainer.optimizers:
        raise RuntimeError(
            "the fit was done by processes that are gone: ask in a fit by Trainer(strategy='ddp'), or by one process"
        )
    method = trainer.optimizers[0]
    ending = run_ending(trainer)
    parameters = held_parameters(method)
    if not isinstance(method, CurvatureOptimizer):
        held = set(parameters)
        parameters = [parameter for parameter in module.parameters() if parameter in held]
    known = {**known_to(method), "stalled": said_by_method(trainer) == "stalled"}
    try:
        objective = as_function_of(parameters, module.training_objective(), module)
    except OtherParametersError as error:
        return Convergence(ending.status, f"{ending.message}; nothing is proved of it: {error}", math.nan, math.nan)
    theta = flattened(parameters)
    theta = theta.float() if theta.element_size() < 4 else theta  # curvature of 16 bits is noise
    return concluded(diagnose(objective, theta, **known), ending, is_towards_optimum(trainer))
