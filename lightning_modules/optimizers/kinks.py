"""Steps on losses with kinks, which an l1 penalty has where a parameter is 0: taken whole, or not at all."""

from dataclasses import replace

import torch
from torch import Tensor

from lightning_modules.objectives import Objective
from lightning_modules.objectives.kind import Kind
from lightning_modules.optimizers.step_report import StepReport

# Settings of Newton's method that a step with kinks has no use for, with the values that leave it alone.
OWN_SETTINGS = {"lr": (1.0,), "damping": ("adaptive",), "search": (None,), "solver": ("auto", "cholesky")}


def refuse_kinks(optimizer: torch.optim.Optimizer) -> None:
    """Refuse a method, or settings of it, that can do nothing with an l1 penalty.

    Raises:
        ValueError: names the method that can, or the setting.
    """
    name = type(optimizer).__name__
    if not getattr(optimizer, "takes_kinks", False):
        raise ValueError(
            f"an l1 penalty has kinks, over which {name} cannot step, so that no coefficient would be 0: use Newton, which "
            "takes proximal steps there, or l2"
        )
    group = optimizer.param_groups[0]
    for setting, allowed in OWN_SETTINGS.items():
        if group[setting] not in allowed:
            raise ValueError(
                f"{name}({setting}={group[setting]!r}) with an l1 penalty: its steps are proximal ones by a matrix, and a "
                "search finds their length; leave the setting out"
            )
    if (rows := group["curvature_rows"]) not in ("auto", "all"):
        raise ValueError(f"{name}(curvature_rows={rows}) with an l1 penalty: its steps take all rows; leave the setting out")


def check_kinks(objective: Objective, optimizer: torch.optim.Optimizer) -> None:
    """`refuse_kinks` where a loss has them."""
    if objective.has_kinks:
        refuse_kinks(optimizer)


def by_proximal_step(report: StepReport, gradient: Tensor, kind: Kind) -> StepReport:
    """The report of a step of the loss's own.

    Raises:
        ValueError: somebody has changed the gradient, of which the step knows nothing.
    """
    point = report.point
    if not torch.equal(gradient, point.gradient):
        raise ValueError("the gradient was changed between the loss and the step, and a step under l1 takes the loss's own")
    found = point.proximal_step(kind)
    if found is None:
        return replace(report, status="stalled", step_size=0.0)
    trial, share = found
    point.objective.hold(trial)
    return replace(report, theta=trial.theta, step_size=share)
