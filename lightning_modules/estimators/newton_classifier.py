"""Logistic and softmax regression as an estimator of scikit-learn."""

import math
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from typing_extensions import Self

from lightning_modules.estimators.class_factors import class_factors
from lightning_modules.estimators.links import LINKS, Link, check_link
from lightning_modules.estimators.newton_estimator import CovarianceOfRows, NewtonEstimator
from lightning_modules.estimators.rows import read_rows, reweighted
from lightning_modules.estimators.solved_l1 import L1Choice
from lightning_modules.objectives.families import Categorical, Family

# The linear predictor at which both classes are as probable: P = 1 − exp(−eᶻ) of the complementary log–log link.
EVEN = {"cloglog": math.log(math.log(2))}


class NewtonClassifier(ClassifierMixin, NewtonEstimator):
    """Logistic regression for two classes, softmax regression for more, at an optimum that is proved.

    It minimises  Σ w_i l(z_i, y_i) / Σ w_i + l2/2 ‖W‖²,  z = Wx + b, b not penalised; `LogisticRegression(C=1/(n·l2))` of
    scikit-learn has the same minimiser.

    Without a penalty, which is the default, coefficients are those of maximum likelihood: they do not depend on the features'
    units, and have standard errors. Where classes are separated there is no maximum; the fit then ends on a plane that
    separates them, with a `ConvergenceWarning` that says so and names the coefficients.

    Args:
        l2: strength of the penalty, ≥ 0, relative to the *mean* loss.
        l1: strength of a penalty l1 Σ|W_j| beside it, ≥ 0, which takes coefficients to 0; "cv" for the one of a path of 100
            with the least held-out deviance, "cv-1se" for the largest within a standard error of that. Scale features first.
        penalty_weights: factors of both penalties, ≥ 0, 0 for none: one for each column of X, or by name; None = 1.
        folds: of the cross-validation.
        link: of two classes, "logit", "probit" or "cloglog" (complementary log–log); more take "logit".
        fit_intercept: whether there is a b.
        class_weight: factors of the rows' weights: "balanced" for as much weight on each class, or a factor by class.
        covariance: what the standard errors of `summary()` come from: the "observed" or "expected" information, or the robust
            "HC0", …, "HC3".
        max_steps: after so many steps it ends in any case.
        tolerance: how small gradient and Newton decrement have to be; None = 3.7e-11.

    Attributes:
        classes_: labels, in order (K,).
        coef_: (1, d) for two classes, else (K, d); of a frame with categories, d columns are named by `get_feature_names_out`.
        intercept_: (1,) or (K,).
        n_iter_: how many steps it took.
        convergence_: the verdict, with `status`, `message` and a bound on the `distance` to the optimum.
        l1_: the penalty that was taken.
        penalty_curve_: the `CrossValidated` it was chosen by; None where it was given.
        n_features_in_, feature_names_in_: of the columns as they were given; the latter where all have names.
    """

    def __init__(
        self,
        l2: float = 0.0,
        *,
        link: Link = "logit",
        l1: float | L1Choice = 0.0,
        penalty_weights: Any = None,
        folds: int = 5,
        fit_intercept: bool = True,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        covariance: CovarianceOfRows = "observed",
        max_steps: int = 500,
        tolerance: float | None = None,
    ) -> None:
        self.l2 = l2
        self.link = link
        self.l1 = l1
        self.penalty_weights = penalty_weights
        self.folds = folds
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.covariance = covariance
        self.max_steps = max_steps
        self.tolerance = tolerance

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = self.link == "logit"
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit the model.

        Args:
            X: features (n, d): an array, a tensor, a sparse matrix, or a frame, whose texts and categories become indicators.
            y: labels (n,).
            sample_weight: (n,), ≥ 0; a weight of 2 is the row twice, 0 a missing row. None = 1 for each.
            offset: (n,), or (n, K) for more than two classes, added to the linear predictors; None = 0.

        Raises:
            ValueError: a parameter out of its range, a single class, missing or infinite numbers, arrays of different lengths.

        Warns:
            ConvergenceWarning: it did not end at an optimum; says why, and what to do.
        """
        self._check_parameters()
        check_link(self)
        rows = read_rows(self, X, y, sample_weight, offset)
        self._check_classes(rows.targets)
        if self.class_weight is not None:
            rows = reweighted(rows, class_factors(self.class_weight, rows.targets, rows.weights))
        self.classes_, codes = np.unique(rows.targets, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} tells at least two classes apart, but all rows of a weight above 0 are of one class: "
                f"{self.classes_.tolist()[0]!r}"
            )
        is_binary = len(self.classes_) == 2
        if not is_binary and self.link != "logit":
            raise ValueError(
                f"Only binary classification is supported by {type(self).__name__}(link={self.link!r}), and here are "
                f"{len(self.classes_)} classes: use link='logit'"
            )
        self._family: Family = LINKS[self.link]() if is_binary else Categorical(len(self.classes_))
        outputs = () if is_binary else [str(label) for label in self.classes_.tolist()]
        self._even = EVEN.get(self.link, 0.0)
        self.coef_, self.intercept_ = self._fit(self._family, rows, torch.from_numpy(codes), outputs)
        return self

    def _check_classes(self, targets: NDArray[Any]) -> None:
        """Refuse numbers that are no classes.

        Raises:
            ValueError: they are; of shares it says who takes them.
        """
        try:
            check_classification_targets(targets)
        except ValueError as error:
            if targets.dtype.kind == "f" and 0 <= targets.min() <= targets.max() <= 1:
                raise ValueError(f"{error} Shares from 0 to 1 are for NewtonRegressor(family='binomial').") from None
            raise

    def decision_function(self, X: Any, offset: Any = None) -> NDArray[np.float64]:
        """Linear predictors: of two classes (n,), above 0 where the second is the more probable; else (n, K).

        Args:
            X: features (n, d), as in `fit`.
            offset: as in `fit`.
        """
        z = self._predictors(X, offset)
        return z[:, 0] - self._even if len(self.classes_) == 2 else z

    def predict(self, X: Any, offset: Any = None) -> NDArray[Any]:
        """The most probable class of each row (n,); arguments as in `decision_function`."""
        z = self.decision_function(X, offset)
        places = (z > 0).astype(int) if z.ndim == 1 else z.argmax(1)
        labels: NDArray[Any] = self.classes_[places]
        return labels

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """The share of the rows whose class is predicted right.

        Args:
            X: features (n, d), as in `fit`.
            y: classes (n,).
            sample_weight: of the rows (n,); None = 1 for each.
            offset: as in `fit`.
        """
        return float(accuracy_score(y, self.predict(X, offset), sample_weight=sample_weight))

    def predict_proba(self, X: Any, offset: Any = None) -> NDArray[np.float64]:
        """Probabilities of the classes (n, K), in the order of `classes_`; arguments as in `decision_function`."""
        return np.exp(self._log_probabilities(X, offset))

    def predict_log_proba(self, X: Any, offset: Any = None) -> NDArray[np.float64]:
        """Logarithms of `predict_proba`, of all digits also where a probability rounds to 1; −∞ where it rounds to 0."""
        found = self._log_probabilities(X, offset)
        return np.where(np.exp(found) > 0, found, -np.inf)

    def _log_probabilities(self, X: Any, offset: Any) -> NDArray[np.float64]:
        z = torch.from_numpy(self._predictors(X, offset))
        if len(self.classes_) > 2:
            return torch.log_softmax(z, 1).numpy()
        # The loss of a label is minus the logarithm of its probability.
        labels = (self._family.check(torch.full((len(z),), label)) for label in (0, 1))
        return -torch.stack([self._family.loss(z, label) for label in labels], 1).numpy()
