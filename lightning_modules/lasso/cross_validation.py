r"""An l1 penalty chosen by how well it predicts rows that were held out.

The path of all rows says which penalties are tried. For each fold the path is taken on the other rows, and the deviance of its
rows is looked at:  D_k(l1) = 2 Σ_{i in fold k} w_i (l_i − least_i) / Σ w_i.  Of the K folds the mean and its standard error,

    D̄ = Σ_k W_k D_k / Σ_k W_k ,     s² = Σ_k W_k (D_k − D̄)² / (Σ_k W_k) / (K − 1) ,

give two choices: the penalty of the least mean, and the largest one whose mean is at most a standard error above that.

Source: T. Hastie, R. Tibshirani and M. Wainwright, Statistical Learning with Sparsity (2015), section 2.3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_modules.lasso.path import penalty_path
from lightning_modules.lasso.penalty import Array
from lightning_modules.lasso.problem import TOLERANCE
from lightning_modules.lasso.sparse_minimum import SparseMinimum
from lightning_modules.objectives import rows_of_each
from lightning_modules.objectives.linear import GLMObjective

# A held-out mean needs fewer digits than an answer.
TOLERANCE_OF_FOLDS = 1e-7


@dataclass(frozen=True, eq=False)
class CrossValidated:
    """The curve of a penalty.

    Attributes:
        path: minimisers on all rows (m), from the largest penalty to the smallest.
        mean: of the deviance of held-out rows, for each penalty (m,).
        standard_error: of that mean (m,).
        best: place of the least mean on the path.
        one_standard_error: place of the largest penalty whose mean is at most a standard error above the least.
    """

    path: tuple[SparseMinimum, ...]
    mean: Array
    standard_error: Array
    best: int
    one_standard_error: int

    @property
    def penalties(self) -> Array:
        """l1 of each (m,)."""
        return np.array([each.l1 for each in self.path])

    @property
    def counts(self) -> list[int]:
        """Features with a coefficient other than 0, of each (m,)."""
        return [len(each.active) for each in self.path]


def cross_validated(
    objective: GLMObjective,
    folds: int = 5,
    *,
    seed: int = 0,
    num: int = 100,
    smallest: float | None = None,
    penalty_weights: Any = None,
    tolerance: float = TOLERANCE,
    max_steps: int = 500,
    progress: Callable[[int, int], None] | None = None,
    groups: Tensor | None = None,
) -> CrossValidated:
    """The path on all rows, and how well each of its penalties predicts rows held out.

    Args:
        objective: the loss on all rows, of all processes; its l2 holds all along.
        folds: K, into how many parts rows are divided: at random, targets of each size alike in each, and alike however many
            processes share the rows.
        seed: of the division.
        num, smallest, penalty_weights, tolerance, max_steps: as `penalty_path` takes them.
        progress: is told how many penalties are done, on all rows and on those of each fold, and of how many.
        groups: whole numbers (n,) of the rows that this process was given: rows of the same one stay together; None = each row
            is by itself.

    Raises:
        ValueError: a number of folds that is none, or more than there are rows, or groups; what `penalty_path` refuses.
    """
    if not isinstance(folds, int) or not 2 <= folds <= objective.num_rows:
        raise ValueError(f"folds={folds!r}: give a whole number from 2 to the number of rows, n_samples = {objective.num_rows}")
    given: dict[str, Any] = {"penalty_weights": penalty_weights, "max_steps": max_steps}
    if progress is not None:
        given["progress"] = _counting(progress, (folds + 1) * num)
    path = penalty_path(objective, num, smallest, tolerance=tolerance, **given)
    if groups is not None and objective.kept is not None:
        groups = groups.to(objective.kept.device)[objective.kept]
    fold_of = own_division(objective, folds, seed, groups)
    deviances, weights = [], []
    for fold in range(folds):
        held = np.flatnonzero(fold_of == fold)
        kept = objective.on_rows(torch.from_numpy(np.flatnonzero(fold_of != fold)))
        own = penalty_path(kept, penalties=[each.l1 for each in path], tolerance=TOLERANCE_OF_FOLDS, **given)
        test = objective.on_rows(torch.from_numpy(held))
        deviances.append([deviance(test, each.theta) for each in own])
        weights.append(float(test.rows.weight))
    of_folds, shares = np.array(deviances), np.array(weights) / sum(weights)
    mean: Array = shares @ of_folds
    error = np.sqrt(shares @ (of_folds - mean) ** 2 / (folds - 1))
    best = int(mean.argmin())
    simple = int(np.flatnonzero(mean <= mean[best] + error[best])[0])
    return CrossValidated(tuple(path), mean, error, best, simple)


def _counting(progress: Callable[[int, int], None], total: int) -> Callable[[], None]:
    """Counts calls."""
    done = count(1)
    return lambda: progress(next(done), total)


def own_division(objective: GLMObjective, folds: int, seed: int, groups: Tensor | None = None) -> NDArray[np.int64]:
    """The fold of each of this process's rows (n,), of which those of the same group (n,) are in the same one."""
    own, reduction = objective.targets, objective.rows.reduction
    counts = rows_of_each(len(own), reduction, own.device)
    begin, known = sum(counts[: reduction.rank]), 1 if groups is None else 2
    every = own.new_zeros(known, sum(counts), dtype=torch.float64)
    every[0, begin : begin + len(own)] = own.reshape(len(own), -1)[:, 0]
    if groups is not None:
        every[1, begin : begin + len(own)] = groups.to(every)
    every = reduction(every)
    if groups is None:
        return division(every[0], folds, seed)[begin : begin + len(own)]
    _, of_row = every[1].unique(return_inverse=True)
    sizes = torch.bincount(of_row).double()
    if len(sizes) < folds:
        raise ValueError(f"folds={folds} of {len(sizes)} groups, whose rows stay together: give fewer folds, l1 as a number")
    means = torch.bincount(of_row, every[0]) / sizes
    return division(means, folds, seed)[of_row.cpu().numpy()][begin : begin + len(own)]


def division(targets: Tensor, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row (n,): of rows in the order of their targets, as many as there are folds go to a fold each."""
    rng, rows = np.random.default_rng(seed), len(targets)
    mixed = rng.permutation(rows)
    first = targets.reshape(rows, -1)[:, 0].cpu().numpy()
    order = mixed[np.argsort(first[mixed], kind="stable")]
    fold_of = np.empty(rows, np.int64)
    for begin in range(0, rows, folds):
        part = order[begin : begin + folds]
        fold_of[part] = rng.permutation(folds)[: len(part)]
    return fold_of


def deviance(objective: GLMObjective, theta: Tensor) -> float:
    """Twice what the mean loss of rows at θ (p,) is above the least that it could be."""
    glm, family = objective.glm, objective.family
    least = glm.rows.sum_of_targets(lambda y: glm.weights_of(y)[:, 0] * family.least_loss(glm.own_targets(y)).double())
    return 2 * (float(objective.value(theta)) - float(glm.mean(least)))
