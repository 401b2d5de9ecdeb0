"""What trains: the parameters that require a gradient. They are θ for every method; the others are constants of the loss."""

from collections.abc import Iterable, Sequence

import torch
from torch import nn
from torch.nn import Parameter

from lightning_modules.optimizers import CurvatureOptimizer


class OtherParametersError(ValueError):
    """The weights of a layer are not parameters themselves, but computed from others."""


def trained_parameters(module: nn.Module) -> list[Parameter]:
    """The parameters of a module that require a gradient, in the order of `module.parameters()`.

    Raises:
        ValueError: none does, or one has complex numbers.
    """
    named = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    for name, parameter in named.items():
        if parameter.is_complex():
            raise ValueError(
                f"{name} of {type(module).__name__} has complex numbers ({parameter.dtype}), and derivatives and curvature "
                "here are those of real ones: make two parameters of it, and torch.complex of both in forward"
            )
    found = list(named.values())
    if not found:
        raise ValueError(
            f"all parameters of {type(module).__name__} are frozen, so there is nothing to train: call requires_grad_(True) on "
            "those that shall, or use trainer.test"
        )
    return found


def held_parameters(optimizer: torch.optim.Optimizer) -> list[Parameter]:
    """The parameters that an optimizer moves, group by group; those that are frozen by now are not among them.

    Raises:
        ValueError: some are frozen of a method whose memory of earlier steps couples all of them.
    """
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    trained = [parameter for parameter in held if parameter.requires_grad]
    if isinstance(optimizer, CurvatureOptimizer) and len(trained) < len(held):
        raise ValueError(
            f"{len(held) - len(trained)} of {len(held)} parameters were frozen after {type(optimizer).__name__} was made, and "
            "what it keeps from step to step couples all of them: freeze before the fit, or use a method of torch.optim"
        )
    return trained


def names_of(parameters: Iterable[Parameter], module: nn.Module) -> list[str]:
    """What a module calls some parameters; those that are none of its own are left out."""
    names = {parameter: name for name, parameter in module.named_parameters()}
    return [names[parameter] for parameter in parameters if parameter in names]


def present_parameters(optimizer: torch.optim.Optimizer, module: nn.Module, names: Sequence[str]) -> list[Parameter]:
    """`held_parameters` as the module has them now: to move it from a device some devices make new parameters.

    Args:
        optimizer: of the fit.
        module: the model.
        names: of the parameters in the fit, see `names_of`.
    """
    held, own = held_parameters(optimizer), dict(module.named_parameters())
    if set(held) <= set(own.values()) or len(names) != len(held):
        return held
    return [own[name] for name in names]


def refuse_other_parameters(layers: Iterable[nn.Linear]) -> None:
    """Refuse layers whose weights are computed from other parameters, as by pruning or weight normalisation.

    A closed form takes the numbers of `parameters()` for the weights themselves.

    Raises:
        OtherParametersError: names what is computed.
    """
    for number, layer in enumerate(layers):
        for name in ("weight", "bias"):
            if not isinstance(getattr(layer, name), Parameter | None):
                raise OtherParametersError(
                    f"the {name} of layer {number} is computed from other parameters (pruned, or reparametrised), of which "
                    "derivatives in closed form know nothing: make that permanent first, or use a method of torch.optim"
                )
