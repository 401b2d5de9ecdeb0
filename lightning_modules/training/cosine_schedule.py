"""A step size that falls to 0 over a run, along a cosine."""

import math

import torch
from torch.optim.lr_scheduler import LambdaLR


def cosine_schedule(optimizer: torch.optim.Optimizer, steps: float) -> LambdaLR:
    """lr ½ (1 + cos(π t/T)) for t = 0 … T: Loshchilov and Hutter, SGDR (2017), equation 5, without restarts.

    Args:
        optimizer: whose lr it is.
        steps: T; of a run of no steps any will do.

    Raises:
        ValueError: T is infinite.
    """
    if steps == float("inf"):
        raise ValueError("schedule='cosine' ends with the run, and this one has no end: set Trainer(max_epochs=100), say")
    # As a function of the step, not of the last step size: a run resumed for more epochs goes on along its own curve.
    return LambdaLR(optimizer, lambda t: 0.5 * (1 + math.cos(math.pi * t / (steps or 1))))
