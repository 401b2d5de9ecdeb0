"""Sums over rows that concern all columns, where predictors come from some of them."""

import torch
from torch import Tensor

from lightning_modules.lasso.penalty import Array
from lightning_modules.objectives.linear import GLMObjective


def pulled_back(objective: GLMObjective, slopes: Tensor) -> Array:
    """The mean over all rows of s_i ⊗ (x_i, 1), laid out as θ: slopes of this process's rows (m, n, K) -> (m, p).

    Several of them take one reading of the rows.
    """
    glm = objective.glm
    many, rows, outputs = slopes.shape
    flat = slopes.permute(1, 0, 2).reshape(rows, many * outputs)
    weights = flat.new_zeros(many * outputs, glm.rows.num_features)
    begin = 0
    for x, _ in glm.rows.chunks(flat.dtype):
        glm.rows.columns.add_transposed(weights, flat[begin : begin + len(x)], x)
        begin += len(x)
    parts = [weights.view(many, -1)]
    if glm.layout.has_bias:
        parts.append(flat.sum(0).view(many, outputs))
    found: Array = glm.mean(torch.cat(parts, 1)).cpu().numpy()
    return found


def root_mean_squares(objective: GLMObjective) -> Array:
    """Of every column of (x, 1) over all rows, as often as they count, laid out as θ (p,); 1 for a column of zeros."""
    glm = objective.glm
    squares = torch.zeros(glm.rows.num_columns, dtype=torch.float64, device=glm.rows.device)
    d = glm.rows.num_features
    for x, y in glm.rows.chunks(torch.float64):
        weights = glm.weights_of(y)
        glm.rows.columns.add_transposed_squares(squares[None, :d], weights, x)
        squares[d:] += weights.sum()
    mean = glm.mean(squares)
    each = torch.where(mean > 0, mean, 1.0).sqrt().cpu()
    layout = glm.layout
    by_output = each.repeat(layout.num_outputs)[layout.by_layout(each.device)]
    found: Array = by_output.numpy()
    return found


def rows_of_point(objective: GLMObjective, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Predictors of this process's rows and the loss's slopes there, both (n, K), of an objective on few columns."""
    family, found = objective.glm.family, []
    for _, y, z in objective.at(theta).predictors.chunks():
        found.append(torch.stack([z, family.gradient(z, y)]))
    if not found:
        empty = theta.new_empty(2, 0, family.num_outputs)
        return empty[0], empty[1]
    together = torch.cat(found, 1)
    return together[0], together[1]
