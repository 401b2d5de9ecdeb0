"""What a method knows of the problem when it ends, which is there to judge where it ended."""

from typing import Any

import torch

from lightning_modules.optimizers.curvature_optimizer import CurvatureOptimizer


def known_to(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Arguments of `diagnose`; of another project's method only a tolerance, if it has one."""
    known: dict[str, Any] = {"tolerance": optimizer.param_groups[0].get("tolerance")}
    if isinstance(optimizer, CurvatureOptimizer):
        kept = optimizer.kept
        known |= {"stalled": kept.status == "stalled", "scale": kept.scale, "largest": kept.largest_theta}
    return known
