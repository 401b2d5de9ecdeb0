"""h = φ(z), unit by unit, with φ′ and φ″ in closed form.

    φ′(z), φ″(z)                   from z and from h = φ(z), whichever is cheaper: tanh′ = 1 − h² needs no second tanh
    ∂h/∂z = diag φ′(z)             so a layer's derivatives are products with φ′, never with a matrix

At a kink, where φ has no derivative, φ′ is what automatic differentiation takes it to be.
"""

from abc import ABC, abstractmethod
from math import inf

from torch import Tensor, nn


class Activation(nn.Module, ABC):
    """A function φ of each unit alone, without parameters.

    Attributes:
        piecewise_linear: whether φ″ = 0 wherever it exists. The outputs are then piecewise linear in each layer's weights,
            so a layer's own block of the Hessian is that of the generalised Gauss–Newton matrix (not so between layers).
        twice_differentiable: whether φ, φ′ and φ″ say how φ changes, kinks of measure 0 apart. Not so for a φ that jumps.
        bounds: between which all its values are.
    """

    piecewise_linear: bool = False
    twice_differentiable: bool = True
    bounds: tuple[float, float] = (-inf, inf)

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """φ(z): any shape -> the same."""

    @abstractmethod
    def derivative(self, z: Tensor, h: Tensor) -> Tensor:
        """φ′(z), given h = φ(z) too: any shape -> the same."""

    def pull_back(self, e: Tensor, z: Tensor, h: Tensor) -> Tensor:
        """φ′(z) ⊙ e, from e = ∂L/∂h to ∂L/∂z, in one pass over the memory where there is one: (…, *z) -> the same."""
        return e * self.derivative(z, h)

    @abstractmethod
    def second_derivative(self, z: Tensor, h: Tensor) -> Tensor:
        """φ″(z), given h = φ(z) too: any shape -> the same; 0 at a kink."""
