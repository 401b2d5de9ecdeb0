"""C in blocks of layers, each a Kronecker product, and a diagonal for the rest."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.solvers.cholesky import SingularCurvatureError
from lightning_modules.solvers.solver import Solver


class Eigenbasis(NamedTuple):
    """G ⊗ A = (U_G ⊗ U_A) diag(γ ⊗ α + ρ) (U_G ⊗ U_A)ᵀ − ρ of a layer, in g groups; γ and α fall.

    Attributes:
        inputs: U_A (g, in, in), eigenvectors of A as columns.
        outputs: U_G (g, out, out).
        values: γ_k α_j + ρ (g, out, in), ≥ 0.
        places: where the entries of the layer's matrix stand in θ (g, out, in).
    """

    inputs: Tensor
    outputs: Tensor
    values: Tensor
    places: Tensor

    @classmethod
    def of(
        cls, inputs: Tensor, outputs: Tensor, places: Tensor, rest: Tensor, dtype: torch.dtype = torch.float64
    ) -> "Eigenbasis":
        """That of A (g, in, in) and G (g, out, out), and of the mean of a diagonal (p,) at the layer's places, which is added.

        In float64 unless said otherwise: inputs that are nearly always 0 leave small numbers between large ones.
        """
        alpha, a = _eigen(inputs, dtype)
        gamma, g = _eigen(outputs, dtype)
        values = gamma.clamp_min(0)[:, :, None] * alpha.clamp_min(0)[:, None, :]
        return cls(a.to(inputs), g.to(outputs), values.to(inputs) + rest[places].mean(), places)

    def turned(self, v: Tensor) -> Tensor:
        """The layer's part of v (p,) in the eigenbasis: (g, out, in)."""
        return self.outputs.mT @ v[self.places] @ self.inputs

    def put_back(self, result: Tensor, turned: Tensor) -> None:
        """Write a matrix of the eigenbasis into its places in a vector (p,)."""
        result[self.places] = (self.outputs @ turned @ self.inputs.mT).to(result)


class KroneckerBlocksSolver(Solver):
    """C ≈ blocks G ⊗ A and a diagonal.

    (C + R)⁻¹ takes the mean of R over a block: exact where R is one number there.

    Args:
        bases: of the blocks.
        rest: the diagonal of all other parameters (p,), ≥ 0; what it has within blocks is in their bases.
        form: s (p,) -> sᵀCs of the curvature itself.
    """

    def __init__(self, bases: Sequence[Eigenbasis], rest: Tensor, form: Callable[[Tensor], Tensor]) -> None:
        self.bases, self.rest, self.form = bases, rest, form

    def solve(self, rhs: Tensor, ridge: Tensor | float) -> Tensor:
        # An undamped block may be singular: there the answer is nan or infinite, and the step is rejected when it is judged.
        result = rhs / (self.rest + ridge).to(rhs)
        for basis in self.bases:
            of_block = ridge[basis.places].mean() if isinstance(ridge, Tensor) else ridge
            basis.put_back(result, basis.turned(rhs) / (basis.values + of_block).to(rhs))
        return result

    def quadratic_form(self, s: Tensor) -> Tensor:
        return self.form(s)

    def diagonal(self) -> Tensor:
        return diagonal_of(self.bases, self.rest)


def diagonal_of(bases: Sequence[Eigenbasis], rest: Tensor) -> Tensor:
    """Of blocks, and of all other parameters a given one (p,): (p,)."""
    diagonal = rest.clone()
    for basis in bases:
        diagonal[basis.places] = basis.outputs.square() @ basis.values @ basis.inputs.square().mT
    return diagonal


def _eigen(matrices: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Eigenvalues, which fall, and eigenvectors of semidefinite matrices (g, d, d), in a precision and in the scale of each."""
    matrices = matrices.to(dtype)
    sizes = matrices.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    scaled = matrices / torch.where(sizes > 0, sizes, 1.0)
    try:
        values, vectors = (found.flip(-1) for found in torch.linalg.eigh(scaled))
    except RuntimeError:
        if not bool(torch.isfinite(scaled).all()):
            raise SingularCurvatureError(
                "the Kronecker factors of a layer are not finite: its inputs are no numbers, or too large to be squared. Look "
                "at the features, and scale them; where a step led there, damp more, as damping='adaptive' does"
            ) from None
        # The fast algorithm gives up on some with many equal eigenvalues; singular vectors are the same, and always found.
        vectors, values, _ = torch.linalg.svd(scaled)
    return values * sizes[..., 0], vectors
