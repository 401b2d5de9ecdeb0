"""What is known of where a fit ended: the verdict, and the table of coefficients."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from torch import Tensor

from lightning_modules.estimators.summary import Summary, summarised
from lightning_modules.linear.covariance import Covariance
from lightning_modules.objectives import GLMObjective
from lightning_modules.optimizers import Convergence, diagnose

# A fit keeps a table of up to so many numbers, 4 MB, until all is found that may be asked of it; else all is found at once.
MOST_KEPT = 2**19


class FitFacts:
    """Facts of a fit at θ, found when they are first asked for, or when they are written to a file: without the rows.

    Args:
        objective: the loss over rows that nobody changes afterwards.
        theta: where the fit ended (p,).
        tolerance: τ of the fit, see `diagnose`.
        title: of the table.
        names: of the d columns.
        outputs: names of the classes, or of the targets where there are several.
        covariance: what the standard errors come from.
        verdict: on θ; None = not found yet.
        has_l1: whether absolute values of coefficients were penalised too.
    """

    def __init__(
        self,
        objective: GLMObjective,
        theta: Tensor,
        tolerance: float,
        title: str,
        names: Sequence[str],
        outputs: Sequence[str],
        covariance: Covariance,
        verdict: Convergence | None,
        has_l1: bool,
    ) -> None:
        self._where: tuple[GLMObjective, Tensor] | None = (objective, theta)
        self._tolerance, self._title, self._names, self._outputs = tolerance, title, names, outputs
        self._covariance: Covariance = covariance
        self._has_l1 = has_l1
        if verdict is not None:
            self.verdict = verdict

    @cached_property
    def verdict(self) -> Convergence:
        """The judgement on θ."""
        assert self._where is not None
        objective, theta = self._where
        return diagnose(objective, theta, self._tolerance)

    @cached_property
    def summary(self) -> Summary:
        """Coefficients with their errors; after that the rows are let go of."""
        verdict = self.verdict
        assert self._where is not None
        objective, theta = self._where
        title = f"{self._title}: {verdict.status}, {verdict.message}"
        found = summarised(title, objective, theta, self._names, self._outputs, self._covariance, self._has_l1)
        self._where = None  # nothing is left to be found
        return found

    def settle(self) -> None:
        """Find all there is, and let go of the rows."""
        self.summary  # noqa: B018

    def __getstate__(self) -> dict[str, Any]:
        self.settle()
        return vars(self)
