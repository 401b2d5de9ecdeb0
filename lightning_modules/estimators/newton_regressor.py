"""Linear regression as an estimator of scikit-learn."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from typing_extensions import Self

from lightning_modules.estimators.newton_estimator import NewtonEstimator
from lightning_modules.estimators.rows import read_rows
from lightning_modules.objectives.families import Gaussian


class NewtonRegressor(RegressorMixin, NewtonEstimator):  # type: ignore[misc]
    """Linear regression, at an optimum that is proved.

    It minimises  Σ w_i ½ ‖z_i − y_i‖² / Σ w_i + l2/2 ‖W‖²,  z = Wx + b, b not penalised; `Ridge(alpha=n·l2)` of scikit-learn has
    the same minimiser.

    Args:
        l2: strength of the penalty, ≥ 0, relative to the *mean* loss.
        fit_intercept: whether there is a b.
        max_steps: after so many steps it ends in any case.
        tolerance: how small gradient and Newton decrement have to be in units of the loss; None = 3.7e-11.

    Attributes:
        coef_: (d,), or (K, d) for targets (n, K); of a frame with categories, d columns are named by `get_feature_names_out`.
        intercept_: a number, or (K,).
        n_iter_: how many steps it took.
        convergence_: the verdict, with `status`, `message` and a bound on the `distance` to the optimum.
        n_features_in_, feature_names_in_: of the columns as they were given; the latter where all have names.
    """

    def __init__(
        self,
        l2: float = 0.0,
        *,
        fit_intercept: bool = True,
        max_steps: int = 500,
        tolerance: float | None = None,
    ) -> None:
        self.l2 = l2
        self.fit_intercept = fit_intercept
        self.max_steps = max_steps
        self.tolerance = tolerance

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit the model.

        Args:
            X: features (n, d): an array, a tensor, or a frame, of which texts and categories become indicators.
            y: targets (n,) or (n, K).
            sample_weight: (n,), ≥ 0; a weight of 2 is the row twice, 0 a missing row. None = 1 for each.
            offset: (n,) or (n, K), added to the linear predictors; None = 0.

        Raises:
            ValueError: a parameter out of its range, missing or infinite numbers, arrays of different lengths.
            TypeError: a sparse matrix.

        Warns:
            ConvergenceWarning: it did not end at an optimum; says why, and what to do.
        """
        self._check_parameters()
        rows = read_rows(self, X, y, sample_weight, offset, multi_output=True, y_numeric=True)
        targets = torch.from_numpy(np.array(rows.targets, np.float64))  # a copy
        outputs = () if targets.ndim == 1 else [str(place) for place in range(targets.shape[1])]
        family = Gaussian(1 if targets.ndim == 1 else targets.shape[1])
        weight, bias = self._fit(family, rows, targets, outputs)
        self.coef_, self.intercept_ = (weight[0], float(bias[0])) if targets.ndim == 1 else (weight, bias)
        return self

    def predict(self, X: Any, offset: Any = None) -> NDArray[np.float64]:
        """Expected targets (n,) or (n, K).

        Args:
            X: features (n, d), as in `fit`.
            offset: as in `fit`.
        """
        z = self._predictors(X, offset)
        return z[:, 0] if self.coef_.ndim == 1 else z
