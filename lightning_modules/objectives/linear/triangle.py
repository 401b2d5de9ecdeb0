r"""The triangular factor R of a tall matrix, AᵀA = RᵀR, from its rows in blocks and on several processes.

    [R; A_block] = Q R⁺         block after block, then once more over the factors of all processes

AᵀA itself would square the condition number: of its digits half would be lost. Every factor errs by a few ε of the norms of
A's columns, whatever their scales.

Source: J. Demmel, L. Grigori, M. Hoemmen and J. Langou, Communication-optimal parallel and sequential QR and LU
factorizations (2012), section 3.
"""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor

from lightning_modules.objectives.reduction import Reduction, of_each_process

# Blocks are gathered up to so many rows for each column, so that what is factorised is mostly new.
ROWS_PER_COLUMN = 4


def triangle(blocks: Iterable[Tensor], like: Tensor, num_rows: int, reduction: Reduction) -> Tensor:
    """R (min(num_rows, width), width), the same bytes on every process.

    Args:
        blocks: A's rows (…, width) that this process holds, in float64.
        like: no rows of A, (0, width): where nothing is held, so much is known.
        num_rows: of A, over all processes.
        reduction: sums over processes.
    """
    width = like.shape[1]
    waiting = [like]
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= ROWS_PER_COLUMN * width:
            waiting = [factor(*waiting)]
    own = factor(*waiting)
    if reduction.num_processes > 1:
        padded = own.new_zeros(min(num_rows, width), width)
        padded[: len(own)] = own
        own = factor(*of_each_process(padded, reduction))
        own = of_each_process(own, reduction)[0]  # another machine may have rounded otherwise
    return own[: min(num_rows, width)]


def factor(*parts: Tensor) -> Tensor:
    """R of the parts below one another, in one piece."""
    return cast(Tensor, torch.linalg.qr(torch.cat(parts), mode="r").R)
