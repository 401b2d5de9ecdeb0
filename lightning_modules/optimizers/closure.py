"""What a method evaluates where nobody has given it a closure: the objective, at the parameters as they are."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective, Point, flattened


def given(objective: Objective | None, method: torch.optim.Optimizer) -> Objective:
    """The objective, if there is one.

    Raises:
        ValueError: there is none.
    """
    if objective is None:
        name = type(method).__name__
        raise ValueError(
            f"{name}.step needs the loss as a function of the parameters, for its curvature: {name}.step(objective=…) takes "
            "model.objective(batch), of a mini-batch model.objective(batch).as_sample()"
        )
    return objective


def closure_of(objective: Objective, parameters: Sequence[Parameter]) -> Callable[[], Tensor]:
    """Sets the `.grad` of the parameters, and returns the loss ()."""
    point: Point | None = None  # held as long as the closure is, so that the method finds it

    @torch.no_grad()
    def closure() -> Tensor:
        nonlocal point
        point = objective.at(flattened(list(parameters)))
        set_gradient(parameters, point.gradient.clone())  # whoever changes a `.grad` in place does not change the point's
        return point.value

    return closure


def set_gradient(parameters: Sequence[Parameter], gradient: Tensor) -> None:
    """Make the `.grad` of the parameters views of a gradient (p,)."""
    for parameter, part in zip(parameters, gradient.split([p.numel() for p in parameters]), strict=True):
        parameter.grad = part.view_as(parameter)
