"""The verdict on where a fit ended: what is proved of the weights, or who ended it."""

import math
from itertools import islice
from typing import Any

import torch
from pytorch_lightning import Trainer
from torch import Tensor

from lightning_modules.objectives import flattened
from lightning_modules.objectives.own_parameters import as_function_of
from lightning_modules.optimizers import Convergence, CurvatureOptimizer, diagnose
from lightning_modules.optimizers.ending import Ending, concluded
from lightning_modules.optimizers.known_to import known_to
from lightning_modules.their_line import first_line
from lightning_modules.training.coded_rows import joined
from lightning_modules.training.run_ending import is_towards_optimum, run_ending, said_by_method
from lightning_modules.training.trained_parameters import OtherParametersError, present_parameters


def whole_training_set(trainer: Trainer, device: torch.device) -> tuple[Tensor, ...]:
    """All rows that a trainer fits on this process, as one batch.

    A single batch is given without a copy, and so are the mini-batches of a loader that says by `whole()` what they are taken
    from: the rows may be memory-mapped, and more than memory holds. Other mini-batches are joined.

    Args:
        trainer: in its fit, or after it.
        device: where the model is, which the trainer takes back to the CPU at the end of a fit.

    Raises:
        RuntimeError: the trainer has been used for something else since, and has no training set any more.
    """
    loader = trainer.train_dataloader or ()
    if trainer.overfit_batches > 0:  # type: ignore[attr-defined]
        loader = islice(loader, int(trainer.num_training_batches))
    elif (rows := getattr(loader, "whole", lambda: None)()) is not None:
        whole: tuple[Tensor, ...] = trainer.strategy.batch_to_device(rows, device)
        return whole
    batches = [trainer.strategy.batch_to_device(batch, device) for batch in loader]
    if not batches:
        raise RuntimeError("the trainer holds no training rows: ask after trainer.fit, before trainer.test")
    return batches[0] if len(batches) == 1 else joined(batches)


def verdict_on(module: Any) -> Convergence:
    """Judge the present weights of a model over the whole training set of its trainer; every process must call it.

    Raises:
        RuntimeError: there is no trainer, or it holds no training rows or no optimizer: another process has done the fit.
    """
    trainer: Trainer | None = module._trainer
    if trainer is None or not trainer.optimizers:
        raise RuntimeError(
            "no fit has been done in this process, to judge where it ended: call trainer.fit first; strategies that start "
            "processes by multiprocessing (ddp_spawn, ddp_fork, ddp_notebook) do it in others, strategy='ddp' in this one too"
        )
    method = trainer.optimizers[0]
    ending = run_ending(trainer)
    parameters = present_parameters(method, module, module._held_names)
    if not isinstance(method, CurvatureOptimizer):
        held = set(parameters)
        parameters = [parameter for parameter in module.parameters() if parameter in held]
    known = {**known_to(method), "stalled": said_by_method(trainer) == "stalled"}
    theta = flattened(parameters)
    theta = theta.float() if theta.element_size() < 4 else theta  # curvature of 16 bits is noise
    of_all = module.training_objective()
    try:
        if not isinstance(method, CurvatureOptimizer):  # which has asked before its first step
            module.check_function()
        found = diagnose(as_function_of(parameters, of_all, module), theta, **known)
    except OtherParametersError as error:
        return unproved(ending, str(error))
    except (ValueError, RuntimeError) as error:
        # What torch.optim trains need not have a curvature, or be a function of its rows.
        if isinstance(method, CurvatureOptimizer):
            raise
        return unproved(ending, getattr(error, "reason", None) or first_line(error))
    return concluded(found, ending, is_towards_optimum(trainer))


def unproved(ending: Ending, reason: str) -> Convergence:
    """Who ended a fit, and why nothing is proved of it."""
    return Convergence(ending.status, f"{ending.message}; nothing is proved of it: {reason}", math.nan, math.nan)
