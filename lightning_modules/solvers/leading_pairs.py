r"""A function of C = G ⊗ A + ρ that falls with its eigenvalues, for vectors that mostly meet eigenvalues as good as 0.

    f(C) V = f(λ_min) V + U_G ((f(λ) − f(λ_min)) ⊙ (U_Gᵀ V U_A)) U_Aᵀ,        λ_kj = γ_k α_j + ρ

Where λ is damped, f(λ) = 1/(λ + μ) or its root, most pairs (k, j) are as good as undamped, and as the second term is nothing
for them, they are left out. As γ and α fall, what is left lies beneath a hyperbola. Two rectangles cover it, and the products
with U_G and U_A are those of their rows and columns only:

                j      columns   width
        k  ┌─────────────┬─────────┐
           │             │         │
           │             │         │
      rows ├─────────────┼─────────┘
           │             │
           │             │
      last └─────────────┘
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.solvers.kronecker_blocks import Eigenbasis


class Corner(NamedTuple):
    """Pairs that are not left out: of the first `rows` k the first `width` j, of others up to `last` the first `columns`."""

    rows: int
    width: int
    last: int
    columns: int


def corner_of(values: Tensor, damping: Tensor, told: float) -> Corner:
    """The two rectangles that take the fewest operations; a device is waited for, once.

    Args:
        values: λ (g, out, in), which falls along out and in.
        damping: μ ().
        told: ≥ 1; pairs with λ + μ ≤ told (λ_min + μ) are left out.
    """
    out, width = values.shape[1:]
    damped = values + damping
    counts = (damped > told * damped[:, -1:, -1:]).any(0).sum(1)
    counts = torch.cat([counts, counts.new_zeros(1)])
    most, last = counts[0], (counts > 0).sum()
    rows = torch.arange(out + 1, device=values.device)
    # Up: U_Gᵀ V, then times U_A, of the first rectangle; V U_A, then U_Gᵀ times it, of the second. Down it is the same again.
    operations = rows * width * (out + most) + counts * out * (width + (last - rows).clamp(min=0))
    best = operations.argmin()
    return Corner(*torch.stack([best, most, last, counts[best]]).tolist())


class LeadingPairs:
    """f(C) of a layer, prepared for many vectors.

    Args:
        basis: of C.
        corner: the pairs that are not left out.
        function: f, entry by entry.
    """

    def __init__(self, basis: Eigenbasis, corner: Corner, function: Callable[[Tensor], Tensor]) -> None:
        rows, width, last, columns = corner
        self._least = function(basis.values[:, -1:, -1:])
        self._wide = function(basis.values[:, :rows, :width]) - self._least
        self._long = function(basis.values[:, rows:last, :columns]) - self._least
        self._outputs = basis.outputs[:, :, :rows], basis.outputs[:, :, rows:last]
        self._inputs = basis.inputs[:, :, :width], basis.inputs[:, :, :columns]

    def __call__(self, v: Tensor) -> Tensor:
        """f(C) V: (g, out, in) -> the same."""
        result = v * self._least
        if self._wide.numel():
            g, a = self._outputs[0], self._inputs[0]
            result.baddbmm_(g, ((g.mT @ v) @ a).mul_(self._wide) @ a.mT)
        if self._long.numel():
            g, a = self._outputs[1], self._inputs[1]
            result.baddbmm_(g @ (g.mT @ (v @ a)).mul_(self._long), a.mT)
        return result
