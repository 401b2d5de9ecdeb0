"""λ/2 Σ ‖W‖² over the weights of a module: its matrices, kernels and tables, not its biases and scales."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from torch import Tensor


@dataclass(frozen=True)
class L2Penalty:
    """The penalty as a function of θ.

    Attributes:
        strength: λ ≥ 0, relative to the mean loss.
        places: where penalised weights stand in θ: the first place of each, and the one after its last.
    """

    strength: float
    places: Sequence[tuple[int, int]]

    @classmethod
    def of_shapes(cls, strength: float, shapes: Sequence[Sequence[int]]) -> "L2Penalty":
        """That of parameters of some shapes, laid out one after the other: those with two or more dimensions."""
        places, start = [], 0
        for shape in shapes:
            size = prod(shape)
            if len(shape) > 1:
                places.append((start, start + size))
            start += size
        return cls(strength, places)

    def value(self, theta: Tensor) -> Tensor:
        """(p,) -> ()."""
        total = theta.new_zeros(())
        for start, stop in self.places if self.strength else ():
            total = total + 0.5 * self.strength * theta[start:stop] @ theta[start:stop]
        return total

    def add_product(self, derivative: Tensor, v: Tensor) -> Tensor:
        """`derivative` with ∇²r v added in place: (…, p), v (…, p). With v = θ it is the gradient that is added."""
        for start, stop in self.places if self.strength else ():
            derivative[..., start:stop].add_(v[..., start:stop], alpha=self.strength)
        return derivative

    def add_form(self, form: Tensor, directions: Tensor) -> Tensor:
        """`form` with V ∇²r Vᵀ added in place: (k, k), k directions V (k, p)."""
        for start, stop in self.places if self.strength else ():
            weights = directions[:, start:stop]
            form.addmm_(weights, weights.T, alpha=self.strength)
        return form
