"""The table of a fitted model's coefficients, for the terminal and as a frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lightning_modules.linear.coefficients import Coefficient, coefficients
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Categorical, Poisson, Tweedie
from lightning_modules.solvers import SingularCurvatureError

# The covariance of more coefficients would cost more than the fit.
MOST_ERRORS = 2048
COLUMNS = ("estimate", "standard error", "low", "high", "p-value")


@dataclass(frozen=True)
class Summary:
    """Coefficients with standard errors, 95 % intervals and p-values; print it, or take `frame()`.

    Attributes:
        title: what was fitted, and how it ended.
        coefficients: one each, output by output, the intercept last.
        note: why there are no standard errors; empty where there are.
    """

    title: str
    coefficients: tuple[Coefficient, ...]
    note: str

    def frame(self) -> Any:
        """A pandas frame with a row for each coefficient; NaN where no error is known."""
        import pandas as pd  # noqa: PLC0415 – for those who have it

        return pd.DataFrame(
            [_numbers(each) for each in self.coefficients],
            index=[each.name for each in self.coefficients],
            columns=list(COLUMNS),
            dtype="float64",
        )

    def __str__(self) -> str:
        width = max(len(each.name) for each in self.coefficients)
        lines = [self.title]
        if self.note:
            lines += [self.note, f"{'':{width}}  {'estimate':>12}"]
            return "\n".join([*lines, *(f"{each.name:{width}}  {each.estimate:12.5g}" for each in self.coefficients)])
        lines.append(f"{'':{width}}  {'estimate':>12}  {'std. error':>12}  {'95 % interval':^26}  {'p-value':>9}")
        for each in self.coefficients:
            estimate, error, low, high, p_value = _numbers(each)
            lines.append(f"{each.name:{width}}  {estimate:12.5g}  {error:12.5g}  {low:12.5g}  {high:12.5g}  {p_value:9.3g}")
        return "\n".join(lines)


def told_coefficients(
    objective: GLMObjective, theta: Tensor, names: Sequence[str], outputs: Sequence[str]
) -> tuple[tuple[Coefficient, ...], str]:
    """Of a fit at θ (p,): the coefficients, and why they have no errors, or "".

    Args:
        objective: the loss over all training rows.
        theta: its minimiser.
        names: of the d features.
        outputs: of the classes, or of the targets where there are several.
    """
    if not (note := _why_no_errors(objective, len(theta))):
        try:
            return tuple(coefficients(objective, theta, names, outputs)), ""
        except (SingularCurvatureError, ValueError) as error:  # a target without noise is a ValueError
            note = f"no standard errors: {error}"
    if objective.layout.has_bias:
        return tuple(coefficients(objective, theta, names, outputs, has_errors=False)), note
    return _without_intercept(objective, theta, names, outputs), note


def _why_no_errors(objective: GLMObjective, size: int) -> str:
    """Why there are no errors of so many coefficients, whatever their values; "" if there may be."""
    if objective.l2 > 0:
        return "no standard errors: the penalty pulls coefficients towards 0 by more than their noise (l2=0 has them)"
    if size > MOST_ERRORS:
        return f"no standard errors: they are computed for up to {MOST_ERRORS} coefficients, here are {size}"
    is_weighted = objective.glm.family is not objective.family
    is_dispersed = isinstance(objective.family, Tweedie) and not isinstance(objective.family, Poisson)
    if is_weighted or is_dispersed or not objective.layout.has_bias:
        return (
            "no standard errors: they are not computed yet of weighted rows, offsets, models without an intercept, and amounts"
        )
    return ""


def _without_intercept(
    objective: GLMObjective, theta: Tensor, names: Sequence[str], outputs: Sequence[str]
) -> tuple[Coefficient, ...]:
    """Estimates alone, named as `coefficients` names them: differences from the first of several classes."""
    by_output = objective.layout.split(theta)[0]
    if isinstance(objective.family, Categorical):
        by_output = by_output[1:] - by_output[:1]
        outputs = [f"{output} − {outputs[0]}" for output in outputs[1:]]
    full = names if len(by_output) == 1 else [f"{output}: {name}" for output in outputs for name in names]
    return tuple(
        Coefficient(name, value, None, None, None, None) for name, value in zip(full, by_output.flatten().tolist(), strict=True)
    )


def _numbers(each: Coefficient) -> tuple[float, ...]:
    told = each.estimate, each.standard_error, each.low, each.high, each.p_value
    return tuple(float("nan") if number is None else number for number in told)
