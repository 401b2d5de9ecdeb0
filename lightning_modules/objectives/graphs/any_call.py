"""A call that is of no known kind, as an expression of what it takes; refused if it is not torch's, or cuts gradients off."""

import operator
from typing import Any

from torch import Tensor

from lightning_modules.objectives.graphs.expression import Expression
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError

# Operators of Python that change their left side where they can.
IN_PLACE = ("iadd", "isub", "imul", "itruediv")
# Whose functions compute with tensors; our own are those of composed layers.
LIBRARIES = ("torch", "_operator", "operator", "builtins", "math", "lightning_modules")
# How sizes follow from the number of rows.
SIZES_BY = ("add", "sub", "mul", "getitem", "getattr")
# Which let no gradient through, of a value that has one.
CUT_OFF = ("detach", "detach_", "requires_grad_", "data")


def expression_of(name: str, call: Any, args: list[Any], kwargs: dict[str, Any], where: str) -> Expression:
    """A call as a function of what it takes; what works in place works beside it.

    Args:
        name: of the function or method.
        call: itself.
        args, kwargs: what it is called with.
        where: whose `forward`, for messages.

    Raises:
        UntraceableError: it is another library's, or its derivative is not that of what it computes.
    """
    expression = Expression(name, call, args, kwargs)
    if name in CUT_OFF or (name == "getattr" and args[1] in CUT_OFF):
        raise UntraceableError(f"{name}() in the forward of {where} lets no gradient through: {FALL_BACK}")
    library = getattr(call, "__module__", None) or "torch"  # torch's own functions do not say where they are from
    if library.partition(".")[0] not in LIBRARIES or kwargs.get("out") is not None:
        raise unknown(expression, where)
    is_of_rows = not (expression.values or expression.parameters)
    if is_of_rows and library in ("_operator", "math", "builtins") and name not in SIZES_BY:
        raise UntraceableError(f"{name}() in the forward of {where} computes with the number of rows: {FALL_BACK}")
    if "inplace" in kwargs:
        return Expression(name, call, args, {**kwargs, "inplace": False})
    if not is_in_place(name, kwargs):
        return expression
    beside = getattr(operator, name[1:]) if name in IN_PLACE else getattr(Tensor, name.rstrip("_"), None)
    if beside is None:
        raise unknown(expression, where)
    return Expression(name, beside, args, kwargs)


def is_in_place(name: str, kwargs: dict[str, Any]) -> bool:
    """Whether a call writes where its first argument is."""
    return bool(kwargs.get("inplace")) or name in IN_PLACE or (name.endswith("_") and not name.startswith("_"))


def unknown(expression: Expression, where: str) -> UntraceableError:
    """What is said of an expression that nothing takes, or that cannot be tried."""
    what = f"{expression.name}() in the forward of {where}"
    if not expression.values:
        return UntraceableError(f"{what} computes a weight from others, which no layer takes: {FALL_BACK}")
    return UntraceableError(f"{what} is not known to take each row by itself: {FALL_BACK}")
