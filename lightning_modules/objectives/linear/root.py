r"""A triangular root R of a linear model's Hessian, in units in which every column has length 1.

    S H S = RᵀR ,      S powers of two, so that scaling rounds nothing and units do not count

either from H itself, by Cholesky's factorisation, or, where the rows' curvature is one weight w_i, straight from the rows,

    QR of  √(w_i/n) S x̃_i    and, below them, of the penalty's √λ S ,

which loses as many digits as the condition number κ of these columns has, where H, formed, loses twice as many: of columns
with κ > 1e8 nothing is left. It costs twice as much, so it is for those that need it.

Source: Å. Björck, Numerical Methods for Least Squares Problems (1996), sections 2.4 and 2.6.
"""

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.devices import Number, asked, is_asynchronous
from lightning_modules.objectives.linear.glm import GLM
from lightning_modules.objectives.linear.predictors import Predictors
from lightning_modules.objectives.linear.triangle import factor, triangle
from lightning_modules.solvers import SMALL, undivided

# Above this norm of R⁻¹, hence below 1e-6 for an eigenvalue of S H S, the rows are factorised and not H.
MOST_INVERSE = 1e3
# Squares below have lost digits to underflow on their way.
LEAST_SQUARE = 1e-250


@dataclass(frozen=True, eq=False)
class Root:
    """S H S = RᵀR, up to rounding; p is ordered output by output, (W | b) row by row.

    Attributes:
        upper: R (p, p), upper triangular, its columns about as long as 1.
        rows_scale: s (p,), of `Rows.scale`, in whose units gradients are given.
        unit: S / s (p,), positive.
        is_from_rows: whether H was not formed.
    """

    upper: Tensor
    rows_scale: Tensor
    unit: Tensor
    is_from_rows: bool

    @property
    def scale(self) -> Tensor:
        """S (p,)."""
        return self.rows_scale * self.unit

    @cached_property
    def inverse(self) -> Tensor:
        """R⁻¹ (p, p), as computed: each of its columns solves a system that differs from R by pε of its entries."""
        eye = torch.eye(len(self.upper), dtype=self.upper.dtype, device=self.upper.device)
        return torch.linalg.solve_triangular(self.upper, eye, upper=True)

    @cached_property
    def largest(self) -> float:
        """‖R⁻¹‖ at most, infinite if that is not sure: one over the smallest singular value of R."""
        norm = float(self.inverse.norm())
        error = len(self.upper) * torch.finfo(self.upper.dtype).eps * float((self.upper.abs() @ self.inverse.abs()).norm())
        return norm / (1 - error) if error < 0.5 else math.inf

    @cached_property
    def stretch(self) -> Number | Tensor:
        """‖R⁻¹‖ nearly, at the cost of a few solutions: by inverse iteration from the smallest pivot, see `cholesky.py`."""
        v = torch.zeros_like(self.upper[0]).index_fill_(0, self.upper.diagonal().abs().argmin()[None], 1.0)
        for _ in range(3):
            image = self.solved(torch.linalg.solve_triangular(self.upper.T, v[:, None], upper=False)[:, 0])
            v = image / image.norm()
        return asked(image.norm().sqrt())

    @cached_property
    def is_short(self) -> bool:
        """Whether ‖R⁻¹‖ is at most `MOST_INVERSE`: of a small R by ‖R⁻¹‖_F, which it is never above, where that is enough."""
        is_cheap = len(self.upper) <= SMALL and not is_asynchronous(self.upper)
        return (is_cheap and float(self.inverse.norm()) <= MOST_INVERSE) or float(self.stretch) <= MOST_INVERSE

    @cached_property
    def condition(self) -> float:
        """Of R: the largest singular value over the smallest."""
        values = torch.linalg.svdvals(self.upper)
        return float(values[0] / values[-1]) if float(values[-1]) > 0 else math.inf

    def reduced(self, gradient: Tensor) -> Tensor:
        """h = R⁻ᵀ S g of s g (p,), output by output; its length is the Newton decrement."""
        return torch.linalg.solve_triangular(self.upper.T, (self.unit * gradient)[:, None], upper=False)[:, 0]

    def solved(self, h: Tensor) -> Tensor:
        """R⁻¹h (p,): times S, H⁻¹g."""
        return torch.linalg.solve_triangular(self.upper, h[:, None], upper=True)[:, 0]

    def divided(self, rhs: Tensor) -> Tensor:
        """H⁻¹ b = S (RᵀR)⁻¹ S b (p,)."""
        return self.scale * torch.cholesky_solve((self.scale * rhs)[:, None], self.upper, upper=True)[:, 0]


