r"""The exact diagonals of a dense network's Hessian and GGN, without one second backward pass per parameter.

z_ℓ is affine in the weights of its own layer, so with M_ℓ = ∂²l/∂z_ℓ∂z_ℓᵀ and E_ℓ = ∂²l/∂h_ℓ∂h_ℓᵀ of one row

    ∂²l/∂W_ℓ,jk² = (M_ℓ)_jj h_{ℓ−1,k}²,      M_ℓ = D E_ℓ D + diag(v_ℓ),   D = diag φ′(z_ℓ),   v_ℓ = φ″(z_ℓ) ⊙ e_ℓ
    E_{ℓ−1} = Jᵀ E_ℓ J + W_ℓᵀ diag(v_ℓ) W_ℓ,      J = D W_ℓ [+ I in a layer with a skip]

All of E is needed further down, though only the diagonal of M is used. It is carried in the parts it is made of:

    E_ℓ = SᵀS                                    S: the factor of the loss's curvature, C rows
        + Σ_r u_r F_r F_rᵀ                       a term v of a higher layer: its rows of W carried down, weights u = v
        + W_{ℓ+1}ᵀ diag(v_{ℓ+1}) W_{ℓ+1}         that of the layer just above: its diagonal is v (W∘W), one product for all rows

So a term needs rows of its own only from its second crossing on, and a network of two hidden layers none at all. When
there would be more rows than two widths, their sum is kept as the matrix it is. The GGN is what v = 0 leaves: SᵀS alone.

Bishop, Neural Networks for Pattern Recognition (1995), section 4.10.1, has the recursion with the off-diagonal part of E
left out, an approximation; published versions that drop it without saying so are wrong.
"""

from collections.abc import Iterator
from itertools import repeat

import torch
from torch import Tensor

from lightning_modules.objectives.layered.trace import Trace
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time

# What is carried for some rows of data takes at most so many numbers: memory that is new at every step, or does not fit in
# a cache, costs several times what is computed from it.
CACHE_NUMBERS = 2**18
# Of each number that is carried there are the next layer's and two products at once.
COPIES = 4


class _HigherTerms:
    """Σ_r u_r F_r F_rᵀ of every row of a chunk, as rows or as matrices: the second part of E."""

    def __init__(self) -> None:
        self.rows: Tensor | None = None  # F (R, n, width)
        self.weights: Tensor | None = None  # u (R, n)
        self.matrix: Tensor | None = None  # (n, width, width)

    def diagonal(self) -> Tensor | float:
        """(n, width)."""
        total: Tensor | float = 0.0
        if self.rows is not None and self.weights is not None:
            total = torch.einsum("rn,rnw->nw", self.weights, self.rows.square())
        return total if self.matrix is None else total + self.matrix.diagonal(dim1=1, dim2=2)

    def add(self, weight: Tensor, v: Tensor) -> None:
        """A term Wᵀ diag(v) W: W (R, width), v (n, R)."""
        rows = weight[:, None, :].expand(-1, len(v), -1)
        self.rows = rows if self.rows is None else torch.cat([self.rows, rows])
        self.weights = v.T if self.weights is None else torch.cat([self.weights, v.T])

    def cross(self, slope: Tensor, weight: Tensor, skip: bool) -> None:
        """E → JᵀEJ."""
        if self.rows is not None and self.weights is not None and len(self.rows) > 2 * self.rows.shape[2]:
            dense = torch.einsum("rnv,rn,rnw->nvw", self.rows, self.weights, self.rows)
            self.matrix = dense if self.matrix is None else self.matrix + dense
            self.rows = self.weights = None
        if self.rows is not None:
            self.rows = _through(self.rows, slope, weight, skip)
        if self.matrix is not None:
            half = _through(self.matrix.transpose(0, 1), slope, weight, skip).transpose(0, 1)  # E → EJ, row by row of E
            self.matrix = _through(half.permute(2, 0, 1), slope, weight, skip).transpose(0, 1)  # (EJ)ᵀ → (EJ)ᵀJ


def squares(trace: Trace, factor: Tensor, e: Tensor | None = None) -> Iterator[tuple[int, Tensor]]:
    """(ℓ, diag M_ℓ (n, out)) of every layer, ℓ counted from 0.

    Args:
        trace: the pass of a chunk of rows.
        factor: S of ∂²l/∂f² (C, n, K).
        e: ∂l/∂f (n, K) for the Hessian; nothing for the GGN.
    """
    rows = rows_carried(trace, len(factor), second_order=e is not None)
    factors, gradients = factor.split(rows, 1), repeat(None) if e is None else e.split(rows)
    parts = [_squares(*part) for part in zip(trace.split(rows), factors, gradients, strict=False)]
    yield from ((index, torch.cat(layer)) for index, layer in enumerate(zip(*parts, strict=True)))


def _squares(trace: Trace, s: Tensor, e: Tensor | None) -> list[Tensor]:
    """diag M_ℓ (n, out) of every layer, for as many rows as fit in a cache."""
    higher, above, diagonals = _HigherTerms(), None, []
    for index in reversed(range(len(trace.layers))):
        layer, slope, skip = trace.layers[index], trace.slopes[index], trace.skips[index]
        second = None if e is None else trace.second_slopes[index]
        v = None if e is None or second is None else second * e
        curvature = s.square().sum(0) + higher.diagonal()
        if above is not None:
            curvature.addmm_(above[1], above[0].square())
        square = curvature.mul_(slope.square())
        diagonals.append(square if v is None else square.add_(v))
        if index:
            if above is not None:
                higher.add(*above)
            s = _through(s, slope, layer.weight, skip)
            higher.cross(slope, layer.weight, skip)
            above = None if v is None else (layer.weight, v)
            e = None if e is None else _through(e, slope, layer.weight, skip)
    return diagonals[::-1]


def rows_carried(trace: Trace, factors: int, second_order: bool) -> int:
    """How many rows of data keep what is carried within CACHE_NUMBERS, or on a device within its bound.

    Args:
        trace: their pass.
        factors: C, the rows of S.
        second_order: whether there are terms v, so that rows F or matrices E are carried beside S.
    """
    carried, higher, above = 0, 0, 0
    for layer, phi in zip(trace.layers[::-1], trace.activations[::-1], strict=True):
        width = len(layer.weight)
        carried = max(carried, (factors + min(higher, 3 * width)) * width)
        higher, above = higher + above, 0 if phi.piecewise_linear or not second_order else width
    return rows_at_a_time(trace.outputs.device, CACHE_NUMBERS // carried, 8 * COPIES * carried)


def _through(rows: Tensor, slope: Tensor, weight: Tensor, skip: bool) -> Tensor:
    """rows · J: (R, n, out) -> (R, n, in)."""
    below = (rows * slope) @ weight
    return below + rows if skip else below
