"""Layers of torch for which a curvature by automatic differentiation means nothing."""

from torch import nn


class NoFunctionError(ValueError):
    """A loss is no function of each row and the parameters.

    Args:
        reason: what is found, and what it makes impossible.
        remedy: what to do.

    Attributes:
        reason: as given.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason = reason


def refuse_hooked_gradients(module: nn.Module) -> None:
    """Refuse hooks on gradients of parameters, which are never made where methods of this project compute them.

    Raises:
        ValueError: a parameter has one.
    """
    for name, parameter in module.named_parameters():
        if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
            raise ValueError(
                f"{name!r} of {type(module).__name__} has a hook on its gradient, which methods of this project do not compute "
                "by torch's backward pass: remove the hook (requires_grad=False holds a whole parameter), or use a method of "
                "torch.optim"
            )


def refuse_noise(module: nn.Module) -> None:
    """Refuse layers that make another function of a module at each evaluation, or have the gradient of none.

    Raises:
        NoFunctionError: a layer is random, or normalises by the batch, in its present mode; an embedding changes what it reads.
    """
    for name, layer in module.named_modules():
        if layer.training and (
            (isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0)
            or isinstance(layer, (nn.modules.batchnorm._BatchNorm, nn.RReLU))
        ):
            raise NoFunctionError(
                f"{type(layer).__name__} {name!r} makes the loss of a trial step another function than the loss before it, so "
                "neither a search nor a curvature means anything",
                "call module.eval(), remove the layer, or use a method of torch.optim",
            )
        if isinstance(layer, (nn.Embedding, nn.EmbeddingBag)) and (layer.max_norm is not None or layer.scale_grad_by_freq):
            raise NoFunctionError(
                f"{type(layer).__name__} {name!r} with max_norm or scale_grad_by_freq changes its weights or its gradient as "
                "it reads them, so what it has is the gradient of no loss",
                "make it without them, or use a method of torch.optim",
            )
