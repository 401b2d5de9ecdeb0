"""Whether a generalised linear model has a finite minimiser: a proof that it does, witnesses that it does not."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from lightning_modules.objectives.linear.glm import GLM
from lightning_modules.objectives.linear.predictors import Predictors
from lightning_modules.objectives.linear.triangle import triangle

# Beside the largest coefficient, in units of predictors; and beside the typical predictor.
LEAST_PART, LEAST_RAISE = 1e-5, 1e-7
# Beside the largest singular value of columns of length 1.
LEAST_SINGULAR = 1e-9


def separates(glm: GLM, candidate: Tensor) -> Tensor | None:
    """The candidate (p,) at unit length if moving along it forever raises the loss of no row and lowers that of some.

    A penalised weight cannot go to infinity, so only the free part of the candidate counts; nor can a redundant shift
    lower anything. A row counts as raised beyond `LEAST_RAISE` of the typical predictor: a Newton step on quasi-separated
    classes approaches their direction geometrically and does not reach it.

    Lengths are those of predictors: a weight counts times the largest number of its feature, whatever its unit.
    """
    units = _units(glm, candidate)
    candidate = candidate / units
    candidate = candidate / candidate.abs().max()
    free = candidate - glm.layout.weights_of(candidate) if glm.l2 else candidate
    redundant = glm.invariant_directions(free)
    free = free - redundant @ (redundant.T @ free)
    norm = free.norm()
    # Where no more than rounding is left of the candidate there was nothing but redundancy; false for nan as well.
    if not 100 * torch.finfo(free.dtype).eps * candidate.norm() < norm < float("inf"):
        return None
    direction = units * (free / norm)
    squares, raised = direction.new_zeros(()), direction.new_zeros(())
    predictors = Predictors(glm, direction)
    for _, _, z in predictors.chunks():
        squares += z.square().sum()
    scale = glm.mean(squares).sqrt()
    nothing = LEAST_RAISE * scale
    for _, y, z in predictors.chunks():
        # The loss of a row may rise without bound along however small a predictor: what counts as none is none.
        along = torch.where(z.abs() > nothing, z, 0.0) if glm.family.num_outputs == 1 else z
        raised += (glm.family.recession(along, y) > nothing).sum()
    if not (scale > 0 and glm.rows.reduction(raised) == 0):
        return None
    direction = direction / direction.abs().max()
    return direction / direction.norm()


def leaving_still(glm: GLM, candidates: Iterable[Tensor]) -> Iterator[Tensor]:
    """What is left of candidates (p,) if they must not move rows whose loss rises both ways, as of counts above 0; nothing
    where there are no such rows.

    A Newton step comes down to that only as far as rounding lets it, and where a loss has all but reached its infimum nothing
    is left of the step but rounding.
    """
    rows, family = glm.rows, glm.family
    if family.num_outputs > 1 or family.self_concordance == 0:  # a squared error rises both ways in every row
        return

    def still() -> Iterator[Tensor]:
        for x, y in rows.all_pieces():
            up = rows.scale.new_ones(len(x), 1)
            rises = (family.recession(up, y) > 0) & (family.recession(-up, y) > 0)
            yield rows.extended(x)[rises]

    upper = triangle(still(), rows.no_rows, rows.num_rows, rows.reduction)
    lengths = upper.norm(dim=0)
    if not bool((lengths > 0).any()):
        return
    lengths = torch.where(lengths > 0, lengths, 1.0)
    try:
        _, values, directions = torch.linalg.svd(upper / lengths, full_matrices=True)
    except RuntimeError:  # of thousands of columns it may not converge, and then nothing is known
        return
    free = directions[int((values > LEAST_SINGULAR * values.max()).sum()) :]
    # In units in which the columns of these rows have length 1.
    units = rows.scale / lengths
    for candidate in candidates:
        yield ((free.T @ (free @ (candidate / units))) * units).to(candidate)


def _units(glm: GLM, like: Tensor) -> Tensor:
    """By which a weight is divided to count times the largest number of its feature (p,)."""
    return glm.rows.scale.to(like).repeat(glm.family.num_outputs)[glm.layout.by_layout(like.device)]


def separating_alone(glm: GLM, direction: Tensor) -> Tensor:
    """A separating direction (p,) with zeros for the coefficients that it takes nowhere, if it separates without these too.

    What is left of them, far below the others' part in the predictors, is what a Newton step has not yet come down to.
    """
    sizes = (direction / _units(glm, direction)).abs()
    alone = separates(glm, torch.where(sizes > LEAST_PART * sizes.max(), direction, 0.0))
    return direction if alone is None else alone


def escaping_bias(glm: GLM, theta: Tensor) -> Tensor | None:
    """The direction in which one bias runs to infinity for want of a class in the data: (p,) -> (p,); None if all are there.

    Biases are not penalised, so this happens whatever λ is.
    """
    if not glm.layout.has_bias:
        return None
    outputs = torch.eye(glm.family.num_outputs, dtype=theta.dtype, device=theta.device)
    directions = torch.cat([outputs, -outputs])

    def raises(y: Tensor) -> Tensor:
        return torch.stack([glm.family.recession(z.expand(len(y), -1), y) > 0 for z in directions], 1).long()

    raised = glm.rows.sum_of_targets(raises)
    escaping = directions[glm.rows.reduction(raised) == 0]
    return torch.cat([theta.new_zeros(len(theta) - len(outputs)), escaping[0]]) if len(escaping) else None
