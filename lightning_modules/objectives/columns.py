"""What is stored of a row, and the features that it stands for: here each stored number is one."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Columns:
    """Sums over rows x (m, c), as they are stored, of their features φ(x) (m, d): here φ(x) = x.

    Other columns override all of it: what they store is smaller than the features, which are then never written out.

    Attributes:
        num_features: d.
    """

    num_features: int

    @property
    def num_stored(self) -> int:
        """c."""
        return self.num_features

    @property
    def are_written_out(self) -> bool:
        """Whether rows are stored as features."""
        return True

    def are_numbers(self, device: torch.device) -> Tensor:
        """Which features are stored as they are (d,)."""
        return torch.ones(self.num_features, dtype=torch.bool, device=device)

    def shifted(self, x: Tensor, centre: Tensor) -> Tensor:
        """What is stored of φ(x) less a vector (d,) that is 0 but for numbers."""
        return x - centre

    def moved(self, x: Tensor, shift: Tensor) -> tuple[Tensor, "Columns"]:
        """What is stored of φ(x) + shift (d,), and what that is stored as."""
        return x + shift, self

    def expanded(self, x: Tensor) -> Tensor:
        """φ(x), (m, c) -> (m, d), in the type of x; what stands behind it stays behind it."""
        return x

    def product(self, x: Tensor, weight: Tensor, bias: Tensor, out: Tensor | None = None) -> Tensor:
        """φ(x) Wᵀ + b, with W (K, d) and b (K,): (m, K). Without `out` it can be differentiated."""
        return torch.addmm(bias, x, weight.T) if out is None else torch.addmm(bias, x, weight.T, out=out)

    def product_of_magnitudes(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """What `product` adds up, each term without its sign: (m, K). It bounds the rounding of `product`."""
        return torch.addmm(bias.abs(), x.abs(), weight.abs().T)

    def add_transposed(self, total: Tensor, g: Tensor, x: Tensor) -> None:
        """Adds gᵀ φ(x), with g (m, K), to a sum (K, d)."""
        total.addmm_(g.T, x)

    def transposed_magnitudes(self, g: Tensor, x: Tensor, scale: Tensor) -> Tensor:
        """What (φ(x), 1)ᵀ g adds up, each term without its sign, with g (m, K) ≥ 0, times S: (d + 1, K).

        Args:
            g: of each row.
            x: rows (m, c).
            scale: S (d + 1,), powers of two; (d,) without the 1.
        """
        return extended(self.expanded(x), scale).abs().T @ g

    def add_transposed_squares(self, total: Tensor, g: Tensor, x: Tensor) -> None:
        """Adds gᵀ φ(x)², with g (m, K), to a sum (K, d)."""
        total.addmm_(g.T, x.square())

    def add_gram(self, total: Tensor, weights: Tensor, x: Tensor) -> None:
        """Adds φ(x)ᵀ diag(w) φ(x), with w (m,), to a sum (d, d)."""
        total.addmm_((x * weights[:, None]).T, x)

    def largest(self, x: Tensor) -> Tensor:
        """max |φ(x)| of each feature (d,), or a bound that no other rows have a larger one of."""
        return x.abs().amax(0)

    def squared_lengths(self, x: Tensor, scale: Tensor, half: Tensor) -> Tensor:
        """‖ (φ(x), 1) S h ‖² of each row, or of one without the 1: (m,), at least.

        Args:
            x: rows (m, c).
            scale: S (d + 1,), powers of two; (d,) without the 1.
            half: h (d + 1, r), or (d, r).
        """
        return (extended(self.expanded(x), scale) @ half).square().sum(1)


def extended(features: Tensor, scale: Tensor) -> Tensor:
    """(φ, 1) S in float64, (m, d) -> (m, d + 1); without the 1 where S has d entries alone."""
    d = features.shape[1]
    rows = scale.new_empty(len(features), len(scale))
    torch.mul(features.double(), scale[:d], out=rows[:, :d])
    rows[:, d:] = scale[d:]
    return rows
