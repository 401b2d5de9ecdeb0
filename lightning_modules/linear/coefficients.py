r"""How sure a fitted generalised linear model is of its coefficients.

    Cov θ̂ = φ (n H)⁻¹,      H = ∇²f(θ̂) of the mean loss f without penalty
    φ = 1 for Bernoulli and categorical targets,  φ_k = ‖y_k − Xw_k − b_k‖² / (n − d − 1) for the k-th real target

    z = θ̂_j / s_j,   p = P(|Z| ≥ |z|),   interval θ̂_j ± q s_j,      s = √diag Cov

with Z Student's t of n − d − 1 degrees of freedom for least squares, else normal. Of the categorical model, whose classes'
coefficients are determined only up to a common shift, the differences from the first class are given.

A penalty pulls θ̂ towards 0 by more than its noise: of a penalised model there are estimates and nothing else. Where the model
saw scaled features, all is told twice: as it saw them, and in units of their own (`own_units.py`).

Source: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), sections 2.5 and 4.4.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from scipy import stats
from torch import Tensor

from lightning_modules.linear.own_units import Scaling
from lightning_modules.objectives import GLMObjective, pieces
from lightning_modules.objectives.families import Categorical, Gaussian
from lightning_modules.solvers import SingularCurvatureError

# Deviations that are no larger beside the targets are rounding.
ROUNDING = 1e-14


class ConstantTargetError(ValueError):
    """A target is the same in every row: what is left of it is rounding, and no noise to tell standard errors by."""


@dataclass(frozen=True)
class Coefficient:
    """One coefficient, per unit of its feature as the model saw it: per standard deviation where features are scaled.

    Attributes:
        name: of the feature, or "intercept"; after that of the class or target where there are several.
        estimate: θ̂_j.
        standard_error: s_j; None under a penalty, like the next three.
        low, high: ends of the confidence interval.
        p_value: of the hypothesis that it is 0.
        own_units: the same per unit of the feature before it was scaled; None where it was not.
    """

    name: str
    estimate: float
    standard_error: float | None
    low: float | None
    high: float | None
    p_value: float | None
    own_units: "Coefficient | None" = None


def coefficients(
    objective: GLMObjective,
    theta: Tensor,
    feature_names: Sequence[str],
    output_names: Sequence[str] = (),
    level: float = 0.95,
    scaling: tuple[Any, Any] | None = None,
    has_errors: bool = True,
) -> list[Coefficient]:
    """Every coefficient with its uncertainty, output by output, the intercept last.

    Args:
        objective: the loss over all training rows.
        theta: its minimiser (p,); under a penalty this is not checked.
        feature_names: d names.
        output_names: of the classes, or of the targets where there are several.
        level: of the confidence intervals, in (0, 1).
        scaling: what was subtracted from the features (d,), and what they were divided by after that (d,), as arrays or
            tensors; None = they are as they were.
        has_errors: whether all of them are estimated, so that errors mean something.

    Raises:
        ValueError: no penalty, and no more rows than coefficients of a target; a level out of its range; a scaling that is
            none of d features.
        ConstantTargetError: a target is the same in every row, without penalty.
        SingularCurvatureError: the coefficients are not determined by the data, without penalty.
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level}: the level of a confidence interval lies in (0, 1), 0.95 for example")
    undone = None if scaling is None else Scaling(*scaling, objective.num_features, theta.device)
    estimates = theta.double()[objective.layout.by_layout(theta.device).argsort()]
    half = None if objective.l2 > 0 or not has_errors else _half_of_covariance(objective, theta)
    if isinstance(objective.family, Categorical):
        outputs = objective.family.num_outputs
        estimates = _differences(estimates, outputs)
        half = None if half is None else _differences(half, outputs)
        output_names = [f"{name} − {output_names[0]}" for name in output_names[1:]] if output_names else ()
    size = objective.num_features + 1
    names = _names(feature_names, output_names, len(estimates) // size)
    is_gaussian = isinstance(objective.family, Gaussian)
    distribution = stats.t(objective.num_rows - size) if is_gaussian and half is not None else stats.norm()
    found = _told(names, estimates, half, distribution, level)
    if undone is None or undone.is_none:
        return found
    own = _told(names, undone.undo(estimates), None if half is None else undone.undo(half), distribution, level)
    return [replace(seen, own_units=unscaled) for seen, unscaled in zip(found, own, strict=True)]


def _told(names: list[str], estimates: Tensor, half: Tensor | None, distribution: Any, level: float) -> list[Coefficient]:
    """Estimates (m,) with what a half (m, p) of their covariance says of them; None = nothing."""
    if half is None:
        return [Coefficient(name, value, None, None, None, None) for name, value in zip(names, estimates.tolist(), strict=True)]
    errors = _lengths(half)
    quantile = float(distribution.ppf((1 + level) / 2))
    tails = 2 * distribution.sf((estimates / errors).abs().cpu().numpy())
    return [
        Coefficient(name, value, error, value - quantile * error, value + quantile * error, float(tail))
        for name, value, error, tail in zip(names, estimates.tolist(), errors.tolist(), tails, strict=True)
    ]


def _differences(rows: Tensor, outputs: int) -> Tensor:
    """θ_k − θ_0 for k = 1, …, K − 1, in which the common shift cancels: (K (d + 1), …) -> ((K − 1)(d + 1), …)."""
    by_output = rows.unflatten(0, (outputs, -1))
    return (by_output[1:] - by_output[:1]).flatten(0, 1)


def _half_of_covariance(objective: GLMObjective, theta: Tensor) -> Tensor:
    """√φ Z / √n (p, p), output by output; the errors are those of `coefficients`."""
    half = _half_of_inverse(objective, theta) / math.sqrt(objective.num_rows)
    if not isinstance(objective.family, Gaussian):
        return half
    size = objective.num_features + 1
    freedom = objective.num_rows - size
    if freedom < 1:
        raise ValueError(f"{objective.num_rows} rows for {size} coefficients leave nothing to tell the noise by: add rows")
    if bool(_is_constant(objective).any()):
        raise ConstantTargetError("a target is the same in every row, so that there is no noise to tell standard errors by")
    noise = _residuals(objective, theta) / freedom
    return half * noise.sqrt().repeat_interleave(size)[:, None]


def _half_of_inverse(objective: GLMObjective, theta: Tensor) -> Tensor:
    """Z (p, p) with ZZᵀ = H⁻¹, output by output; of any one of the inverses modulo directions that change nothing.

    It comes from a root of H, which keeps twice the digits that H⁻¹ would, see `root.py`.

    Raises:
        SingularCurvatureError: it is not proved that there is a minimiser near θ, and no other.
    """
    point = objective.at_full_precision(theta)
    if point.root is None or not objective.attains_minimum(point.theta, point.decrement, None):
        raise SingularCurvatureError(
            f"the coefficients are not determined by the data: the {len(theta)} × {len(theta)} curvature matrix is singular to "
            "working precision, or θ is not near a minimiser; remove redundant features"
        )
    return point.root.scale[:, None] * point.root.inverse


def _lengths(half: Tensor) -> Tensor:
    """Of the rows, whatever their units: (m, p) -> (m,)."""
    largest = half.abs().amax(1, keepdim=True)
    return (largest * (half / largest).norm(dim=1, keepdim=True))[:, 0]


def _residuals(objective: GLMObjective, theta: Tensor) -> Tensor:
    """Sums of squared residuals by target (K,), over all processes."""
    sums = theta.new_zeros(objective.family.num_outputs, dtype=torch.float64)
    for _, y, z in objective.at(theta.double()).predictors.chunks():
        sums += (y - z).square().sum(0)
    return objective.rows.reduction(sums)


def _is_constant(objective: GLMObjective) -> Tensor:
    """Whether each target is the same in every row of all processes (K,)."""
    reduction = objective.rows.reduction

    def summed(of: Callable[[Tensor], Tensor]) -> Tensor:
        return reduction(torch.stack([of(y.double()).sum(0) for (y,) in pieces(objective.targets)]).sum(0))

    center = summed(lambda y: y) / objective.num_rows
    return summed(lambda y: (y - center).square()) <= ROUNDING**2 * objective.num_rows * center.square()


def _names(features: Sequence[str], outputs: Sequence[str], count: int) -> list[str]:
    """All different: a feature may be called "intercept", or "a: b" beside a class "a"."""
    own = [*features, "intercept"]
    names = own if count == 1 else [f"{output}: {name}" for output in (outputs or map(str, range(count))) for name in own]
    free: dict[str, None] = {}
    for wanted in names:
        name, number = wanted, 2
        while name in free:
            name, number = f"{wanted} ({number})", number + 1
        free[name] = None
    return list(free)
