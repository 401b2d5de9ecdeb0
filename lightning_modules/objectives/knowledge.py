"""What only some objectives can say of themselves, and methods and verdicts ask of all: by default, nothing is known."""

from torch import Tensor
from typing_extensions import Self

from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.proof import Proof


class Knowledge:
    """Facts about a loss beyond its value and derivatives.

    Attributes:
        is_redundant: whether many parameters say the same, as in a network: then there are many minima, saddles between them
            and flat directions around them, and a method has to fear saddles more than narrow valleys.
        without_layers: why nothing is known of the layers that the loss is made of; None where nobody has looked for any.
        unit: what the loss is measured in, so that "small" has a meaning: what a constant prediction would lose if it became a
            perfect one, or 1 for logarithms of probabilities; None where nothing is known.
        infimum: a number that the loss never falls below; None where none is known.
        has_convex_outputs: whether ℓ, the loss of given outputs, is known to be convex in them, as all of this project's are:
            then JᵀHJ has no negative eigenvalue.
        has_kinks: whether a penalty on absolute values holds parameters at exactly 0. The gradient is the shortest subgradient
            then, steps are those of `Point.proximal_step`, and an optimum is told by `proof_at`.
    """

    is_redundant = False
    without_layers: str | None = None
    unit: float | None = None
    infimum: float | None = None
    has_convex_outputs = True
    has_kinks = False

    def every_kth(self, k: int) -> Self | None:
        """The loss over every k-th of all rows; None where rows cannot be left out."""
        return None

    @property
    def num_factors(self) -> int:
        """C, how many rows SJ has for each row of data in the Gauss–Newton matrix Σ (SJ)ᵀSJ; 0 if unknown."""
        return 0

    def drawn(self, draws: int, seed: int) -> Self | None:
        """The same loss with so many random combinations of S in its place; None where S is not known."""
        return None

    @property
    def rows_per_parameter(self) -> float:
        """How much the rows say of each parameter, by which some are enough for an optimum; 0 if unknown."""
        return 0.0

    def invariant_directions(self, theta: Tensor) -> Tensor:
        """Orthonormal directions along which `value` never changes, whatever the data: (p,) -> (p, k), here k = 0.

        Such a direction is a redundancy of the parametrisation (the common shift of softmax weights), not of the data.
        """
        return theta.new_zeros(len(theta), 0)

    def pooled(self, diagonal: Tensor) -> Tensor:
        """A diagonal of the curvature (p,), averaged over parameters that are in the same units and may change places."""
        return diagonal

    def degeneracy(self, theta: Tensor, direction: Tensor | None = None) -> Degeneracy | None:
        """Why no unique finite minimiser exists, as far as it shows; None if no reason shows.

        Args:
            theta: parameters (p,).
            direction: a candidate (p,) for a direction along which the loss may fall forever: a Newton step, say.
        """
        return None

    def attains_minimum(self, theta: Tensor, decrement: float, hessian: Tensor | None) -> bool:
        """Whether a minimiser near θ is certain, given that θ is stationary to tolerance.

        A loss without flat ends at infinity needs no proof, so the default is that a regular Hessian is enough.

        Args:
            theta: parameters (p,).
            decrement: Newton decrement λ at θ.
            hessian: positive definite Hessian at θ (p, p), or None if it is singular or was not formed.
        """
        return hessian is not None

    def attains_partial_minimum(self, theta: Tensor, decrement: float, hessian: Tensor | None) -> bool:
        """Whether a minimiser of the loss as a function of some parameters only, the others held, is certain near θ.

        Args:
            theta: all parameters (p,).
            decrement: Newton decrement λ of those that train.
            hessian: their positive definite Hessian (q, q), or None if it is singular or was not formed.
        """
        return hessian is not None

    def non_finite_part(self, theta: Tensor) -> str | None:
        """Which part of the value is not finite at θ (p,), "residual 3 of 20 is nan"; None if that cannot be told."""
        return None

    def distance_bound(self, theta: Tensor, gradient: Tensor, hessian: Tensor | None) -> float | None:
        """A proven bound on ‖θ* − θ‖₂, θ* the minimiser nearest to θ; infinite where the proof fails, None where there is none.

        Args:
            theta: θ (p,), in float64.
            gradient: (p,), there.
            hessian: (p, p), there, completed along the directions that change nothing; None if it is singular.
        """
        return None

    def proof_at(self, theta: Tensor, tolerance: float) -> Proof | None:
        """What is proved of θ (p,) as the minimiser, to a tolerance in units of the loss; None where derivatives tell it."""
        return None

    def remark(self, theta: Tensor) -> str:
        """What else is to be said of θ (p,), judged as a minimiser: a clause of the verdict's message, or nothing."""
        return ""
