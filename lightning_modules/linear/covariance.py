r"""The covariance of estimated coefficients, as a half B of it: Cov θ̂ = B Bᵀ.

    observed     φ (n H)⁻¹                        H = ∇²f, of the mean loss f without penalty
    expected     φ (n I)⁻¹                        I the expected information: H itself, if the link is canonical
    HC0          H⁻¹ (Σ_i w_i s_i s_iᵀ) H⁻¹ / n²     s_i = ∂l_i/∂θ: right also where the variance is not what the family says
    HC1          HC0 · n / (n − p)
    HC2, HC3     s_i divided by √(1 − h_i), and by 1 − h_i,      h_i the leverage of a row, by the expected information
    cluster      the sums of s_i over clusters in their place, times  G/(G − 1) (n − 1)/(n − p)  for G clusters

p parameters, n = Σ w_i rows. A dispersion α of counts that is estimated too is one of them (`joint_dispersion.py`): but for
"expected" the errors of θ count that α is not known. Of Firth's penalised likelihood "observed" is the information of the
augmented data (`firth_information.py`), and "expected" the Fisher information. All come from a triangular root of H, and from
the triangle of the rows R⁻ᵀ s_i, which keep twice the digits that H⁻¹ and the middle would.

Sources: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), section 2.5; J. MacKinnon and H. White, Some
heteroskedasticity-consistent covariance matrix estimators (1985); A. Zeileis, Object-oriented computation of sandwich
estimators (2006).
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, get_args

import torch
from torch import Tensor

from lightning_modules.linear.dispersion import dispersion
from lightning_modules.linear.firth_information import augmented_half
from lightning_modules.linear.groups_of_trials import are_groups
from lightning_modules.linear.joint_dispersion import JointDispersion, joint_dispersion
from lightning_modules.linear.reduced_scores import reduced
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.linear import FirthObjective, Predictors, Root, root, triangle
from lightning_modules.objectives.reduction import of_each_process
from lightning_modules.optimizers import SingularCurvatureError

# Below it 1 − h is rounding.
LEAST_LEFT = 1e-8
Covariance = Literal["observed", "expected", "HC0", "HC1", "HC2", "HC3", "cluster"]


class UnitLeverageError(ValueError):
    """A row decides alone on its own prediction, so that its residual says nothing of the noise."""


class OneClusterError(ValueError):
    """All rows that count are of one cluster, so that nothing is known of how clusters differ."""


def half_of_covariance(
    objective: GLMObjective, theta: Tensor, kind: Covariance = "observed", clusters: Tensor | None = None
) -> Tensor:
    """B (p, m), ordered output by output, each with its bias last; of any one of the inverses modulo directions that change
    nothing.

    Args:
        objective: the loss over all rows, without penalty.
        theta: its minimiser (p,).
        kind: as above.
        clusters: for "cluster", the one of each of this process's rows: whole numbers from 0 (n,), on every process the same.

    Raises:
        ValueError: no such kind; "cluster" without clusters; leverages of several outputs; nothing left to tell the noise by.
        ConstantTargetError: a target is the same in every row, so that there is no noise.
        OneClusterError: for "cluster".
        UnitLeverageError: a row has leverage 1, for "HC2" and "HC3".
        SingularCurvatureError: it is not proved that there is a minimiser near θ, and no other.
    """
    if kind not in get_args(Covariance):
        raise ValueError(f"covariance={kind!r}: use one of {', '.join(get_args(Covariance))}")
    point = objective.at_full_precision(theta)
    if point.root is None or not objective.attains_minimum(point.theta, point.decrement, None):
        if (fact := objective.degeneracy(point.theta)) is not None:
            raise SingularCurvatureError(f"the coefficients are not determined by the data: {fact.message}")
        raise SingularCurvatureError(
            f"the coefficients are not determined by the data: the {len(theta)} × {len(theta)} curvature matrix is singular to "
            "working precision, or θ is not near a minimiser; remove redundant features"
        )
    rows = float(objective.rows.weight)
    if kind == "observed" and isinstance(objective, FirthObjective):
        return augmented_half(objective, point.predictors, point.root)
    alpha = None if kind == "expected" else joint_dispersion(objective, point.predictors, point.root)
    if kind in ("observed", "expected"):
        found = point.root if kind == "observed" else _expected_root(objective, point.theta)
        scaled = found.scale[:, None] * found.inverse / math.sqrt(rows)
        if alpha is not None:
            of_alpha = found.scale * (found.inverse @ alpha.cross) / (rows * math.sqrt(alpha.left))
            scaled = torch.cat([scaled, of_alpha[:, None]], 1)
        return scaled * dispersion(objective, theta).sqrt().repeat_interleave(objective.layout.width)[:, None]
    size = len(theta) + (alpha is not None)
    rows_seen = float(objective.num_rows) if are_groups(objective) else rows
    if kind == "cluster":
        middle, factor = _of_clusters(objective, point.predictors, point.root, clusters, alpha, size)
    else:
        middle = _of_rows(objective, point.predictors, point.root, kind, alpha)
        factor = rows_seen / (rows_seen - size) if kind == "HC1" else 1.0
    return (point.root.scale[:, None] * (point.root.inverse @ middle.T)) * (math.sqrt(factor) / rows)


def _expected_root(objective: GLMObjective, theta: Tensor) -> Root:
    glm = replace(objective.glm, family=objective.glm.family.expected)
    found = root(Predictors(glm, theta), objective.at(theta).curvature("ggn").matrix())
    if found is None:
        raise SingularCurvatureError("the expected information is singular to working precision: remove redundant features")
    return found


def _of_rows(objective: GLMObjective, predictors: Predictors, root: Root, kind: str, alpha: JointDispersion | None) -> Tensor:
    """The triangle of √w_i R⁻ᵀ s_i, divided by what the kind says: (m, p)."""
    outputs, rows = objective.family.num_outputs, float(objective.rows.weight)
    has_leverage = kind in ("HC2", "HC3")
    if has_leverage and outputs > 1:
        raise ValueError(f"covariance={kind!r} takes the leverage of a row, which is of one output: use HC0 or HC1")
    glm, reduction = objective.glm, objective.rows.reduction
    expected, least, is_grouped = glm.family.expected, root.scale.new_ones(()), are_groups(objective)
    for_leverage = _expected_root(objective, predictors.theta) if has_leverage else root

    def blocks() -> Iterator[Tensor]:
        nonlocal least
        for x, y, z in predictors.pieces():
            weights, extended = glm.weights_of(y), glm.rows.extended(x)
            # What the family gives is w times the row's own; of a group it is the group's.
            weights = torch.ones_like(weights) if is_grouped else weights
            scores = reduced(root, glm.family.gradient(z, y) / weights.sqrt(), extended)
            if alpha is not None:
                scores = alpha.without_alpha(scores, glm.moved(z, y), glm.own_targets(y), weights.sqrt())
            if has_leverage:
                own = reduced(for_leverage, (expected.curvature_diagonal(z, y) / weights).sqrt(), extended)
                left = 1 - own.square().sum(1, keepdim=True) / rows
                least = torch.minimum(least, left.amin()) if len(left) else least
                left = left.clamp(min=LEAST_LEFT)
                scores = scores / (left.sqrt() if kind == "HC2" else left)
            yield scores

    found = triangle(blocks(), root.scale.new_empty(0, len(root.scale)), objective.num_rows, reduction)
    # Asked when all rows have been seen, so that no process waits for one that has stopped.
    if float(of_each_process(least, reduction).min()) < LEAST_LEFT:
        raise UnitLeverageError(
            f"covariance={kind!r} divides by 1 − leverage, and a row has leverage 1, as one with an indicator of its own has: "
            "use HC0 or HC1, or leave that feature out"
        )
    return found


def _of_clusters(
    objective: GLMObjective,
    predictors: Predictors,
    root: Root,
    clusters: Tensor | None,
    alpha: JointDispersion | None,
    size: int,
) -> tuple[Tensor, float]:
    """The sums of R⁻ᵀ s_i over clusters (G, p), and what their covariance is multiplied by."""
    clusters = _codes(objective, clusters)
    glm, reduction = objective.glm, objective.rows.reduction
    largest = clusters.max() if len(clusters) else clusters.new_zeros(())
    count = int(of_each_process(largest, reduction).max()) + 1
    sums = root.scale.new_zeros(count, len(root.scale))
    start = 0
    for x, y, z in predictors.pieces():
        own = clusters[start : start + len(x)]
        scores = reduced(root, glm.family.gradient(z, y), glm.rows.extended(x))
        if alpha is not None:
            scores = alpha.without_alpha(scores, glm.moved(z, y), glm.own_targets(y), glm.weights_of(y))
        sums.index_add_(0, own, scores)
        start += len(x)
    sums = reduction(sums)
    groups = int((sums != 0).any(1).sum())
    rows = float(objective.num_rows if are_groups(objective) else objective.rows.weight)
    if groups < 2:
        raise OneClusterError("covariance='cluster' takes at least two clusters, and all rows are of one: use HC1, say")
    return sums, groups / (groups - 1) * (rows - 1) / (rows - size)


def num_clusters(objective: GLMObjective, clusters: Tensor) -> int:
    """How many there are over all processes, of rows that count."""
    codes, reduction = _codes(objective, clusters), objective.rows.reduction
    own = codes.max() + 1 if len(codes) else codes.new_zeros(())
    count = int(of_each_process(own.double()[None], reduction).amax())
    return int((reduction(torch.bincount(codes, minlength=count).double()) > 0).sum())


def _codes(objective: GLMObjective, clusters: Tensor | None) -> Tensor:
    """The clusters of the rows that count (n,), as they were given of all."""
    given = objective.num_given
    if not isinstance(clusters, Tensor) or clusters.shape != (given,) or clusters.is_floating_point():
        raise ValueError(
            f"covariance='cluster' takes the cluster of each row: give clusters of shape ({given},), whole numbers from 0 in a "
            "tensor, torch.from_numpy(np.unique(names, return_inverse=True)[1]) for example"
        )
    return (clusters if objective.kept is None else clusters[objective.kept.to(clusters.device)]).long()
