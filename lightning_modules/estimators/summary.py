"""The table of a fitted model's coefficients, for the terminal and as a frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lightning_modules.linear.coefficients import Coefficient, coefficients
from lightning_modules.linear.covariance import Covariance
from lightning_modules.linear.fit_statistics import FitStatistics, fit_statistics
from lightning_modules.objectives import GLMObjective
from lightning_modules.solvers import SingularCurvatureError

# The covariance of more coefficients would cost more than the fit.
MOST_ERRORS = 2048
COLUMNS = ("estimate", "standard error", "low", "high", "p-value")
ALPHA = "dispersion of counts"
# What a line below the table says of the whole fit, where it is known.
STATISTICS = {
    "log-likelihood": "log_likelihood",
    "AIC": "aic",
    "BIC": "bic",
    "deviance": "deviance",
    "null deviance": "null_deviance",
    "dispersion": "dispersion",
    ALPHA: "alpha",
    "p of all": "ratio_p_value",
}


@dataclass(frozen=True)
class Summary:
    """Coefficients with errors, 95 % intervals and p-values, and how well all of them fit: print it, or take `frame()`.

    Attributes:
        title: what was fitted, and how it ended.
        coefficients: one each, output by output, the intercept last.
        statistics: of the whole fit: likelihood, deviance, AIC, …; None where there are no standard errors.
        note: why there are none; empty where there are.
    """

    title: str
    coefficients: tuple[Coefficient, ...]
    statistics: FitStatistics | None
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
        whole = {name: getattr(self.statistics, attribute) for name, attribute in STATISTICS.items()}
        said = {name: f"{name} {number:.6g}" for name, number in whole.items() if number is not None}
        if self.statistics is not None and self.statistics.alpha_error is not None:
            said[ALPHA] += f" ± {self.statistics.alpha_error:.2g}"
        lines.append(", ".join(said.values()))
        return "\n".join(lines)


def summarised(
    title: str,
    objective: GLMObjective,
    theta: Tensor,
    names: Sequence[str],
    outputs: Sequence[str],
    covariance: Covariance,
    has_l1: bool = False,
) -> Summary:
    """Of a fit at θ (p,).

    Args:
        title: of the table.
        objective: the loss over all training rows.
        theta: its minimiser.
        names: of the d features.
        outputs: of the classes, or of the targets where there are several.
        covariance: what the standard errors come from, see `covariance.py`.
        has_l1: whether absolute values were penalised too.
    """
    note = ""
    if has_l1:
        note = "no standard errors: an l1 penalty lets the rows choose which coefficients are 0 (l1=0 has them)"
    elif objective.l2 > 0:
        note = "no standard errors: the penalty pulls coefficients towards 0 by more than their noise (l2=0 has them)"
    elif len(theta) > MOST_ERRORS:
        note = f"no standard errors: they are computed for up to {MOST_ERRORS} coefficients, here are {len(theta)}"
    else:
        try:
            told = tuple(coefficients(objective, theta, names, outputs, covariance=covariance))
            return Summary(title, told, fit_statistics(objective, theta), "")
        except (SingularCurvatureError, ValueError) as error:  # a target without noise is a ValueError
            note = f"no standard errors: {error}"
    return Summary(title, tuple(coefficients(objective, theta, names, outputs, has_errors=False)), None, note)


def _numbers(each: Coefficient) -> tuple[float, ...]:
    told = each.estimate, each.standard_error, each.low, each.high, each.p_value
    return tuple(float("nan") if number is None else number for number in told)
