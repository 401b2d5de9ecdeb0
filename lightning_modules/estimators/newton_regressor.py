"""Generalised linear regression as an estimator of scikit-learn."""

from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags, check_consistent_length, column_or_1d
from sklearn.utils.validation import _check_sample_weight
from torch import Tensor
from typing_extensions import Self

from lightning_modules.estimators.explained_deviance import explained_deviance
from lightning_modules.estimators.links import LINKS, Link, check_link
from lightning_modules.estimators.newton_estimator import CovarianceOfRows, NewtonEstimator
from lightning_modules.estimators.rows import Rows, read_rows
from lightning_modules.estimators.solved import Solved
from lightning_modules.estimators.solved_l1 import L1Choice
from lightning_modules.linear.count_dispersion import minimise_with_dispersion, with_likeliest
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Family, Gamma, Gaussian, NegativeBinomial, Poisson, Tweedie

FamilyName = Literal["gaussian", "poisson", "gamma", "tweedie", "negative_binomial", "binomial"]
FAMILIES = get_args(FamilyName)
# What only one family reads: its default, and which one it is.
OPTIONS_OF_A_FAMILY = (("link", "logit", "binomial"), ("power", 1.5, "tweedie"), ("dispersion", None, "negative_binomial"))


class NewtonRegressor(RegressorMixin, NewtonEstimator):
    """Linear regression, regression of counts and amounts with a logarithmic link, and of shares, at an optimum that is proved.

    It minimises  Σ w_i l(z_i, y_i) / Σ w_i + l2/2 ‖W‖²,  z = Wx + b, b not penalised, l half the deviance of a row: ½ ‖z − y‖²
    for "gaussian". With l2 = alpha/n `Ridge(alpha)` of scikit-learn has the same minimiser, with l2 = alpha
    `PoissonRegressor(alpha)`, `GammaRegressor(alpha)` and `TweedieRegressor(power=power, alpha=alpha)` have.

    Args:
        l2: strength of the penalty, ≥ 0, relative to the *mean* loss.
        l1: strength of a penalty l1 Σ|W_j| beside it, ≥ 0, which takes coefficients to 0; "cv" for the one of a path of 100
            with the least held-out deviance, "cv-1se" for the largest within a standard error of that. Scale features first.
        penalty_weights: factors of both penalties, ≥ 0, 0 for none: one for each column of X, or by name; None = 1.
        folds: of the cross-validation.
        family: "gaussian"; "poisson" for counts and rates, "negative_binomial" for counts that vary more, "gamma" for positive
            amounts, "tweedie" for amounts with zeros among them; "binomial" for shares from 0 to 1, k of m trials for example,
            with m the `sample_weight`.
        link: of "binomial", "logit", "probit" or "cloglog" (complementary log–log); all others have their own.
        power: p of the variance μᵖ of "tweedie", from 1 to 2.
        dispersion: α of the variance μ + αμ² of "negative_binomial", > 0; None = estimated with the coefficients by maximum
            likelihood, each in turn by Newton's method to its default tolerance.
        fit_intercept: whether there is a b.
        covariance: what the standard errors of `summary()` come from: the "observed" or "expected" information, or the robust
            "HC0", …, "HC3".
        max_steps: after so many steps it ends in any case.
        tolerance: how small gradient and Newton decrement have to be in units of the loss; None = 3.7e-11.

    Attributes:
        coef_: (d,), or (K, d) for targets (n, K); of a frame with categories, d columns are named by `get_feature_names_out`.
        intercept_: a number, or (K,).
        n_iter_: how many steps it took, for all α together.
        dispersion_: α of "negative_binomial".
        convergence_: the verdict, with `status`, `message` and a bound on the `distance` to the optimum.
        l1_: the penalty that was taken.
        penalty_curve_: the `CrossValidated` it was chosen by; None where it was given.
        n_features_in_, feature_names_in_: of the columns as they were given; the latter where all have names.
    """

    def __init__(
        self,
        l2: float = 0.0,
        *,
        family: FamilyName = "gaussian",
        link: Link = "logit",
        power: float = 1.5,
        dispersion: float | None = None,
        l1: float | L1Choice = 0.0,
        penalty_weights: Any = None,
        folds: int = 5,
        fit_intercept: bool = True,
        covariance: CovarianceOfRows = "observed",
        max_steps: int = 500,
        tolerance: float | None = None,
    ) -> None:
        self.l2 = l2
        self.family = family
        self.link = link
        self.power = power
        self.dispersion = dispersion
        self.l1 = l1
        self.penalty_weights = penalty_weights
        self.folds = folds
        self.fit_intercept = fit_intercept
        self.covariance = covariance
        self.max_steps = max_steps
        self.tolerance = tolerance

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self.family == "gaussian"
        tags.target_tags.positive_only = self.family != "gaussian"
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit the model.

        Args:
            X: features (n, d): an array, a tensor, a sparse matrix, or a frame, whose texts and categories become indicators.
            y: targets (n,), or (n, K) for "gaussian".
            sample_weight: (n,), ≥ 0; a weight of 2 is the row twice, 0 a missing row. None = 1 for each.
            offset: (n,) or (n, K), added to the linear predictors, such as the logarithm of an exposure; None = 0.

        Raises:
            ValueError: a parameter out of its range, missing or infinite numbers, arrays of different lengths.

        Warns:
            ConvergenceWarning: it did not end at an optimum; says why, and what to do.
        """
        self._check_parameters()
        self._made_family(1)  # refuses parameters before anything is read
        if hasattr(self, "dispersion_"):  # of a fit of another family
            delattr(self, "dispersion_")
        rows = read_rows(self, X, y, sample_weight, offset, multi_output=self.family == "gaussian", y_numeric=True)
        targets = torch.from_numpy(np.array(rows.targets, np.float64))  # a copy
        outputs = () if targets.ndim == 1 else [str(place) for place in range(targets.shape[1])]
        self._family = self._made_family(1 if targets.ndim == 1 else targets.shape[1])
        weight, bias = self._fit(self._family, rows, targets, outputs)
        self.coef_: NDArray[np.float64] = weight[0] if targets.ndim == 1 else weight
        self.intercept_: float | NDArray[np.float64] = float(bias[0]) if targets.ndim == 1 else bias
        return self

    def _made_family(self, outputs: int) -> Family:
        for option, default, family in OPTIONS_OF_A_FAMILY:
            if (given := getattr(self, option)) != default and self.family != family and self.family in FAMILIES:
                name = f"{type(self).__name__}({option}={given!r}, family={self.family!r})"
                raise ValueError(f"{name}: {option} is of family={family!r}; leave it out")
        match self.family:
            case "gaussian":
                return Gaussian(outputs)
            case "poisson":
                return Poisson()
            case "gamma":
                return Gamma()
            case "tweedie":
                return Tweedie(self.power)
            case "negative_binomial":
                return NegativeBinomial(1.0 if self.dispersion is None else self.dispersion)
            case "binomial":
                check_link(self)
                return LINKS[self.link]()
        raise ValueError(f"{type(self).__name__}(family={self.family!r}): choose one of {', '.join(map(repr, FAMILIES))}")

    def _solved(self, objective: GLMObjective, start: Tensor, tolerance: float, rows: Rows) -> tuple[GLMObjective, Solved]:
        if not isinstance(objective.family, NegativeBinomial):
            return super()._solved(objective, start, tolerance, rows)
        if self.dispersion is None and self._has_l1():
            raise ValueError(
                f"{type(self).__name__}(l1={self.l1!r}, family='negative_binomial') does not estimate the dispersion under l1: "
                "give one, the dispersion_ of a fit with l1=0 for example"
            )
        if self.dispersion is None:
            self.l1_, self.penalty_curve_ = 0.0, None
            given = None if self.tolerance is None else tolerance
            objective, minimum = minimise_with_dispersion(objective, start, int(self.max_steps), given)
            verdict = with_likeliest(minimum.verdict, objective, minimum.theta)
            found = Solved(minimum.theta, minimum.steps, verdict)
        else:
            objective, found = super()._solved(objective, start, tolerance, rows)
        self._family = objective.family
        self.dispersion_ = cast(NegativeBinomial, objective.family).dispersion
        return objective, found

    def predict(self, X: Any, offset: Any = None) -> NDArray[np.float64]:
        """Expected targets (n,) or (n, K).

        Args:
            X: features (n, d), as in `fit`.
            offset: as in `fit`.
        """
        z = torch.from_numpy(self._predictors(X, offset))
        mean: NDArray[np.float64] = self._family.mean(z).numpy()
        return mean[:, 0] if self.coef_.ndim == 1 else mean

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """R² for "gaussian", else D²: the share of the deviance from the targets' mean that is explained.

        Args:
            X: features (n, d), as in `fit`.
            y: targets, as in `fit`.
            sample_weight: of the rows (n,); None = 1 for each.
            offset: as in `fit`.
        """
        if self.family == "gaussian":
            return float(r2_score(y, self.predict(X, offset), sample_weight=sample_weight))
        z = self._predictors(X, offset)
        check_consistent_length(z, y)
        weights = _check_sample_weight(sample_weight, z, dtype=np.float64, ensure_non_negative=True)
        targets = np.array(column_or_1d(y, warn=True), np.float64)
        return explained_deviance(self._family, *map(torch.from_numpy, (z, targets, weights)))
