"""What a method evaluates where nobody has given it a closure: the objective, at the parameters as they are."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective, Point, flattened
from lightning_modules.objectives.own_parameters import as_function_of, owner_of


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


def of_held(objective: Objective, parameters: Sequence[Parameter], name: str) -> Objective:
    """The objective as a function of the parameters that a method holds, where it is known whose it is.

    Raises:
        ValueError: one is frozen, or none of the model's.
    """
    if frozen := sum(not parameter.requires_grad for parameter in parameters):
        raise ValueError(
            f"{frozen} of the {len(parameters)} parameters that {name} holds are frozen, and its step would move them: make it "
            f"from those that train, {name}([p for p in model.parameters() if p.requires_grad])"
        )
    owner = owner_of(objective)
    return objective if owner is None else as_function_of(parameters, objective, owner)


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
