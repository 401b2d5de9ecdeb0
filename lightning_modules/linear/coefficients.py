r"""How sure a fitted generalised linear model is of its coefficients.

    Cov θ̂ = φ (n H)⁻¹,      H = ∇²f(θ̂) of the mean loss f without penalty
    φ = 1 for Bernoulli and categorical targets,  φ_k = ‖y_k − Xw_k − b_k‖² / (n − d − 1) for the k-th real target

    z = θ̂_j / s_j,   p = P(|Z| ≥ |z|),   interval θ̂_j ± q s_j,      s = √diag Cov

with Z Student's t of n − d − 1 degrees of freedom for least squares, else normal. Of the categorical model, whose classes'
coefficients are determined only up to a common shift, the differences from the first class are given.

Source: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), sections 2.5 and 4.4.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy import stats
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Categorical, Gaussian
from lightning_modules.solvers import SingularCurvatureError

# Deviations that are no larger beside the targets are rounding.
ROUNDING = 1e-14


class ConstantTargetError(ValueError):
    """A target is the same in every row: what is left of it is rounding, and no noise to tell standard errors by."""


@dataclass(frozen=True)
class Coefficient:
    """One coefficient, in units of its feature as the model saw it: per standard deviation where features are scaled.

    Attributes:
        name: of the feature, or "intercept"; after that of the class or target where there are several.
        estimate: θ̂_j.
        standard_error: s_j.
        low, high: ends of the confidence interval.
        p_value: of the hypothesis that it is 0.
    """

    name: str
    estimate: float
    standard_error: float
    low: float
    high: float
    p_value: float


def coefficients(
    objective: GLMObjective,
    theta: Tensor,
    feature_names: Sequence[str],
    output_names: Sequence[str] = (),
    level: float = 0.95,
) -> list[Coefficient]:
    """Every coefficient with its uncertainty, output by output, the intercept last.

    Args:
        objective: the loss over all training rows, without penalty.
        theta: its minimiser (p,).
        feature_names: d names.
        output_names: of the classes, or of the targets where there are several.
        level: of the confidence intervals, in (0, 1).

    Raises:
        ValueError: a penalty, which pulls the estimates towards 0 so that their intervals mean nothing; no more rows than
            coefficients of a target; a level out of its range.
        ConstantTargetError: a target is the same in every row.
        SingularCurvatureError: the coefficients are not determined by the data.
    """
    if objective.l2 > 0:
        raise ValueError(
            f"l2={objective.l2}: a penalty biases the coefficients, so they have no standard errors; fit with l2=0"
        )
    if not 0 < level < 1:
        raise ValueError(f"level={level}: the level of a confidence interval lies in (0, 1), 0.95 for example")
    size = objective.num_features + 1
    by_output = objective.layout.by_layout(theta.device).argsort()
    estimates, half = theta.double()[by_output], _half_of_inverse(objective, theta) / math.sqrt(objective.num_rows)
    distribution = stats.norm()
    if isinstance(objective.family, Gaussian):
        freedom = objective.num_rows - size
        if freedom < 1:
            raise ValueError(f"{objective.num_rows} rows for {size} coefficients leave nothing to tell the noise by: add rows")
        if bool(_is_constant(objective).any()):
            raise ConstantTargetError("a target is the same in every row, so that there is no noise to tell standard errors by")
        noise = _residuals(objective, theta) / freedom
        half = half * noise.sqrt().repeat_interleave(size)[:, None]
        distribution = stats.t(freedom)
    elif isinstance(objective.family, Categorical):
        # θ_k − θ_0, in which the common shift cancels.
        outputs = objective.family.num_outputs
        contrast = torch.cat([-torch.ones(outputs - 1, 1), torch.eye(outputs - 1)], 1).to(estimates)
        contrast = torch.kron(contrast, torch.eye(size).to(estimates))
        estimates, half = contrast @ estimates, contrast @ half
        output_names = [f"{name} − {output_names[0]}" for name in output_names[1:]] if output_names else ()
    errors = _lengths(half)
    quantile = float(distribution.ppf((1 + level) / 2))
    tails = 2 * distribution.sf((estimates / errors).abs().cpu().numpy())
    names = _names(feature_names, output_names, len(estimates) // size)
    return [
        Coefficient(name, value, error, value - quantile * error, value + quantile * error, float(tail))
        for name, value, error, tail in zip(names, estimates.tolist(), errors.tolist(), tails, strict=True)
    ]


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
    y, reduction = objective.targets.double(), objective.rows.reduction
    center = reduction(y.sum(0)) / objective.num_rows
    return reduction((y - center).square().sum(0)) <= ROUNDING**2 * objective.num_rows * center.square()


def _names(features: Sequence[str], outputs: Sequence[str], count: int) -> list[str]:
    own = [*features, "intercept"]
    return own if count == 1 else [f"{output}: {name}" for output in (outputs or map(str, range(count))) for name in own]
