"""Whether any call of torch takes each row by itself, found out on rows of random numbers; then it is a layer.

    h_i(x) = h(x_i)        of every row i alone, and at a second look

Its derivatives are those of torch, of that call alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.objectives.differentiation import recording
from lightning_modules.objectives.graphs.expression import Expression
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError
from lightning_modules.objectives.layers import RowFunction

NUM_ROWS = 3
# Some functions mix rows only where numbers are large, as a norm that is bounded does.
SCALES = (1.0, 1e3)
# By how many units in the last place two ways to the same number may differ.
ROUNDING = 1e5


class Found(NamedTuple):
    """A layer, and what it takes.

    Attributes:
        layer: the call.
        shares: of its inputs, the one whose memory its output is, if it is.
    """

    layer: RowFunction
    shares: int | None


def layer_of(expression: Expression, inputs: Sequence[Tensor], where: str) -> Found | None:
    """The layer that an expression is; None of one that gives something else than rows, and so none yet.

    Args:
        expression: of at least one value.
        inputs: any tensors like its values, for their shapes and types.
        where: whose `forward`, for messages.

    Raises:
        UntraceableError: it mixes rows, is random, or has no derivatives.
        Exception: whatever torch says of the call itself.
    """
    what = f"{expression.name}() in the forward of {where}"
    weights = tuple(each.detach().to("cpu", torch.float64) for each in expression.parameters)
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        for scale in SCALES:
            rows = tuple(_drawn(each, scale, generator) for each in inputs)
            with torch.no_grad():
                whole = expression(*weights, *rows)
                first = expression(*weights, *(each[:1] for each in rows))
                if not _are_rows(whole, NUM_ROWS) or not _are_rows(first, 1):
                    return None
                if not _equal(expression(*weights, *rows), whole):
                    raise UntraceableError(
                        f"{what} is random, so the loss is another function at each evaluation and has no curvature: take it "
                        "out, or use a method of torch.optim"
                    )
                each_alone = [expression(*weights, *(x[i : i + 1] for x in rows)) for i in range(NUM_ROWS)]
            if not all(_equal(alone, whole[i : i + 1]) for i, alone in enumerate(each_alone)):
                raise UntraceableError(f"{what} does not take each row by itself: {FALL_BACK}")
            if scale == SCALES[0]:
                shares = [x.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr() for x in rows]
                layer = _differentiated(expression, weights, rows, what)
    return Found(layer, shares.index(True) if any(shares) else None)


def _differentiated(expression: Expression, weights: tuple[Tensor, ...], rows: tuple[Tensor, ...], what: str) -> RowFunction:
    """The layer, after all that is asked of it was asked once."""
    names = tuple(f"weight_{index}" for index in range(len(weights)))
    layer = RowFunction(expression, names)
    with recording():
        leaves = [each.clone().requires_grad_() if each.is_floating_point() else each for each in (*weights, *rows)]
        outputs = expression(*leaves)
        if not outputs.requires_grad:
            return RowFunction(expression, names, is_constant=True)
    try:
        visit = layer.visit(weights, rows)
        real = [x.expand(2, *x.shape) if x.is_floating_point() else None for x in rows]
        e = torch.ones_like(visit.output).expand(2, *visit.output.shape)
        layer.up(visit, tuple(each.expand(2, *each.shape) for each in weights), tuple(real))
        if any(each is not None for each in real):
            layer.down(visit, e)
        if weights:
            layer.squares(visit, e)
            layer.gradients(visit, e)
        with recording():
            inner = [leaf for leaf in leaves if leaf.requires_grad]
            slopes = torch.autograd.grad(outputs.sum(), inner, create_graph=True, materialize_grads=True)
            total = sum(slope.sum() for slope in slopes)
            if isinstance(total, Tensor) and total.requires_grad:
                torch.autograd.grad(total, inner, allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UntraceableError(f"{what} has not all derivatives layer by layer ({reason}): {FALL_BACK}") from error
    return layer


def _drawn(like: Tensor, scale: float, generator: torch.Generator) -> Tensor:
    """Rows of random numbers of a kind."""
    shape = (NUM_ROWS, *like.shape[1:])
    if like.is_floating_point():
        return torch.randn(shape, generator=generator, dtype=torch.float64) * scale
    return torch.randint(2, shape, generator=generator).to(like.dtype)


def _are_rows(found: object, count: int) -> bool:
    return isinstance(found, Tensor) and found.ndim > 0 and len(found) == count


def _equal(found: Tensor, expected: Tensor) -> bool:
    """Whether two results are the same but for rounding."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return False
    if not found.is_floating_point():
        return torch.equal(found, expected)
    finite = expected[torch.isfinite(expected)].abs()
    most = float(finite.max()) if finite.numel() else 0.0
    eps = torch.finfo(found.dtype).eps * ROUNDING
    return torch.allclose(found, expected, rtol=0.0, atol=eps * most, equal_nan=True)
