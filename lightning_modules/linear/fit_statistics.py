r"""How well a generalised linear model fits as a whole.

    deviance  D = 2 Σ_i w_i (l_i(θ̂) − l_i*)          l_i* the loss where the target is met
    null deviance  D₀                                without features: of the intercept alone, and the offsets
    log-likelihood  ℓ = Σ_i (log p*_i − w_i (l_i − l_i*)/φ)
    AIC = 2p − 2ℓ ,   BIC = p log n − 2ℓ ,           p coefficients, n = Σ w_i
    pseudo-R²:   McFadden  1 − ℓ/ℓ₀ , of labels and counts,   Cox and Snell  1 − e^(2(ℓ₀ − ℓ)/n) ,   of deviance  1 − D/D₀
    likelihood-ratio test of all coefficients but the intercept:   2(ℓ − ℓ₀), or (D₀ − D)/φ,  χ² of p − p₀ degrees of freedom

φ is Pearson's estimate; for least squares in ℓ the maximum-likelihood one, D/n, by which the ratio is tested too.

Source: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), sections 2.3 and 4.4.
"""

import math
from dataclasses import dataclass

import torch
from scipy import stats
from torch import Tensor

from lightning_modules.linear.count_dispersion import minimise_with_dispersion
from lightning_modules.linear.dispersion import dispersion, pearson
from lightning_modules.linear.joint_dispersion import joint_dispersion
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Categorical, Gaussian, NegativeBinomial
from lightning_modules.optimizers import Newton, minimise

MOST_STEPS = 100


@dataclass(frozen=True)
class FitStatistics:
    """As above; None where there is no closed form, or nothing to compare with.

    Attributes:
        rows: n.
        num_coefficients: p.
        dispersion: φ; of several targets their mean.
        alpha: of negative binomial counts.
        alpha_error: its standard error, by the observed information of it and the coefficients; None where it was given, or is
            next to 0, where it has none.
        deviance, null_deviance: D, D₀.
        pearson: Pearson's χ²; None for several classes.
        log_likelihood, null_log_likelihood: ℓ, ℓ₀.
        aic, bic: the smaller the better.
        mcfadden, cox_snell, deviance_explained: the three pseudo-R².
        ratio, ratio_freedom, ratio_p_value: of the likelihood-ratio test.
    """

    rows: float
    num_coefficients: int
    dispersion: float
    alpha: float | None
    alpha_error: float | None
    deviance: float
    null_deviance: float | None
    pearson: float | None
    log_likelihood: float | None
    null_log_likelihood: float | None
    aic: float | None
    bic: float | None
    mcfadden: float | None
    cox_snell: float | None
    deviance_explained: float | None
    ratio: float | None
    ratio_freedom: int
    ratio_p_value: float | None