def root_of_matrix(glm: GLM, hessian: Tensor) -> Root | None:
    """From H (p, p), laid out as θ and regular along directions that change nothing; None if it is singular to rounding."""
    if glm.family.num_outputs > 1:
        order = by_output(glm, hessian)
        hessian = hessian[order][:, order]
    diagonal = hessian.diagonal()
    is_sound = torch.isfinite(hessian).all() & (diagonal > LEAST_SQUARE).all()
    if not is_asynchronous(hessian) and not is_sound:  # a device says so later
        return None
    scale = torch.exp2((-0.5 * diagonal.log2()).round())
    with undivided() if len(hessian) <= SMALL else nullcontext():
        lower, info = torch.linalg.cholesky_ex(scale[:, None] * hessian * scale)
    own = glm.rows.scale.repeat(glm.family.num_outputs)
    found, is_regular = Root(lower.T.contiguous(), own, scale / own, False), asked(is_sound & (info == 0))
    if is_asynchronous(hessian):
        found.stretch  # noqa: B018 – it is looked at next, and so read along
    return found if is_regular else None


def root_of_rows(predictors: Predictors) -> Root | None:
    """From the rows, of a family whose curvature is one weight for each; None if these leave a column without a pivot."""
    glm, rows = predictors.glm, predictors.glm.rows
    is_given = glm.family.self_concordance == 0 and not rows.terms_of_rows
    upper = (rows.triangle if is_given else _weighted(predictors)) / math.sqrt(rows.weight)
    if glm.l2 > 0:
        upper = factor(upper, penalty_rows(glm))
    lengths = upper.norm(dim=0)
    if len(upper) < upper.shape[1] or not bool((upper.diagonal() != 0).all() and torch.isfinite(upper).all()):
        return None
    unit = torch.exp2(-lengths.log2().round())
    outputs = glm.family.num_outputs
    eye = torch.eye(outputs, dtype=upper.dtype, device=upper.device)
    root = Root(torch.kron(eye, (upper * unit).contiguous()), rows.scale.repeat(outputs), unit.repeat(outputs), True)
    return root if root.largest < math.inf else None


def root(predictors: Predictors, matrix: Tensor) -> Root | None:
    """The better of both, of H (p, p) as it was formed; None where it is singular as far as rounding lets it be seen."""
    glm, theta = predictors.glm, predictors.theta
    if glm.family.shift_invariant:
        # Regular along a common shift too, with about as much curvature as its weights have, in their own unit.
        invariant = glm.invariant_directions(theta)
        matrix = matrix + invariant * (invariant.square().T @ matrix.diagonal()) @ invariant.T
    found = root_of_matrix(glm, matrix)
    if glm.family.has_row_weights and (found is None or not found.is_short):
        return root_of_rows(predictors)
    return found


def by_output(glm: GLM, like: Tensor) -> Tensor:
    """Takes a vector laid out as θ to the order of `Root`: indices (p,)."""
    return glm.layout.by_output(like.device)


def weighted_rows(predictors: Predictors) -> Iterator[Tensor]:
    """√w_i s x̃_i of this process's rows, piece by piece."""
    glm = predictors.glm
    for x, y, z in predictors.pieces():
        yield glm.family.curvature_diagonal(z, y)[:, :1].sqrt() * glm.rows.extended(x)


def _weighted(predictors: Predictors) -> Tensor:
    rows = predictors.glm.rows
    return triangle(weighted_rows(predictors), rows.no_rows, rows.num_rows, rows.reduction)


def penalty_rows(glm: GLM) -> Tensor:
    """√λ s, a row for each feature: (d, d + 1)."""
    return (math.sqrt(glm.l2) * glm.rows.scale).diag()[: glm.rows.num_features]
