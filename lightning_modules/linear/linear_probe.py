r"""How much of the classes a linear rule can read off frozen features, answered exactly.

    min over (W, b) of  1/n Σ_i l(W x̂_i + b, y_i) + λ/2 ‖W‖²,      x̂ = (x − mean) / deviation, both of the training rows,

is convex, and strictly so but for a common shift: one answer, found by the project's own Newton method to tolerance. There is
no learning rate, schedule, number of epochs or seed that could flatter or spoil the features. λ is what does best on
validation, on the way from strong to weak up to the first that does worse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from lightning_modules.objectives import GLMObjective, Reduction, this_process, total_count
from lightning_modules.objectives.families import Categorical
from lightning_modules.optimizers import Newton, minimise

Labelled = tuple[Tensor, Tensor]
# From strong to weak, relative to the mean loss: each solution is a good start for the next. A tenth of the last would take
# several times as long; on features of MNIST it lowered the validation loss by a seventh and left the accuracy as it was.
PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
# Candidates are compared where the gradient is below the first, far below what changes a prediction. The chosen one is solved
# to the second, on the gradient and on half the squared Newton decrement, which is the excess of the training objective.
ROUGH, EXACT = 1e-4, 1e-10
MAX_STEPS = 100


@dataclass(frozen=True)
class LinearProbe:
    """Softmax regression on features as they come, standardisation included.

    Attributes:
        weight: (K, d).
        bias: (K,).
        l2: λ chosen on validation.
        converged: whether the training loss is minimal to tolerance.
        train_objective: the minimum: mean training loss plus penalty.
        val_losses: mean validation loss by λ, of those that were tried.
    """

    weight: Tensor
    bias: Tensor
    l2: float
    converged: bool
    train_objective: float
    val_losses: dict[float, float]

    def __call__(self, features: Tensor) -> Tensor:
        """Linear predictors: (n, d) -> (n, K)."""
        return features @ self.weight.to(features).T + self.bias.to(features)


def fit_probe(
    train: Labelled, val: Labelled, num_classes: int, l2: Sequence[float] = PENALTIES, reduction: Reduction = this_process
) -> LinearProbe:
    """Fit the probe; it draws no random number, and works under `no_grad` and inference mode.

    Args:
        train: features (n, d) and labels (n,) of this process's training rows.
        val: those of its validation rows, by which λ is chosen.
        num_classes: K.
        l2: penalties to choose from, from strong to weak.
        reduction: sums over processes.

    Raises:
        ValueError: no validation row, no penalty, one that is not positive, or an order other than from strong to weak.
    """
    if not l2 or list(l2) != sorted(l2, reverse=True) or not all(0 < candidate < float("inf") for candidate in l2):
        raise ValueError(
            f"fit_probe(l2={l2}): give at least one penalty, all > 0 (else there may be no minimum), largest first"
        )
    # Tensors made in inference mode can never be differentiated or changed again; the parameter below has to be.
    with torch.inference_mode(False):
        (x, y), (x_val, y_val) = ((features.double().clone(), labels.clone()) for features, labels in (train, val))
        if total_count(len(y_val), reduction, y_val.device) == 0:
            raise ValueError("the probe's penalty is chosen on validation rows and there are none: set val_fraction above 0")
        mean, deviation = _moments(x, reduction)
        x, x_val, family = (x - mean) / deviation, (x_val - mean) / deviation, Categorical(num_classes)
        training, validation = (
            GLMObjective(family, x, y, reduction=reduction),
            GLMObjective(family, x_val, y_val, reduction=reduction),
        )
        training.rows.gram_eigen  # noqa: B018 – formed once, for all penalties
        theta, val_losses, starts = x.new_zeros(num_classes * (x.shape[1] + 1)), {}, {}
        for candidate in l2:
            theta, _ = _minimise(training.with_l2(candidate), theta)
            starts[candidate] = theta
            val_losses[candidate] = float(validation.value(theta))
            if val_losses[candidate] > min(val_losses.values()):
                break  # past the best one; the weaker the penalty the longer it takes
        chosen = min(val_losses, key=val_losses.__getitem__)
        objective = training.with_l2(chosen)
        theta, converged = _minimise(objective, starts[chosen], is_exact=True)
        weight, bias = objective.layout.split(theta)
        weight = weight / deviation  # W x̂ + b = (W/deviation) x + (b − (W/deviation) mean)
        return LinearProbe(weight, bias - weight @ mean, chosen, converged, float(objective.value(theta)), val_losses)


def _moments(x: Tensor, reduction: Reduction) -> tuple[Tensor, Tensor]:
    """Mean and population deviation of each feature over all processes: (n, d) -> (d,), (d,).

    A constant feature keeps its scale: standardised it is 0 in every training row and says nothing.
    """
    count = reduction(x.new_full((), float(len(x))))
    mean = reduction(x.sum(0)) / count
    deviation = (reduction((x - mean).square().sum(0)) / count).sqrt()
    rounding = 100 * torch.finfo(x.dtype).eps * mean.abs()
    return mean, torch.where(deviation > rounding, deviation, 1.0)


def _minimise(objective: GLMObjective, theta: Tensor, is_exact: bool = False) -> tuple[Tensor, bool]:
    """Newton's method from θ (p,) on products with the Hessian only: forming it costs more at these sizes.

    That is why a rough minimum is told by its gradient; the Newton decrement, which needs the Hessian, is for the exact one.

    Returns:
        θ (p,) at the end, and whether the method says that it is the minimiser to tolerance.
    """
    method = partial(Newton, solver="cg", tolerance=EXACT if is_exact else 0.0)
    is_enough = None if is_exact else lambda report: bool(report.gradient_max <= ROUGH)
    minimum = minimise(objective, theta, method, MAX_STEPS, is_enough)
    return minimum.theta, minimum.optimizer_status == "converged"