def fit_statistics(objective: GLMObjective, theta: Tensor) -> FitStatistics:
    """Of the model at its minimiser (p,), without penalty; every process must call it.

    Args:
        objective: the loss over all rows.
        theta: its minimiser (p,).

    Raises:
        ValueError: there is a penalty; φ is estimated and there is no row more than coefficients of a target.
        ConstantTargetError: φ is estimated, and a target is the same in every row.
    """
    if objective.l2 > 0:
        raise ValueError(
            f"with a penalty, l2={objective.l2:g}, likelihoods, AIC and tests mean nothing: fit with l2=0 for them"
        )
    is_gaussian, outputs = isinstance(objective.family, Gaussian), objective.family.num_outputs
    classes = outputs - 1 if isinstance(objective.family, Categorical) else outputs
    is_alpha_estimated = isinstance(objective.family, NegativeBinomial) and objective.family.is_estimated
    count, rows = classes * objective.layout.width + is_alpha_estimated, float(objective.rows.weight)
    factor = float(dispersion(objective, theta).mean())
    deviance = _deviance(objective, theta)
    constant = _constant_model(objective)
    null_deviance = None if constant is None else _deviance(*constant)
    own = deviance / (rows * outputs) if is_gaussian else factor
    likelihood = _log_likelihood(objective, deviance, own)
    null = None
    if null_deviance is not None:
        null = _log_likelihood(objective, null_deviance, null_deviance / (rows * outputs) if is_gaussian else own)
    if is_alpha_estimated and constant is not None:
        # The deviances are compared at one α, the likelihoods each at its own.
        with_own, found = minimise_with_dispersion(*constant)
        null = _log_likelihood(with_own, _deviance(with_own, found.theta), 1.0)
    alpha_error = None
    if is_alpha_estimated:
        point = objective.at_full_precision(theta)
        joint = None if point.root is None else joint_dispersion(objective, point.predictors, point.root)
        alpha_error = None if joint is None else joint.standard_error
    freedom = classes * objective.num_features
    ratio = None
    if null_deviance is not None:
        is_likelihood = likelihood is not None and null is not None and (is_gaussian or not objective.family.has_dispersion)
        ratio = 2 * (likelihood - null) if is_likelihood else (null_deviance - deviance) / factor  # type: ignore[operator]
    return FitStatistics(
        rows=rows,
        num_coefficients=count,
        dispersion=factor,
        alpha=objective.family.dispersion if isinstance(objective.family, NegativeBinomial) else None,
        alpha_error=alpha_error,
        deviance=deviance,
        null_deviance=null_deviance,
        pearson=None if isinstance(objective.family, Categorical) else float(pearson(objective, theta).sum()),
        log_likelihood=likelihood,
        null_log_likelihood=null,
        aic=None if likelihood is None else 2 * count - 2 * likelihood,
        bic=None if likelihood is None else count * math.log(rows) - 2 * likelihood,
        # Of densities it would depend on the unit of the targets.
        mcfadden=None if likelihood is None or not null or objective.family.has_dispersion else 1 - likelihood / null,
        cox_snell=None if likelihood is None or null is None else -math.expm1(2 * (null - likelihood) / rows),
        deviance_explained=None if not null_deviance else 1 - deviance / null_deviance,
        ratio=ratio,
        ratio_freedom=freedom,
        ratio_p_value=None if ratio is None or freedom < 1 else float(stats.chi2(freedom).sf(ratio)),
    )


def _deviance(objective: GLMObjective, theta: Tensor) -> float:
    """D, over all processes."""
    glm, family = objective.glm, objective.family
    total = theta.new_zeros((), dtype=torch.float64)
    for _, y, z in objective.at_full_precision(theta).predictors.chunks():
        own, weights = glm.own_targets(y), glm.weights_of(y)[:, 0]
        total += (weights * (family.loss(glm.moved(z, y), own) - family.least_loss(own))).sum()
    return max(0.0, 2 * float(objective.rows.reduction(total)))  # below 0 is rounding


def log_likelihood(objective: GLMObjective, theta: Tensor) -> float | None:
    """ℓ at coefficients (p,), with φ = 1: of labels and counts; None where it has no closed form."""
    return _log_likelihood(objective, _deviance(objective, theta), 1.0)


def _log_likelihood(objective: GLMObjective, deviance: float, factor: float) -> float | None:
    """ℓ at a deviance, with φ."""
    glm = objective.glm
    first = objective.targets[:1]
    if (
        objective.family.log_likelihood_met(first, torch.ones(len(first), dtype=torch.float64, device=first.device), factor)
        is None
    ):
        return None

    def met(y: Tensor) -> Tensor:
        values = objective.family.log_likelihood_met(glm.own_targets(y), glm.weights_of(y)[:, 0], factor)
        assert values is not None
        return values

    return float(objective.rows.reduction(objective.rows.sum_of_targets(met))) - deviance / (2 * factor)


def _constant_model(objective: GLMObjective) -> tuple[GLMObjective, Tensor] | None:
    """The intercept alone on the same rows, and its minimiser; None where that is none. Without one nothing is left."""
    if not objective.layout.has_bias:
        return objective, objective.layout.zeros(objective.rows.device)
    rows = objective.rows
    terms = rows.terms_of_rows
    constant = GLMObjective(
        objective.family,
        rows.features[:, :0],
        rows.targets,
        reduction=rows.reduction,
        weights=terms.weights,
        offset=terms.offset,
    )
    start = torch.zeros(objective.family.num_outputs, dtype=torch.float64, device=rows.device)
    found = minimise(constant, start, Newton, MOST_STEPS)
    return (constant, found.theta) if found.optimizer_status == "converged" else None
