"""What runs beside a module's `forward`, or in its place."""

from torch import nn

from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError


def refuse_hooks(module: nn.Module, name: str) -> None:
    """Refuse what runs beside, or in place of, the `forward` of a module's class, and may change what comes out of it.

    Raises:
        UntraceableError: the module has a hook, forwards or backwards, or a `forward` of its own.
    """
    if "forward" in vars(module):
        raise UntraceableError(f"{type(module).__name__} {name!r} has been given another forward than its class's: {FALL_BACK}")
    if module._forward_hooks or module._forward_pre_hooks:
        raise UntraceableError(
            f"{type(module).__name__} {name!r} has a forward hook, which may change what it computes: remove the hook; "
            f"{FALL_BACK}"
        )
    if module._backward_hooks or module._backward_pre_hooks:
        raise UntraceableError(
            f"{type(module).__name__} {name!r} has a backward hook, which may change its gradient: remove the hook; {FALL_BACK}"
        )
