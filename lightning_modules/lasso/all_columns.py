"""Sums over rows that concern all columns, or some of them, where predictors come from all or from others."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_modules.lasso.penalty import Array
from lightning_modules.objectives.curvature import Kind
from lightning_modules.objectives.families import Family
from lightning_modules.objectives.linear import GLMObjective
from lightning_modules.objectives.linear.glm_point import GLMPoint
from lightning_modules.objectives.linear.layout import Layout
from lightning_modules.objectives.linear.predictors import Add


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
        weights.addmm_(flat[begin : begin + len(x)].T, x)
        begin += len(x)
    parts = [weights.view(many, -1)]
    if glm.layout.has_bias:
        parts.append(flat.sum(0).view(many, outputs))
    found: Array = glm.mean(torch.cat(parts, 1)).cpu().numpy()
    return found


def moments(objective: GLMObjective) -> tuple[Tensor, Tensor]:
    """The mean of every feature and of its square over all rows, as often as they count: both (d,) in float64."""
    glm = objective.glm
    sums = torch.zeros(2, glm.rows.num_features, dtype=torch.float64, device=glm.rows.device)
    for x, y in glm.rows.chunks(torch.float64):
        weights = glm.weights_of(y)[:, 0]
        sums[0] += weights @ x
        sums[1] += weights @ x.square()
    mean, square = glm.mean(sums)
    return mean, square


def root_mean_squares(objective: GLMObjective) -> Array:
    """Of every column of (x, 1) over all rows, as often as they count, laid out as θ (p,); 1 for a column of zeros."""
    _, mean = moments(objective)
    each = torch.where(mean > 0, mean, 1.0).sqrt().cpu()
    layout = objective.layout
    each = torch.cat([each, each.new_ones(int(layout.has_bias))])
    by_output = each.repeat(layout.num_outputs)[layout.by_layout(each.device)]
    found: Array = by_output.numpy()
    return found


def rows_of_point(point: GLMPoint) -> tuple[Tensor, Tensor]:
    """Predictors of this process's rows and the loss's slopes there, both (n, K)."""
    family, found = point.glm.family, []
    for _, y, z in point.predictors.chunks():
        found.append(torch.stack([z, family.gradient(z, y)]))
    if not found:
        empty = point.theta.new_empty(2, 0, family.num_outputs)
        return empty[0], empty[1]
    together = torch.cat(found, 1)
    return together[0], together[1]


def curvature_on(point: GLMPoint, columns: NDArray[np.int64], kind: Kind) -> Array:
    """The curvature at a point of the features at some places (m,) and of the biases, laid out as θ of these alone."""
    glm = point.glm
    few = Layout(glm.family.num_outputs, len(columns), glm.layout.has_bias)
    if len(columns) == glm.layout.num_features:
        return _held(glm.family, few, point.curvature(kind).matrix())
    family = glm.family if kind == "hessian" else glm.family.expected
    places = torch.from_numpy(columns).to(point.theta.device)
    outputs, width = few.num_outputs, few.width

    def adding_to(blocks: Tensor) -> Add:
        def add(x: Tensor, y: Tensor, z: Tensor) -> None:
            extended = x.new_ones(len(x), width)
            extended[:, : len(places)] = x[:, places]
            curvature = family.curvature(z, y)
            for j in range(outputs):
                for k in range(j + 1):
                    blocks[j, k].addmm_((extended * curvature[:, j, k, None]).T, extended)

        return add

    blocks = point.predictors.mean_of((outputs, outputs, width, width), adding_to, is_wide=True)
    for j in range(outputs):
        for k in range(j):
            blocks[k, j] = blocks[j, k]
    order = few.by_layout(blocks.device)
    return _held(family, few, blocks.transpose(1, 2).reshape(outputs * width, outputs * width)[order][:, order])


def _held(family: Family, layout: Layout, matrix: Tensor) -> Array:
    """A curvature (p, p) that is regular also along the common shift of biases, which changes no loss of classes."""
    found: Array = matrix.double().cpu().numpy().copy()
    if family.shift_invariant and layout.has_bias:
        biases = found[-layout.num_outputs :, -layout.num_outputs :]
        biases += np.trace(biases) / layout.num_outputs**2
    return found


def mean_curvature(point: GLMPoint) -> float:
    """The mean over rows and outputs of ∂²l/∂z² at a point, above 0."""
    glm, total = point.glm, torch.zeros((), dtype=torch.float64, device=point.glm.rows.device)
    for _, y, z in point.predictors.chunks():
        total = total + glm.family.curvature_diagonal(z, y).sum()
    return max(float(glm.mean(total)) / glm.family.num_outputs, float(np.finfo(float).tiny))
