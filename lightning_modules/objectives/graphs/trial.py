"""Whether any call of torch takes each row by itself, found out on rows of random numbers; then it is a layer.

    h_i(x) = h(x_i)        of every row i alone, and at a second look

Its derivatives are those of torch, of that call alone.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

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
                    _refuse_one_for_all(expression, weights, rows, (whole, first), what)
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
        _compare(layer, weights, rows)
        with recording():
            inner = [leaf for leaf in leaves if leaf.requires_grad]
            slopes = torch.autograd.grad(outputs.sum(), inner, create_graph=True, materialize_grads=True)
            total = sum(slope.sum() for slope in slopes)
            if isinstance(total, Tensor) and total.requires_grad:
                torch.autograd.grad(total, inner, allow_unused=True)
    except _DifferError as error:
        raise UntraceableError(
            f"torch's derivatives of {what} for several directions at once are not right: {FALL_BACK}"
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UntraceableError(f"{what} has not all derivatives layer by layer ({reason}): {FALL_BACK}") from error
    return layer


class _DifferError(Exception):
    """Two ways to the same derivative do not agree."""


def _compare(layer: RowFunction, weights: tuple[Tensor, ...], rows: tuple[Tensor, ...]) -> None:
    """All that is asked of a layer, beside one derivative after the other: several at once are not right of every function.

    Raises:
        _DifferError: they are other numbers.
    """
    visit = layer.visit(weights, rows)
    generator = torch.Generator().manual_seed(1)
    e = torch.randn((2, *visit.output.shape), generator=generator, dtype=torch.float64).to(visit.output.dtype)
    moves = [torch.randn((2, *each.shape), generator=generator, dtype=each.dtype) for each in weights]
    dx = [torch.randn((2, *x.shape), generator=generator, dtype=x.dtype) if x.is_floating_point() else None for x in rows]
    below = [[_pulled_back(layer, weights, tuple(x[i : i + 1] for x in rows), each[i]) for i in range(NUM_ROWS)] for each in e]
    by_weights = [torch.stack([torch.stack([one[w] for one in each]) for each in below]) for w in range(len(weights))]
    real = [index for index, x in enumerate(rows) if x.is_floating_point()]
    by_inputs = [torch.stack([torch.cat([one[len(weights) + k] for one in each]) for each in below]) for k in range(len(real))]
    found = layer.down(visit, e) if real else []
    pairs: list[tuple[Tensor | None, Tensor]] = [(found[k], expected) for k, expected in zip(real, by_inputs, strict=True)]
    if weights:
        pairs += zip(layer.rows(visit, e), by_weights, strict=True)
        pairs += zip(layer.gradients(visit, e), [each.sum(1) for each in by_weights], strict=True)
    up = (layer.up(visit, tuple(moves), tuple(dx)) * e).flatten(1).sum(1)
    pulled = [*(each.sum(1) for each in by_weights), *by_inputs]
    moved = [*moves, *(each for each in dx if each is not None)]
    along = [(each * move).reshape(len(each), -1).sum(1) for each, move in zip(pulled, moved, strict=True)]
    if not (_equal(up, torch.stack(along).sum(0)) and all(one is not None and _equal(one, other) for one, other in pairs)):
        raise _DifferError


def _pulled_back(layer: RowFunction, weights: tuple[Tensor, ...], row: tuple[Tensor, ...], e: Tensor) -> list[Tensor]:
    """(∂F/∂w)ᵀ e of each weight and (∂F/∂x)ᵀ e of each input of real numbers, of one row."""
    with recording():
        leaves = [each.clone().requires_grad_() if each.is_floating_point() else each for each in (*weights, *row)]
        outputs = layer.forward(tuple(leaves[: len(weights)]), *leaves[len(weights) :])
        inner = [leaf for leaf in leaves if leaf.requires_grad]
        return list(torch.autograd.grad(outputs, inner, e[None], materialize_grads=True))


def _refuse_one_for_all(
    expression: Expression, weights: tuple[Tensor, ...], rows: tuple[Tensor, ...], given: tuple[Any, Any], what: str
) -> None:
    """Refuse a result that depends on what the rows hold, and has none of its own for each: rows would know of each other.

    Args:
        expression: what gave it.
        weights, rows: what it was given.
        given: its results of all rows and of the first.
        what: for messages.
    """
    whole, first = given
    if isinstance(whole, (tuple, list)):  # each of them is tried where it is taken
        return
    if isinstance(whole, Tensor) and isinstance(first, Tensor) and whole.numel() == NUM_ROWS * first.numel() > 0:
        return  # the same numbers in another order, rows and positions together
    others = [torch.zeros_like, lambda x: torch.full_like(x, torch.nan if x.is_floating_point() else 1)]
    for other in others:
        found = expression(*weights, *(other(x) for x in rows))
        same = _equal(found, whole) if isinstance(found, Tensor) and isinstance(whole, Tensor) else bool(found == whole)
        if not same:
            raise UntraceableError(f"{what} gives one result for all rows, which depends on what they hold: {FALL_BACK}")


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
