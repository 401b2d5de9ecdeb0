r"""How much the prediction changes with a feature, on average over the rows.

    A_kj = 1/n Σ_i w_i ∂μ_k/∂x_j (z_i) = 1/n Σ_i w_i Σ_l ∂μ_k/∂z_l W_lj          average marginal effects
    Cov A = J Cov θ̂ Jᵀ ,    J = ∂A/∂θ                                           delta method

Of a linear model they are its coefficients; of others coefficients are in units of the predictor, and these are in units of the
prediction: probabilities, or counts. The effect of an indicator is that of its slope, not of going from 0 to 1.

Source: W. Greene, Econometric Analysis, 7th ed. (2012), section 17.3.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from scipy import stats
from torch import Tensor

from lightning_modules.linear.coefficients import check_names
from lightning_modules.linear.covariance import Covariance, half_of_covariance
from lightning_modules.linear.own_units import Scaling
from lightning_modules.objectives import GLMObjective


@dataclass(frozen=True)
class MarginalEffect:
    """One average marginal effect, per unit of the feature as the model saw it: per standard deviation where it was scaled.

    Attributes:
        name: of the feature; after that of the class or target where there are several.
        effect: A_kj.
        standard_error: of it.
        low, high: ends of the confidence interval.
        p_value: of the hypothesis that it is 0.
        own_units: the same per unit of the feature before it was scaled; None where it was not.
    """

    name: str
    effect: float
    standard_error: float
    low: float
    high: float
    p_value: float
    own_units: "MarginalEffect | None" = None

    @property
    def estimate(self) -> float:
        """The effect, as coefficients call it."""
        return self.effect

    def per(self, unit: float) -> "MarginalEffect":
        """The same of a feature that is so many times as large."""
        effect, error, low, high = (each / unit for each in (self.effect, self.standard_error, self.low, self.high))
        return MarginalEffect(self.name, effect, error, low, high, self.p_value)


def marginal_effects(
    objective: GLMObjective,
    theta: Tensor,
    feature_names: Sequence[str],
    output_names: Sequence[str] = (),
    level: float = 0.95,
    covariance: Covariance = "observed",
    clusters: Tensor | None = None,
    scaling: tuple[Any, Any] | None = None,
) -> list[MarginalEffect]:
    """Of every feature on every output; every process must call it.

    Args:
        objective: the loss over all rows, without penalty.
        theta: its minimiser (p,).
        feature_names: d names.
        output_names: of the classes, or of the targets where there are several.
        level: of the confidence intervals, in (0, 1).
        covariance, clusters: as in `half_of_covariance`.
        scaling: as in `coefficients`.

    Raises:
        ValueError: there is a penalty; a level out of its range; names of another number; as `half_of_covariance`.
    """
    if objective.l2 > 0:
        raise ValueError(f"with a penalty, l2={objective.l2:g}, effects have no standard errors: fit with l2=0 for them")
    if not 0 < level < 1:
        raise ValueError(f"level={level}: the level of a confidence interval lies in (0, 1), 0.95 for example")
    check_names(objective, feature_names, output_names)
    undone = None if scaling is None else Scaling(*scaling, objective.num_features, theta.device, objective.layout.has_bias)
    half = half_of_covariance(objective, theta, covariance, clusters)[objective.layout.by_layout(theta.device)]
    effects, slopes = _effects(objective, theta.double())
    errors = (slopes @ half).norm(dim=1)
    quantile = float(stats.norm.ppf((1 + level) / 2))
    outputs = effects.shape[0]
    prefixes = [""] if outputs == 1 else [f"{name}: " for name in (output_names or map(str, range(outputs)))]
    names = [prefix + name for prefix in prefixes for name in feature_names]
    found = []
    for name, effect, error in zip(names, effects.flatten().tolist(), errors.tolist(), strict=True):
        p_value = float(2 * stats.norm.sf(abs(effect / error)))
        found.append(MarginalEffect(name, effect, error, effect - quantile * error, effect + quantile * error, p_value))
    if undone is None or undone.is_none:
        return found
    units = undone.deviation.tolist() * outputs
    return [replace(each, own_units=each.per(unit)) for each, unit in zip(found, units, strict=True)]


def _effects(objective: GLMObjective, theta: Tensor) -> tuple[Tensor, Tensor]:
    """A (K, d) and J (K d, p), over all processes."""
    glm, family, layout = objective.glm, objective.family, objective.layout
    outputs, size = family.num_outputs, len(theta)
    totals = theta.new_zeros(outputs * layout.num_features, size + 1)
    for x, y, _ in objective.at(theta).predictors.pieces():
        weights = glm.weights_of(y)

        def of(at: Tensor, x: Tensor = x, y: Tensor = y, weights: Tensor = weights) -> Tensor:
            weight, bias = layout.split(at)
            z = glm.moved(glm.rows.columns.product(x.to(at), weight, bias), y)
            # ∂μ_k/∂z of every row (n, K), one output after the other: rows do not mix.
            rows = [_slope(family.mean(z)[:, k].sum(), z) for k in range(outputs)]
            return torch.cat([(weights * row).sum(0, keepdim=True) @ weight for row in rows]).flatten()

        with torch.enable_grad():
            jacobian = torch.autograd.functional.jacobian(of, theta)
            value = of(theta.detach().requires_grad_())
        totals += torch.cat([value.detach()[:, None], jacobian.detach()], 1)
    totals = glm.mean(totals)
    return totals[:, 0].view(outputs, -1), totals[:, 1:]


def _slope(total: Tensor, z: Tensor) -> Tensor:
    (slope,) = torch.autograd.grad(total, z, create_graph=True)
    return slope
