"""What is known at the end of a fit of how sure its coefficients are, from the trainer's own rows."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from torch import Tensor

from lightning_modules.counting import counted
from lightning_modules.linear.coefficients import Coefficient, Intervals, coefficients
from lightning_modules.linear.covariance import Covariance, OneClusterError, UnitLeverageError, num_clusters
from lightning_modules.linear.dispersion import ConstantTargetError
from lightning_modules.linear.fit_statistics import FitStatistics, fit_statistics
from lightning_modules.linear.marginal_effects import MarginalEffect, marginal_effects
from lightning_modules.objectives import GLMObjective, flattened
from lightning_modules.optimizers import SingularCurvatureError
from lightning_modules.training.notes import log_info
from lightning_modules.training.objective_module import ObjectiveModule

T = TypeVar("T")


class InferenceOfFit(ObjectiveModule):
    """A generalised linear model that tells of its coefficients."""

    @property
    @abstractmethod
    def is_penalised(self) -> bool:
        """Whether coefficients are drawn to 0, and so have no standard errors."""

    def coefficients(
        self,
        feature_names: Sequence[str],
        output_names: Sequence[str] = (),
        scaling: tuple[Any, Any] | None = None,
        covariance: Covariance = "observed",
        level: float = 0.95,
        intervals: Intervals = "wald",
        clusters: Tensor | None = None,
    ) -> list[Coefficient]:
        """Coefficients with standard errors, intervals and p-values, at the end of a fit; see `coefficients.py`.

        Under a penalty, or where some are frozen, these are the weights as they are, without errors. Else the list is empty
        where there are no errors to be had: with no row more than coefficients, of a target that is the same in every row, or
        where no minimiser is proved to be near, which `converged` says. Every process must call it, and before the trainer is
        torn down.

        Args:
            feature_names: d names.
            output_names: of the classes, or of the targets where there are several.
            scaling: mean (d,) and deviation (d,) that the data module scaled the features by, for coefficients in units of
                their own as well.
            covariance: what the errors are of, see `covariance.py`.
            level: of the intervals, in (0, 1).
            intervals: "wald", or "profile" of the likelihood.
            clusters: with covariance="cluster", those of this process's training rows (n,).
        """
        objective = self._training_glm()
        if not self.is_penalised and not self._has_noise(objective):
            rows, width = float(objective.rows.weight), objective.layout.width
            log_info(
                f"no standard errors: rows of weight {rows:g} for {counted(width, 'coefficient')} leave "
                "nothing to tell the noise by"
            )
            return []
        theta, names = flattened(self.parameters()), (feature_names, output_names)
        has_errors = self._is_estimated and not self.is_penalised
        if has_errors and clusters is not None:
            _tell_few(num_clusters(objective, clusters), len(theta))
        return _or_said(
            lambda: coefficients(objective, theta, *names, level, scaling, has_errors, covariance, clusters, intervals)
        )

    def marginal_effects(
        self,
        feature_names: Sequence[str],
        output_names: Sequence[str] = (),
        scaling: tuple[Any, Any] | None = None,
        covariance: Covariance = "observed",
        level: float = 0.95,
        clusters: Tensor | None = None,
    ) -> list[MarginalEffect]:
        """Average marginal effects at the end of a fit, see `marginal_effects.py`; arguments, and where there are none, as in
        `coefficients`. Under a penalty, or where weights are frozen, there are none either.
        """
        objective = self._training_glm()
        if self.is_penalised or not self._is_estimated or not self._has_noise(objective):
            return []
        theta, names = flattened(self.parameters()), (feature_names, output_names)
        return _or_said(lambda: marginal_effects(objective, theta, *names, level, covariance, clusters, scaling))

    def _training_glm(self) -> GLMObjective:
        if self._trainer is None:
            raise RuntimeError(
                f"{type(self).__name__}: standard errors come from the training rows, which a checkpoint does not hold; its "
                "estimates are in `linear.weight` and `linear.bias`, and `coefficients(GLMObjective(…), …)` of "
                "lightning_modules.linear takes rows, see docs/glm.md"
            )
        return cast(GLMObjective, self.training_objective())

    def fit_statistics(self) -> FitStatistics | None:
        """Likelihood, deviance and criteria of the whole model at the end of a fit; see `fit_statistics.py`.

        None under a penalty, or where some weights are frozen, and where there are no errors to be had. Every process must call
        it, and before the trainer is torn down.
        """
        if self.is_penalised or not self._is_estimated or self.kind_of_objective is not GLMObjective:
            return None
        objective = self._training_glm()
        if not self._has_noise(objective):
            return None
        try:
            return fit_statistics(objective, flattened(self.parameters()))
        except ConstantTargetError:
            return None

    @property
    def kind_of_objective(self) -> type[GLMObjective]:
        """What the loss is made of."""
        return GLMObjective

    @property
    def _is_estimated(self) -> bool:
        return all(parameter.requires_grad for parameter in self.parameters())

    def _has_noise(self, objective: GLMObjective) -> bool:
        """Whether there are more rows than coefficients of a target."""
        return float(objective.rows.weight) > objective.layout.width


def _tell_few(clusters: int, parameters: int) -> None:
    """Say where a covariance of clusters has no full rank."""
    if 1 < clusters <= parameters:
        log_info(
            f"{clusters} clusters for {counted(parameters, 'coefficient')}: the covariance of so few has "
            f"rank {clusters - 1} at most, and "
            "single coefficients look surer than they are; give smaller clusters, or take HC1"
        )


def _or_said(errors: Callable[[], list[T]]) -> list[T]:
    """What there is of errors; nothing, and a line that says why, where there are none."""
    try:
        return errors()
    except (SingularCurvatureError, ConstantTargetError, UnitLeverageError, OneClusterError) as error:
        log_info(f"no standard errors: {error}")
        return []
