"""Curvature does not survive fewer than 32 bits."""

import torch

from lightning_modules.optimizers import CurvatureOptimizer

FULL_PRECISION = (None, 32, 64, "32", "64", "32-true", "64-true")


def refuse_low_precision(optimizer: torch.optim.Optimizer, precision: str | int | None) -> None:
    """Refuse what no curvature survives.

    Raises:
        ValueError: fewer than 32 bits, or mixed precision, for a method of this project.
    """
    if isinstance(optimizer, CurvatureOptimizer) and precision not in FULL_PRECISION:
        raise ValueError(
            f"{type(optimizer).__name__} needs 32 or 64 bit precision, not {precision}: half-precision curvature is noise "
            "and mixed precision steps without the loss; set Trainer(precision='64-true'), or '32-true'"
        )
