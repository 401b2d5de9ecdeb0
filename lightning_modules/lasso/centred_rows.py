r"""Rows whose columns are shifted to where they spread, so that no digit is lost to where they are.

    z = W x + b = W (x − m) + (b + W m)

Of a column of 2000 ± 3 sums over rows keep three digits less than they could, and of 10⁹ ± 1 hardly any. The weights, which are
what is penalised, are the same for shifted columns.
"""

from dataclasses import replace

import torch
from torch import Tensor

from lightning_modules.lasso.all_columns import Moments
from lightning_modules.lasso.penalty import Array
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.linear.layout import Layout
from lightning_modules.objectives.linear.rows import Rows

# Up to so many spreads from 0 a column stays where it is.
FAR = 100.0


class CentredRows(Rows):
    """The same rows, of which each chunk is shifted when it is read.

    Args:
        rows: as they are.
        centre: m (d,).
    """

    def __init__(self, rows: Rows, centre: Tensor) -> None:
        terms = rows.terms_of_rows
        super().__init__(
            rows.features,
            rows.targets,
            rows.reduction,
            num_outputs=rows.num_outputs,
            terms=terms,
            has_constant=rows.has_constant,
            columns=rows.columns,
        )
        self.centre = centre

    def chunk(self, number: int) -> tuple[Tensor, Tensor]:
        x, y = super().chunk(number)
        return self.columns.shifted(x.double(), self.centre), y

    def every_kth(self, k: int) -> Rows:
        return CentredRows(super().every_kth(k), self.centre)

    def of(self, rows: Tensor | slice = slice(None), columns: Tensor | slice = slice(None)) -> Rows:
        found = super().of(rows, columns)
        found.features = found.columns.shifted(found.features.double(), self.centre[columns].to(found.features.device))
        return found


def centred(objective: GLMObjective, known: Moments) -> tuple[GLMObjective, Tensor | None]:
    """The loss on shifted columns, and by how much (d,); as it is, and None, without a bias or a column far from 0.

    Args:
        objective: the loss.
        known: what its columns are like.
    """
    if not objective.layout.has_bias or not objective.num_features:
        return objective, None
    mean, square = known.mean, known.square
    is_far = objective.rows.columns.are_numbers(mean.device) & (mean**2 > FAR**2 * (square - mean**2))
    if not is_far.any():
        return objective, None
    centre = torch.where(is_far, mean, 0.0)
    return objective._on(replace(objective.glm, rows=CentredRows(objective.rows, centre))), centre


def moved_bias(theta: Array, centre: Tensor | None, layout: Layout, back: bool = False) -> Array:
    """θ (p,) of shifted columns: b + W m; or back to that of columns as they are. A copy."""
    theta = theta.copy()
    if centre is not None:
        weight, bias = layout.split(torch.from_numpy(theta))
        shift = weight @ centre.to(weight)
        bias += -shift if back else shift
    return theta
