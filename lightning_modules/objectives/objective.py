"""One loss, seen by every method: a function of the flat parameter vector with derivatives on demand.

Subclasses give `value`; everything else follows by automatic differentiation. A closed form overrides a method, and the
unbound default – `Objective.hessian(objective, theta)` – stays available as its oracle: the defaults use `value` (or
`outputs`, `output_loss` and `penalty`) alone, never another closed form.

Conventions
-----------
- θ (p,) is laid out as `torch.nn.utils.parameters_to_vector(module.parameters())`.
- `value` is the *mean* loss over all rows plus the penalty; gradient and curvature are its derivatives, penalty included.
- The generalised Gauss–Newton matrix (GGN) of  ℓ(f(θ)) + r(θ)  is  JᵀHJ + ∇²r  with J = ∂f/∂θ and H = ∂²ℓ/∂f².
  It needs the split into `outputs` f, `output_loss` ℓ and `penalty` r.

Reference for the GGN: N. Schraudolph, Fast curvature matrix-vector products (2002), section 3.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad, grad_and_value, jvp, vjp, vmap

from lightning_modules.objectives.degeneracy import Degeneracy
from lightning_modules.objectives.preconditioner import DiagonalPreconditioner, Preconditioner

NO_GGN = "{} is not split into model and loss, so it has no Gauss–Newton matrix: use curvature='hessian'"


class Objective(ABC):
    """Mean loss of a model on a data set, as a function of its flat parameters θ (p,)."""

    # Whether these rows are a sample that changes from step to step, so that what they say is to be averaged.
    is_sample = False
    # Whether the loss is convex in θ, so that its Hessian has no negative eigenvalue.
    is_convex = False
    # Whether the Hessian is the same everywhere, so that one Newton step ends at the minimiser.
    is_quadratic = False
    # How many columns of a p × p matrix are formed at a time: bounds the memory of the dense defaults.
    columns_at_a_time = 64

    @abstractmethod
    def value(self, theta: Tensor) -> Tensor:
        """Mean loss plus penalty: (p,) -> ()."""

    @property
    def has_hessian(self) -> bool:
        """Whether the second derivatives add up to the first ones: not where these jump."""
        return True

    def gradient(self, theta: Tensor) -> Tensor:
        """∇ value: (p,) -> (p,)."""
        return grad(self.value)(theta)

    def value_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """`value` and `gradient` in one pass: (p,) -> (), (p,)."""
        gradient, value = grad_and_value(self.value)(theta)
        return value, gradient

    def hessian_vector_product(self, theta: Tensor, v: Tensor) -> Tensor:
        """∇² value · v, forward over reverse: (p,), (p,) -> (p,)."""
        return jvp(grad(self.value), (theta,), (v,))[1]

    def hessian(self, theta: Tensor) -> Tensor:
        """∇² value: (p,) -> (p, p)."""
        return self._columns(Objective.hessian_vector_product, theta)

    def hessian_diagonal(self, theta: Tensor) -> Tensor:
        """Diagonal of `hessian`: (p,) -> (p,)."""
        return Objective.hessian(self, theta).diagonal().clone()

    def outputs(self, theta: Tensor) -> Tensor:
        """f(θ), the model's outputs for every row this process holds: (p,) -> (n, K)."""
        raise NotImplementedError(NO_GGN.format(type(self).__name__))

    def output_loss(self, outputs: Tensor) -> Tensor:
        """ℓ, the mean loss of given outputs: (n, K) -> ()."""
        raise NotImplementedError(NO_GGN.format(type(self).__name__))

    def penalty(self, theta: Tensor) -> Tensor:
        """r(θ), the part of `value` that does not depend on the data: (p,) -> ()."""
        return theta.new_zeros(())

    def ggn_vector_product(self, theta: Tensor, v: Tensor) -> Tensor:
        """(JᵀHJ + ∇²r) v: (p,), (p,) -> (p,)."""
        f, jv = jvp(self.outputs, (theta,), (v,))[:2]  # v → Jv
        hjv = jvp(grad(self.output_loss), (f,), (jv,))[1]  # Jv → HJv
        (jthjv,) = vjp(self.outputs, theta)[1](hjv)  # HJv → JᵀHJv
        return jthjv + jvp(grad(self.penalty), (theta,), (v,))[1]

    def ggn(self, theta: Tensor) -> Tensor:
        """Generalised Gauss–Newton matrix: (p,) -> (p, p)."""
        return self._columns(Objective.ggn_vector_product, theta)

    def ggn_diagonal(self, theta: Tensor) -> Tensor:
        """Diagonal of `ggn`: (p,) -> (p,)."""
        return Objective.ggn(self, theta).diagonal().clone()

    def ggn_form(self, theta: Tensor, v: Tensor) -> Tensor:
        """v ggn vᵀ, the curvature within the span of k directions: (p,), (k, p) -> (k, k)."""
        return v @ torch.stack([self.ggn_vector_product(theta, row) for row in v]).T

    def hessian_preconditioner(self, theta: Tensor) -> Preconditioner:
        """A cheap approximation of `hessian` for conjugate gradients: (p,) -> P."""
        return DiagonalPreconditioner(self.hessian_diagonal(theta))

    def ggn_preconditioner(self, theta: Tensor) -> Preconditioner:
        """A cheap approximation of `ggn` for conjugate gradients: (p,) -> P."""
        return DiagonalPreconditioner(self.ggn_diagonal(theta))

    def invariant_directions(self, theta: Tensor) -> Tensor:
        """Orthonormal directions along which `value` never changes, whatever the data: (p,) -> (p, k), here k = 0.

        Such a direction is a redundancy of the parametrisation (the common shift of softmax weights), not of the data.
        """
        return theta.new_zeros(len(theta), 0)

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

    def _columns(self, product: Callable[["Objective", Tensor, Tensor], Tensor], theta: Tensor) -> Tensor:
        basis = torch.eye(len(theta), dtype=theta.dtype, device=theta.device)
        return vmap(lambda v: product(self, theta, v), out_dims=1, chunk_size=self.columns_at_a_time)(basis)
