"""What the callbacks ask of a model beyond Lightning's own hooks."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor
from torchmetrics import MetricCollection


class Verdict(Protocol):
    """Where a fit ended."""

    status: str
    message: str
    direction: Tensor | None
    columns: tuple[int, ...]


class Measurement(Protocol):
    """Metrics over the rows of all processes: every process adds its share of each batch."""

    def add(self, batch: Any) -> dict[str, Tensor]: ...

    def values(self) -> dict[str, Tensor]: ...


class MeasuredModel(Protocol):
    """A model that measures itself, by the metrics it names, and judges its own convergence."""

    def metrics(self) -> MetricCollection: ...

    def measurement(self) -> Measurement: ...

    def convergence(self) -> Verdict: ...


class Estimate(Protocol):
    """A coefficient and how sure it is; None where that is not known. `own_units` is the same of the feature before scaling."""

    name: str
    estimate: float
    standard_error: float | None
    low: float | None
    high: float | None
    p_value: float | None
    own_units: "Estimate | None"


@runtime_checkable
class Standardisation(Protocol):
    """What a data module subtracts from the features (d,), and divides them by after that (d,)."""

    mean: Any
    deviation: Any


@runtime_checkable
class EffectModel(Protocol):
    """A model whose features have average marginal effects on its predictions, or none where these have no errors."""

    def marginal_effects(
        self,
        feature_names: Sequence[str],
        output_names: Sequence[str] = (),
        scaling: tuple[Any, Any] | None = None,
        covariance: Any = "observed",
        level: float = 0.95,
        clusters: Tensor | None = None,
    ) -> Sequence[Estimate]: ...


@runtime_checkable
class CoefficientModel(Protocol):
    """A model whose coefficients have standard errors, or none where these mean nothing, and that has a likelihood, if so."""

    def coefficients(
        self,
        feature_names: Sequence[str],
        output_names: Sequence[str] = (),
        scaling: tuple[Any, Any] | None = None,
        covariance: Any = "observed",
        level: float = 0.95,
        intervals: Any = "wald",
        clusters: Tensor | None = None,
    ) -> Sequence[Estimate]: ...

    def fit_statistics(self) -> Any: ...


class Probe(Protocol):
    """A linear classifier of features: (n, d) -> predictors (n, K)."""

    l2: float
    converged: bool

    def __call__(self, features: Tensor) -> Tensor: ...


@runtime_checkable
class FeatureModel(Protocol):
    """A model whose `forward` gives features for simple classifiers to read: images (n, …) -> (n, F).

    `fit_probe` takes features and labels of this process's training rows and of its validation rows. `joined_rows` puts
    the rows (n_r, …) of each process r, n_r ≥ 0, one after the other, and gives all of them to every process.
    """

    def joined_rows(self, rows: dict[str, Tensor]) -> dict[str, Tensor]: ...

    def fit_probe(self, train: tuple[Tensor, Tensor], val: tuple[Tensor, Tensor]) -> Probe: ...
