r"""Equal rows get equal predictions, to the last bit, wherever they stand.

    prediction of row i = f(x_i; W, b),   whatever the rows before and after it, and however many there are

A matrix product over many rows does not keep to that. The processor goes through them in tiles, and through what is left over
by other instructions, which add in another order: the last bit of a row's result depends on its place. Metrics of order, the
area under the ROC curve above all, count every such difference as a decision.

So nothing is left over: the rows come in blocks of one size, the last one filled up with zeros, and the outputs of a layer are
filled up to a whole number of tiles. Then every row goes through the same instructions in the same
order. That costs a few microseconds a block, and no copy of the rows.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# Of a linear model, and of a whole network, whose hidden layers are wider than its rows.
LINEAR_ROWS, NETWORK_ROWS = 1024, 256
# Whole tiles: 512 bits at a time take 24 outputs together in float64, 48 in float32; fewer bits take divisors of these.
OUTPUTS = 48


def in_blocks(function: Callable[[Tensor], Tensor], rows: Tensor, block: int) -> Tensor:
    """A function of each row, evaluated on blocks of one size: (n, …) -> (n, …).

    A program that is exported has no number of rows yet; there the function is evaluated as it is.

    Args:
        function: (block, …) -> (block, …); a row's result depends on that row alone.
        rows: (n, …).
        block: rows of a block.
    """
    if torch.compiler.is_compiling() or len(rows) == 0:
        return function(rows)
    parts = [function(_filled(part, block))[: len(part)] for part in rows.split(block)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def whole_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x Wᵀ + b with W (K, d) filled up by rows of zeros, for use within `in_blocks`: (n, d) -> (n, K)."""
    outputs = len(weight)
    if torch.compiler.is_compiling():
        return torch.nn.functional.linear(x, weight, bias)
    if outputs == 1:  # no tiles, and faster
        return (x * weight).sum(1, keepdim=True) + bias
    product = x @ _filled(weight, -(-outputs // OUTPUTS) * OUTPUTS).T
    # After the product, not within it: of one and the same two numbers there is one sum.
    return product[:, :outputs] + bias


def _filled(rows: Tensor, length: int) -> Tensor:
    """Rows of zeros below, to a length."""
    missing = length - len(rows)
    return torch.cat([rows, rows.new_zeros(missing, *rows.shape[1:])]) if missing else rows
