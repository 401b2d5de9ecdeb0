"""What the estimators share: their parameters, the fit with its verdict, linear predictors, the table of coefficients."""

import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data
from torch import Tensor

from lightning_modules.counting import counted
from lightning_modules.estimators.column_weights import weights_of_features
from lightning_modules.estimators.convergence_message import convergence_message
from lightning_modules.estimators.design import Design, as_pandas
from lightning_modules.estimators.fit_facts import MOST_KEPT, FitFacts
from lightning_modules.estimators.non_finite_message import non_finite_message
from lightning_modules.estimators.rows import Rows, owned, read_offset, tensor_of
from lightning_modules.estimators.small_table import small_table
from lightning_modules.estimators.solved import Solved, solved
from lightning_modules.estimators.solved_l1 import CHOICES, L1Choice, solved_l1
from lightning_modules.estimators.summary import Summary
from lightning_modules.objectives import GLMObjective, intercept_start
from lightning_modules.objectives.families import Family
from lightning_modules.optimizers import Convergence, NonFiniteLossError
from lightning_modules.optimizers.optimality import default_tolerance

CovarianceOfRows = Literal["observed", "expected", "HC0", "HC1", "HC2", "HC3"]
COVARIANCES = get_args(CovarianceOfRows)


class NewtonEstimator(BaseEstimator):
    """A generalised linear model, fitted by Newton's method to minimise  Σ w_i l(z_i, y_i) / Σ w_i + l2/2 ‖W‖².

    With `l1` it is  … + l1 Σ_j v_j |W_j| + l2/2 Σ_j v_j W_j²,  v the `penalty_weights`, by proximal Newton steps.

    Subclasses have the parameters `l2`, `l1`, `penalty_weights`, `folds`, `fit_intercept`, `covariance`, `max_steps` and
    `tolerance`.
    """

    l2: float
    l1: float | L1Choice
    penalty_weights: Any
    folds: int
    fit_intercept: bool
    covariance: CovarianceOfRows
    max_steps: int
    tolerance: float | None
    _design: Design | None

    def summary(self) -> Summary:
        """Coefficients with standard errors, 95 % intervals and p-values: print it, or take its `frame()`.

        Raises:
            NotFittedError: before the fit.
        """
        check_is_fitted(self)
        return self._facts.summary

    @property
    def convergence_(self) -> Convergence:
        """The verdict: `status`, `message`, and a proven bound on the `distance` to the optimum where one is known."""
        if not hasattr(self, "_facts"):
            raise AttributeError(f"{type(self).__name__} has no convergence_ before its fit")
        return self._facts.verdict

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the d columns of `coef_`: those of the features, and "town_Paris" for an indicator.

        Args:
            input_features: names of an array's features; of a frame they are known.

        Raises:
            NotFittedError: before the fit.
        """
        check_is_fitted(self)
        if self._design is not None:
            return np.asarray(self._design.names, dtype=object)
        return np.asarray(_check_feature_names_in(self, input_features), dtype=object)

    # -- the fit -------------------------------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        name = type(self).__name__
        if isinstance(self.l1, str) and self.l1 not in CHOICES:
            raise ValueError(f"{name}(l1={self.l1!r}): give a number ≥ 0, or choose one of {', '.join(map(repr, CHOICES))}")
        l1 = 0.0 if isinstance(self.l1, str) else self.l1
        for parameter, value in (("l2", self.l2), ("l1", l1), ("tolerance", self.tolerance)):
            is_number = isinstance(value, Real) and not isinstance(value, bool) and 0 <= value < float("inf")
            if not is_number and not (parameter == "tolerance" and value is None):
                raise ValueError(f"{name}({parameter}={value!r}): give a number ≥ 0")
        if not isinstance(self.folds, Integral) or isinstance(self.folds, bool) or self.folds < 2:
            raise ValueError(f"{name}(folds={self.folds!r}): give a whole number ≥ 2")
        if not isinstance(self.max_steps, Integral) or isinstance(self.max_steps, bool) or self.max_steps < 1:
            raise ValueError(f"{name}(max_steps={self.max_steps!r}): give a whole number ≥ 1")
        if not isinstance(self.fit_intercept, (bool, np.bool_)):
            raise ValueError(f"{name}(fit_intercept={self.fit_intercept!r}): give True or False")
        if self.covariance not in COVARIANCES:
            raise ValueError(f"{name}(covariance={self.covariance!r}): choose one of {', '.join(map(repr, COVARIANCES))}")

    def _has_l1(self) -> bool:
        """Whether steps have to be proximal ones: for l1, or penalties that differ from column to column."""
        return bool(self.l1 != 0) or (self.penalty_weights is not None and bool(self.l2 != 0))

    @torch.no_grad()
    def _fit(self, family: Family, rows: Rows, targets: Tensor, outputs: Sequence[str]) -> tuple[NDArray[Any], NDArray[Any]]:
        """W (K, d) and b (K,); sets what does not depend on the kind of the target.

        Args:
            family: of the targets.
            rows: as they were read.
            targets: as the family takes them, on memory that nobody else changes.
            outputs: names of the classes, or of the targets where there are several.

        Raises:
            ValueError: targets or offsets that do not suit the family, features with which nothing can be computed.
        """
        name, self._design, has_bias = type(self).__name__, rows.design, bool(self.fit_intercept)
        if is_kept := rows.columns.size <= MOST_KEPT:
            rows = owned(rows)
        objective = GLMObjective(
            family,
            tensor_of(rows.columns),
            targets,
            float(self.l2),
            weights=None if rows.weights is None else tensor_of(rows.weights),
            offset=None if rows.offset is None else tensor_of(rows.offset),
            intercept=has_bias,
            columns=rows.stored_as,
        )
        weight_count = family.num_outputs * objective.num_features
        tolerance = default_tolerance(torch.float64) if self.tolerance is None else float(self.tolerance)
        try:
            objective, found = self._solved(objective, intercept_start(objective), tolerance, rows)
        except NonFiniteLossError as error:
            raise ValueError(f"{name}: {non_finite_message(rows, targets, bool(family.has_units))}") from error
        strengths = f"l2={self.l2:g}" + (f", l1={self.l1_:g}" if self.l1_ > 0 else "")
        names = self.get_feature_names_out().tolist()
        self.n_iter_, self._has_offset = found.steps, rows.offset is not None
        title = f"{name}, {counted(float(objective.rows.weight))}, {counted(len(names), 'column')}, {strengths}"
        told = title, names, outputs
        self._facts = FitFacts(objective, found.theta, tolerance, *told, self.covariance, found.verdict, self.l1_ > 0)
        if not is_kept:
            self._facts.settle()
        if found.verdict is not None and found.verdict.status != "converged":
            said = convergence_message(found.verdict, names, outputs, objective, isinstance(self, ClassifierMixin))
            warnings.warn(f"{name}: {said}", ConvergenceWarning, stacklevel=4)
        theta: NDArray[Any] = found.theta.numpy().copy()
        biases = theta[weight_count:] if has_bias else np.zeros(family.num_outputs)
        return theta[:weight_count].reshape(family.num_outputs, -1), biases

    def _solved(self, objective: GLMObjective, start: Tensor, tolerance: float, rows: Rows) -> tuple[GLMObjective, Solved]:
        """Where the steps from a start (p,) lead, and the loss that they minimised."""
        self.l1_, self.penalty_curve_ = 0.0, None
        if self._has_l1():
            weights = weights_of_features(self.penalty_weights, rows.design, self.get_feature_names_out().tolist())
            given = self.l1, weights, int(self.folds), self.tolerance, int(self.max_steps)
            found, self.l1_, self.penalty_curve_ = solved_l1(objective, *given)
            return objective, found
        is_small = rows.stored_as is None
        table = small_table(objective, rows.columns, rows.weights, rows.offset, bool(self.fit_intercept)) if is_small else None
        return objective, solved(objective, start, tolerance, int(self.max_steps), table)

    # -- afterwards ----------------------------------------------------------------------------------------------------

    def _predictors(self, X: Any, offset: Any) -> NDArray[np.float64]:
        """Linear predictors of new rows (n, K)."""
        check_is_fitted(self)
        X = as_pandas(X)
        if self._design is None:
            columns, stored_as = validate_data(self, X, reset=False, dtype=np.float64, accept_sparse="csr"), None
        else:
            self._design.refuse_array(X)
            validate_data(self, X, reset=False, skip_check_array=True)
            columns, stored_as = self._design.stored(X)
            columns = check_array(columns)
        weight = np.atleast_2d(self.coef_)
        if stored_as is None:
            z: NDArray[np.float64] = columns @ weight.T + self.intercept_
        else:
            bias = torch.from_numpy(np.atleast_1d(np.asarray(self.intercept_, np.float64)))
            z = stored_as.product(torch.from_numpy(columns), torch.from_numpy(weight), bias).numpy()
        if offset is None:
            if self._has_offset:
                raise ValueError(
                    f"{type(self).__name__} was fitted with an offset, so that what it predicts needs one too: give offset, a "
                    "number for each row, or offset=0 for none"
                )
            return z
        added = read_offset(offset, z)
        return z + (added[:, None] if added.ndim == 1 else added)
