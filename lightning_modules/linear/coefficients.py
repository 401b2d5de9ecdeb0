r"""How sure a fitted generalised linear model is of its coefficients.

    z = θ̂_j / s_j,   p = P(|Z| ≥ |z|),   interval θ̂_j ± q s_j,      s = √diag Cov θ̂       (`covariance.py`)

with Z Student's t of n − p degrees of freedom for least squares and their own covariance, else normal (Wald's test), also where
a dispersion is estimated, as statsmodels has it (R's summary takes t there). Of the
categorical model, whose classes' coefficients are determined only up to a common shift, the differences from the first class
are given.

A penalty pulls θ̂ towards 0 by more than its noise: of a penalised model there are estimates and nothing else. Where the model
saw scaled features, all is told twice: as it saw them, and in units of their own (`own_units.py`).

Source: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), sections 2.5 and 4.4.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from scipy import stats
from torch import Tensor

from lightning_modules.counting import counted
from lightning_modules.linear.covariance import Covariance, half_of_covariance
from lightning_modules.linear.own_units import Scaling
from lightning_modules.linear.profile_intervals import intercept_profile, profiles
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Categorical, Gaussian

Intervals = Literal["wald", "profile"]


@dataclass(frozen=True)
class Coefficient:
    """One coefficient, per unit of its feature as the model saw it: per standard deviation where features are scaled.

    Attributes:
        name: of the feature, or "intercept"; after that of the class or target where there are several.
        estimate: θ̂_j.
        standard_error: s_j; None under a penalty, like the next three.
        low, high: ends of the confidence interval; those of a profile may be infinite.
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
    covariance: Covariance = "observed",
    clusters: Tensor | None = None,
    intervals: Intervals = "wald",
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
        covariance, clusters: as in `half_of_covariance`.
        intervals: "wald", which lie evenly about the estimate; or "profile" of the likelihood, with p-values of its ratio, for
            one output and the "observed" covariance (`profile_intervals.py`). An intercept of features that were centred, and
            are too many to be moved back, has none in own units.

    Raises:
        ValueError: no penalty, and no more rows than coefficients of a target; a level out of its range; names of another
            number; a scaling that is none of d features; profiles of several outputs or beside another covariance; those of
            `half_of_covariance`.
        ConstantTargetError: a target is the same in every row, without penalty.
        SingularCurvatureError: the coefficients are not determined by the data, without penalty.
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level}: the level of a confidence interval lies in (0, 1), 0.95 for example")
    check_names(objective, feature_names, output_names)
    undone = None if scaling is None else Scaling(*scaling, objective.num_features, theta.device, objective.layout.has_bias)
    estimates = theta.double()[objective.layout.by_output(theta.device)]
    if intervals not in get_args(Intervals):
        raise ValueError(f"intervals={intervals!r}: use one of {', '.join(get_args(Intervals))}")
    is_sure = objective.l2 == 0 and has_errors
    is_profile = is_sure and intervals == "profile"
    if is_profile and covariance != "observed":
        raise ValueError(f"intervals='profile' with covariance={covariance!r}: a profile is of the likelihood; leave one out")
    half = half_of_covariance(objective, theta, covariance, clusters) if is_sure else None
    if isinstance(objective.family, Categorical):
        outputs = objective.family.num_outputs
        estimates = _differences(estimates, outputs)
        half = None if half is None else _differences(half, outputs)
        output_names = [f"{name} − {output_names[0]}" for name in output_names[1:]] if output_names else ()
    size = objective.layout.width
    names = _names(feature_names, output_names, len(estimates) // size, objective.layout.has_bias)
    is_t = isinstance(objective.family, Gaussian) and half is not None and covariance in ("observed", "expected")
    distribution = stats.t(float(objective.rows.weight) - size) if is_t else stats.norm()
    found = _told(names, estimates, half, distribution, level)
    profile = profiles(objective, theta, level) if is_profile else None
    found = found if profile is None else _with_profile(found, profile.tolist())
    if undone is None or undone.is_none:
        return found
    own = _told(names, undone.undo(estimates), None if half is None else undone.undo(half), distribution, level)
    if profile is not None:
        ends: list[list[float] | None] = undone.undo_profile(profile).tolist()
        if objective.layout.has_bias:
            of_intercept = intercept_profile(objective, theta, undone.shift, level)
            ends.append(None if of_intercept is None else of_intercept.tolist())
        own = _with_profile(own, ends)
    return [replace(seen, own_units=unscaled) for seen, unscaled in zip(found, own, strict=True)]


def check_names(objective: GLMObjective, feature_names: Sequence[str], output_names: Sequence[str]) -> None:
    """Refuse names that are not one a feature, or some of outputs that are not one an output.

    Raises:
        ValueError: how many there are of what.
    """
    outputs = objective.family.num_outputs
    if len(feature_names) != objective.num_features:
        raise ValueError(
            f"{counted(len(feature_names), 'feature name')} for "
            f"{counted(objective.num_features, 'feature')}: give one a feature"
        )
    if outputs > 1 and output_names and len(output_names) != outputs:
        raise ValueError(
            f"{counted(len(output_names), 'output name')} for {outputs} outputs: give one a class or target, or none"
        )


def _with_profile(found: list[Coefficient], profile: Sequence[list[float] | None]) -> list[Coefficient]:
    """Coefficients with ends and p-values of the profile in place of Wald's; None, or nan, = not known."""
    told = [[None if math.isnan(number) else number for number in each] if each else (None,) * 3 for each in profile]
    return [replace(each, low=low, high=high, p_value=p_value) for each, (low, high, p_value) in zip(found, told, strict=True)]


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


def _lengths(half: Tensor) -> Tensor:
    """Of the rows, whatever their units: (m, p) -> (m,)."""
    largest = half.abs().amax(1, keepdim=True)
    return (largest * (half / largest).norm(dim=1, keepdim=True))[:, 0]


def _names(features: Sequence[str], outputs: Sequence[str], count: int, has_intercept: bool) -> list[str]:
    """All different: a feature may be called "intercept", or "a: b" beside a class "a"."""
    own = [*features, "intercept"] if has_intercept else list(features)
    names = own if count == 1 else [f"{output}: {name}" for output in (outputs or map(str, range(count))) for name in own]
    free: dict[str, None] = {}
    for wanted in names:
        name, number = wanted, 2
        while name in free:
            name, number = f"{wanted} ({number})", number + 1
        free[name] = None
    return list(free)
