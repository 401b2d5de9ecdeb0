"""How much rounding there is in the gradient of a linear model, and in what its Hessian is made of."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_modules.objectives.linear.predictors import Predictors
from lightning_modules.objectives.linear.root import by_output

# Of exponential, logarithm and division in a mean function and its derivative, and of what a few operations more take.
OPERATIONS = 16


@dataclass(frozen=True, eq=False)
class Rounding:
    """What float64 may have lost.

    Attributes:
        gradient: a bound on each error of s g (p,), output by output, see `Root`.
        predictor: on the error of any predictor.
    """

    gradient: Tensor
    predictor: float


def rounding_at(predictors: Predictors, is_precise: bool) -> Rounding:
    """A sum of k products errs by at most kε of the sum of their magnitudes, whatever the order; by kε² with twice the digits.

    Predictors err by ζ ≤ (d + 1) ε (|W||x| + |b|), the gradient of a row then by what the family says (`sensitivity`) and by
    its own rounding, second derivatives by the factor e^(cζ).

    Args:
        predictors: of the rows at θ (p,), in float64.
        is_precise: whether the gradient is that of `precise_gradient`.
    """
    theta, glm = predictors.theta, predictors.glm
    eps, family, rows = torch.finfo(theta.dtype).eps, glm.family, glm.rows
    weight, bias = glm.layout.split(theta)
    is_curved = family.self_concordance > 0  # else the mean function is z itself, exact
    terms, unit = rows.terms + OPERATIONS, eps**2 if is_precise else eps
    total, largest = rows.scale.new_zeros(len(rows.scale), family.num_outputs), theta.new_zeros(())
    for x, y, z in predictors.pieces(most=rows.wide_rows):
        magnitudes = rows.columns.product_of_magnitudes(x, weight, bias)
        slopes, errors = family.gradient(z, y).abs(), eps * (rows.num_features + 1) * magnitudes.amax(1, keepdim=True)
        off = family.sensitivity(z, y, errors if not is_precise else 4 * eps * (rows.num_features + 4) * errors)
        if is_curved:
            off = off + eps * (family.num_outputs + OPERATIONS) * (slopes if is_precise else family.gradient_terms(z, y))
            if is_precise:
                off = off + family.sensitivity(z, y, predictors.self_concordance * errors.square())
        elif is_precise:
            magnitudes = magnitudes.amax(1, keepdim=True)
            off = off + eps**2 * OPERATIONS * (family.sensitivity(z, y, magnitudes) + family.gradient_terms(z, y))
        by_row = unit * terms * slopes + off
        total += rows.columns.transposed_magnitudes(by_row, x, rows.scale)
        if len(x):
            largest = torch.maximum(largest, errors.amax())
    sums = glm.mean(total).T.flatten()
    # The sum over processes bounds their maximum from above.
    largest = rows.reduction(largest)
    weights = glm.layout.weights_of(theta).abs()[by_output(glm, theta)]
    penalty = OPERATIONS * eps * glm.l2 * weights * rows.scale.repeat(family.num_outputs)
    return Rounding(sums + penalty, float(largest))
