r"""Lengths of rows after a linear map, of rows that are numbers, codes and a constant.

    ‖ x h + Σ_c t_c + t_0 ‖² ,      t_c the part of the row's level of code c, t_0 the constant one

is a sum of inner products of what a row adds up, each of which is known for all levels beforehand: none is made for each row.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_modules.objectives.level_code import LevelCode


def squared_lengths(numbers: Tensor, half: Tensor, codes: Sequence[LevelCode], x: Tensor, mapped: Tensor) -> Tensor:
    """Of each row (m,), at least: rounding is added, since the parts may be longer than their sum.

    Args:
        numbers: x (m, q).
        half: h (q, r).
        codes: the columns of codes.
        x: the rows as they are stored.
        mapped: of each feature and, if there is one, of the constant: (d, r) or (d + 1, r).
    """
    features = sum(len(code.factor) for code in codes) + len(half)
    constant = mapped[features:].sum(0)
    parts = []
    for code in codes:
        factor, shift = code.on(half)
        own = mapped[code.features]
        constant = constant - own.T @ shift
        parts.append(torch.cat([own.new_zeros(1, own.shape[1]), factor[:, None] * own]))
    levels = [code.of(x) for code in codes]
    squares = (numbers @ (half @ half.T) * numbers).sum(1) + constant @ constant + 2 * (numbers @ (half @ constant))
    sizes = numbers.abs() @ half.norm(dim=1) + constant.norm()
    for number, (part, own) in enumerate(zip(parts, levels, strict=True)):
        alone = part.square().sum(1) + 2 * (part @ constant)
        squares += alone.index_select(0, own) + 2 * (numbers * (part @ half.T).index_select(0, own)).sum(1)
        sizes += part.norm(dim=1).index_select(0, own)
        for other, theirs in zip(parts[:number], levels[:number], strict=True):
            squares += 2 * (part @ other.T).flatten().index_select(0, own * len(other) + theirs)
    terms = half.shape[1] + 4 * (len(half) + len(codes) + 1) ** 2
    return squares.clamp(min=0) + terms * torch.finfo(half.dtype).eps * sizes.square()
