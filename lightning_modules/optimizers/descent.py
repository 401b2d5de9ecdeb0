"""The one loop of steps, without a trainer."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective, Point
from lightning_modules.optimizers.curvature_optimizer import CurvatureOptimizer
from lightning_modules.optimizers.damped_optimizer import DampedOptimizer
from lightning_modules.optimizers.non_finite_loss import refuse_non_finite
from lightning_modules.optimizers.step_report import StepReport

# Makes the method from the parameters it moves: one of this project's, or of torch.optim.
Method = Callable[[Iterable[Parameter]], torch.optim.Optimizer]


class Descent(NamedTuple):
    """Where the steps led.

    Attributes:
        theta: the parameters (p,).
        steps: how many there were.
        optimizer: the method as the last step left it.
    """

    theta: Tensor
    steps: int
    optimizer: torch.optim.Optimizer


def descend(
    objective: Objective,
    start: Tensor,
    method: Method,
    max_steps: int,
    is_enough: Callable[[StepReport], bool] | None = None,
    check: Callable[[Point], None] | None = None,
) -> Descent:
    """Steps of a method from a start (p,), until it says that it is done; arguments and errors as in `minimise`.

    `check` looks at the point where it starts, before the first step.
    """
    objective.forget()  # the loss may have been changed since somebody was there
    # What is made in inference mode can never be changed again.
    with torch.inference_mode(False), torch.no_grad():
        parameter, steps = Parameter(start.detach().clone()), 0
        optimizer = made(method, parameter)
        if isinstance(optimizer, DampedOptimizer) and max_steps > 0:
            parameter.copy_(optimizer.begin(objective, parameter.detach().clone()))

        @torch.no_grad()
        def closure() -> Tensor:
            point = objective.at(parameter)
            if steps == 0 and check is not None:
                check(point)
            gradient = point.gradient
            refuse_non_finite(point.value, [gradient], steps, total=point.total)
            parameter.grad = gradient.clone()
            return point.value

        while steps < max_steps:
            if not isinstance(optimizer, CurvatureOptimizer):
                optimizer.step(closure)  # type: ignore[arg-type]
                steps += 1
                continue
            optimizer.step(closure, objective=objective)
            steps += 1
            report = optimizer.report
            assert report is not None
            if report.status is not None or (is_enough is not None and is_enough(report)):
                break
        return Descent(parameter.detach(), steps, optimizer)


def made(method: Method, parameter: Parameter) -> torch.optim.Optimizer:
    """The optimizer of a parameter.

    Raises:
        ValueError: the method takes more than the parameters, or makes something else.
    """
    try:
        optimizer = method([parameter])
    except TypeError as error:
        name = getattr(method, "__name__", "the method")
        raise ValueError(f"minimise(method) cannot make {name}: {error}; say partial({name}, lr=0.1), for example") from error
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"minimise(method) made a {type(optimizer).__name__}: give what makes an optimizer from parameters")
    return optimizer
