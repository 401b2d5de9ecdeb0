"""Sums over rows that concern all columns, or some of them, where predictors come from all or from others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_modules.lasso.penalty import Array
from lightning_modules.objectives.families import Family
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.linear import GLMObjective
from lightning_modules.objectives.linear.glm_point import GLMPoint
from lightning_modules.objectives.linear.layout import Layout
from lightning_modules.objectives.linear.predictors import CHUNKS_PER_THREAD, Add
from lightning_modules.objectives.linear.rows import Rows
from lightning_modules.objectives.shared_work import shared

# Along what changes no loss, beside the curvature of its parameters.
BEND = 1e-6


def pulled_back(objective: GLMObjective, slopes: Tensor) -> Array:
    """The mean over all rows of s_i ⊗ (x_i, 1), laid out as θ: slopes of this process's rows (m, n, K) -> (m, p).

    Several of them take one reading of the rows.
    """
    glm = objective.glm
    many, rows, outputs = slopes.shape
    flat = slopes.permute(1, 0, 2).reshape(rows, many * outputs)

    def add(total: Tensor, x: Tensor, y: Tensor, s: Tensor) -> None:
        glm.rows.columns.add_transposed(total, s, x)

    weights = _summed(glm.rows, flat, many * outputs, add)
    parts = [weights.view(many, -1)]
    if glm.layout.has_bias:
        parts.append(flat.sum(0).view(many, outputs))
    found: Array = glm.mean(torch.cat(parts, 1)).double().cpu().numpy()
    return found


@dataclass(frozen=True)
class Moments:
    """What columns are like, over all rows, as often as they count.

    Attributes:
        mean: of every feature (d,), in float64.
        square: the mean of its square (d,).
    """

    mean: Tensor
    square: Tensor

    def lengths(self, layout: Layout) -> Array:
        """Root mean squares of (x, 1), laid out as θ (p,); 1 for a column of zeros."""
        each = torch.where(self.square > 0, self.square, 1.0).sqrt().cpu()
        each = torch.cat([each, each.new_ones(int(layout.has_bias))])
        found: Array = each.repeat(layout.num_outputs)[layout.by_layout(each.device)].numpy()
        return found


def moments(objective: GLMObjective) -> Moments:
    """Of the columns of all rows."""
    none = torch.empty(len(objective.rows.features), 0, dtype=torch.float64, device=objective.rows.device)
    return first_look(objective, none)[1]


def first_look(objective: GLMObjective, slopes: Tensor) -> tuple[Array, Moments]:
    """By one reading of the rows what slopes (n, K) are pulled back to (p,), and what the columns are like."""
    glm, outputs, d = objective.glm, slopes.shape[1], objective.num_features

    def add(total: Tensor, x: Tensor, y: Tensor, s: Tensor) -> None:
        weights = glm.weights_of(y).to(x)
        glm.rows.columns.add_transposed(total[:-1], torch.cat([s, weights], 1), x)
        glm.rows.columns.add_transposed_squares(total[-1:], weights, x)

    sums = _summed(glm.rows, slopes.double(), outputs + 2, add)
    biases = slopes.double().sum(0) if glm.layout.has_bias else slopes.new_empty(0, dtype=torch.float64)
    means = glm.mean(torch.cat([sums.flatten(), biases]))
    table = means[: sums.numel()].view(outputs + 2, d)
    gradient: Array = torch.cat([table[:outputs].flatten(), means[sums.numel() :]]).cpu().numpy()
    return gradient, Moments(table[-2], table[-1])


def _summed(rows: Rows, aligned: Tensor, height: int, add: Callable[[Tensor, Tensor, Tensor, Tensor], None]) -> Tensor:
    """A sum (height, d) over this process's rows, the cores of a processor sharing the chunks.

    Args:
        rows: of one process.
        aligned: a row of numbers for each of them (n, m), in whose type is computed.
        height: of the sum.
        add: adds in place to a sum what some rows give: features, targets, and the rows of `aligned`.
    """
    threads = torch.get_num_threads() if rows.device.type == "cpu" else 1
    parts = threads if rows.num_chunks >= CHUNKS_PER_THREAD * threads else 1

    def of_part(part: int) -> Tensor:
        total = aligned.new_zeros(height, rows.num_features)
        for number in range(part, rows.num_chunks, parts):
            x, y = rows.chunk(number)
            beside = aligned[number * rows.chunk_rows :][: len(x)]
            for some, targets, numbers in rows.pieces(x, y, beside) if x.dtype != aligned.dtype else [(x, y, beside)]:
                add(total, some.to(aligned.dtype), targets, numbers)
        return total

    total, *others = shared(of_part, parts)
    for other in others:
        total += other
    return total


def rows_at(point: GLMPoint) -> Iterator[tuple[Tensor, Tensor]]:
    """Targets and predictors of this process's rows at a point, some at a time; features are read only where predictors are
    not known."""
    predictors, rows = point.predictors, point.glm.rows
    if (known := predictors.known) is None:
        yield from ((y, z) for _, y, z in predictors.chunks())
        return
    begin = 0
    for y in rows.terms_of_rows.pieces_beside(rows.targets) if len(rows.targets) else ():
        yield y, known[begin : begin + len(y)]
        begin += len(y)


def rows_of_point(point: GLMPoint) -> tuple[Tensor, Tensor]:
    """Predictors of this process's rows and the loss's slopes there, both (n, K)."""
    family, found = point.glm.family, []
    for y, z in rows_at(point):
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
            for stored, curvature in glm.rows.pieces(x, family.curvature(z, y)):
                extended = x.new_ones(len(stored), width)
                extended[:, : len(places)] = glm.rows.columns.expanded(stored)[:, places]
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
    """A curvature (p, p) that is regular also along common shifts, which change no loss of classes.

    Along that of biases nothing else changes either; along those of a feature's weights the penalty does, so that there it is
    bent as little as a factorisation needs: a step goes as far as the penalty says, and where steps end is the same.
    """
    found: Array = matrix.double().cpu().numpy().copy()
    outputs, d = layout.num_outputs, layout.num_features
    if not family.shift_invariant:
        return found
    if layout.has_bias:
        biases = found[-outputs:, -outputs:]
        biases += np.trace(biases) / outputs**2
    feature, bend = np.arange(d), BEND * found.diagonal()[: outputs * d].reshape(outputs, d).mean(0)
    for j in range(outputs):
        for k in range(outputs):
            found[j * d + feature, k * d + feature] += bend
    return found


def mean_curvature(point: GLMPoint) -> float:
    """The mean over rows and outputs of ∂²l/∂z² at a point, above 0."""
    glm, total = point.glm, torch.zeros((), dtype=torch.float64, device=point.glm.rows.device)
    for y, z in rows_at(point):
        total = total + glm.family.curvature_diagonal(z, y).sum()
    return max(float(glm.mean(total)) / glm.family.num_outputs, float(np.finfo(float).tiny))
