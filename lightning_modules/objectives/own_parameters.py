"""Whose parameters θ is made of, and the loss as a function of some of them in any order."""

from collections.abc import Sequence
from typing import TypeVar
from weakref import ref

import torch
from torch import nn
from torch.nn import Parameter

from lightning_modules.objectives.flattened import flattened
from lightning_modules.objectives.objective import Objective
from lightning_modules.objectives.partial_objective import PartialObjective

AnyObjective = TypeVar("AnyObjective", bound=Objective)


def owned(objective: AnyObjective, module: nn.Module) -> AnyObjective:
    """The objective, which knows from now on that θ is laid out as the `parameters()` of a module; it does not keep that."""
    objective._owner = ref(module)
    return objective


def owner_of(objective: Objective) -> nn.Module | None:
    """The module whose `parameters()` θ is laid out as, if that is known and the module still there."""
    return None if objective._owner is None else objective._owner()


def as_function_of(parameters: Sequence[Parameter], objective: Objective, module: nn.Module) -> Objective:
    """The objective of a module's parameters, as a function of some of them in this order; itself if these are all.

    Raises:
        ValueError: one is none of the module's.
    """
    everything = list(module.parameters())
    if len(everything) == len(parameters) and all(a is b for a, b in zip(everything, parameters, strict=True)):
        return objective
    places, start = {}, 0
    for parameter in everything:
        places[parameter] = torch.arange(start, start + parameter.numel(), device=parameter.device)
        start += parameter.numel()
    if not places.keys() >= set(parameters):
        raise ValueError("the optimizer holds parameters that are none of the model's: make it from model.parameters()")
    return PartialObjective(objective, flattened(everything), torch.cat([places[parameter] for parameter in parameters]))
