r"""The Gauss–Newton matrix of a layer as a Kronecker product of two small matrices.

    z_t = W x_t + b, x̄_t = (x_t, 1)         the layer, at positions t = 1 … T of a row
    C_(W b)  ≈  G ⊗ A                        A: what its inputs are like, G: how the loss bends in its outputs

    expand      A = 1/nT Σ_it x̄_it x̄_itᵀ,       G = 1/n Σ_it Σ_c s_cit s_citᵀ        positions as if they were rows
    reduce      A = 1/n Σ_i x̄_i x̄_iᵀ,           G = 1/n Σ_i Σ_c s_ci s_ciᵀ           x̄_i: mean over t, s_ci: sum over t

with s the rows of a factor of the loss's curvature, carried down to z, so that expectations over the model's own targets are
exact. With one position and one row the product is exact, and so it is in expectation where inputs and outputs are independent.

Sources: J. Martens and R. Grosse, Optimizing neural networks with Kronecker-factored approximate curvature (2015); R. Grosse
and J. Martens, A Kronecker-factored approximate Fisher matrix for convolution layers (2016); R. Eschenhagen et al.,
Kronecker-factored approximate curvature for modern neural network architectures (2023), for the names expand and reduce.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NoReturn, get_args

import torch
from torch import Tensor

FACTOR_BYTES = 4 * 2**30
# A product of fewer rows than this is not worth its own call.
BLOCK_ROWS = 192
Sharing = Literal["expand", "reduce"]


@dataclass(frozen=True)
class KroneckerBlock:
    """The part of C that belongs to one layer, in g groups of channels: G ⊗ A in each.

    Attributes:
        inputs: A (g, in, in), its last row and column that of the bias if there is one.
        outputs: G (g, out, out).
        places: where the entries of the matrix (W b) stand in θ (g, out, in).
    """

    inputs: Tensor
    outputs: Tensor
    places: Tensor

    def matrix(self) -> Tensor:
        """G ⊗ A of each group (g, out·in, out·in), rows of W one after another."""
        return torch.stack([torch.kron(g, a) for g, a in zip(self.outputs, self.inputs, strict=True)])


@dataclass(frozen=True)
class KroneckerCurvature:
    """C in blocks of layers, without what couples them, and a diagonal that is added.

    Attributes:
        blocks: of layers that are affine in their weights.
        rest: the exact diagonal of C (p,) at all other parameters; at those of the blocks the penalty's.
    """

    blocks: list[KroneckerBlock]
    rest: Tensor

    def matrix(self) -> Tensor:
        """All of it (p, p)."""
        matrix = torch.diag(self.rest)
        for block in self.blocks:
            for places, product in zip(block.places.flatten(1), block.matrix(), strict=True):
                matrix[places[:, None], places] += product
        return matrix

    def picked(self, places: Tensor, size: int, diagonal: Callable[[], Tensor]) -> "KroneckerCurvature":
        """What belongs to the parameters at some places (q,) of θ (p,).

        Of a layer of which all rows or columns are there or none it is a Kronecker product again, as where a bias is held; of
        others the diagonal of C is taken.

        Args:
            places: whole numbers.
            size: p.
            diagonal: makes the diagonal of C (p,).
        """
        new = torch.full((size,), -1, device=places.device).index_copy(
            0, places, torch.arange(len(places), device=places.device)
        )
        rest, blocks = self.rest[places].clone(), []
        for block in self.blocks:
            moved = new[block.places]
            is_in = moved >= 0
            rows, columns = is_in.any(2).any(0), is_in.any(1).any(0)
            if not bool(is_in.any()):
                continue
            if bool((is_in == (rows[:, None] & columns)).all()):
                inputs = block.inputs[:, columns][:, :, columns]
                blocks.append(KroneckerBlock(inputs, block.outputs[:, rows][:, :, rows], moved[:, rows][:, :, columns]))
            else:
                rest[moved[is_in]] = diagonal()[block.places[is_in]]
        return KroneckerCurvature(blocks, rest)


def refuse_no_layers(reason: str | None, name: str) -> NoReturn:
    """Refuse Kronecker products of a loss that is not known to be made of layers.

    Raises:
        ValueError: always.
    """
    told = reason or f"a {name} knows of none"
    raise ValueError(
        f"Kronecker products are made of the inputs and outputs of layers: {told}; use a network of known layers, or "
        "DiagonalNewton"
    )


def check_factors(kind: str, sharing: str) -> None:
    """Refuse those of a Hessian, and another word.

    Raises:
        ValueError: the kind is "hessian", or the sharing neither "expand" nor "reduce".
    """
    if kind == "hessian":
        raise ValueError("a Hessian has no Kronecker factors: they are those of the Gauss–Newton matrix, curvature='ggn'")
    if sharing not in get_args(Sharing):
        raise ValueError(f"kronecker({sharing!r}): choose 'expand' or 'reduce'")


def refuse_wide(numbers: int, like: Tensor) -> None:
    """Refuse factors that no memory holds, before they are begun.

    Args:
        numbers: entries of all A and G.
        like: (p,), in their type.

    Raises:
        ValueError: they, their averages and their eigenvectors take more than 4 GiB.
    """
    if (size := 3 * like.element_size() * numbers) > FACTOR_BYTES:
        raise ValueError(
            f"the Kronecker factors of these layers, their averages and eigenvectors take {size / 2**30:.1f} GiB, more than 4: "
            "they have a row and a column for each input and output of a layer; use narrower layers, or DiagonalNewton"
        )


def second_moments(rows: Tensor) -> Tensor:
    """Σ over columns of their outer products: (g, d, m) -> (g, d, d)."""
    return add_second_moments(rows.new_zeros(len(rows), rows.shape[1], rows.shape[1]), rows)


def add_second_moments(total: Tensor, rows: Tensor) -> Tensor:
    """Add Σ over columns of their outer products, which is symmetric, in place: (g, d, d), (g, d, m) -> (g, d, d).

    Blocks above the diagonal are computed and copied below it: of four blocks by four, ten products in place of sixteen.
    """
    edges = torch.linspace(0, rows.shape[1], max(1, rows.shape[1] // BLOCK_ROWS) + 1).long().tolist()
    for a, b in pairwise(edges):
        total[:, a:b, a:].baddbmm_(rows[:, a:b], rows[:, a:].mT)
    for a, b in pairwise(edges[1:]):
        total[:, a:b, :a] = total[:, :a, a:b].mT
    return total


def add_bordered_moments(total: Tensor, rows: Tensor) -> Tensor:
    """Add Σ x̄ x̄ᵀ over columns x of `rows`, x̄ = (x, 1), in place: (g, d + 1, d + 1), (g, d, m) -> (g, d + 1, d + 1)."""
    sums = rows.sum(2)
    add_second_moments(total[:, :-1, :-1], rows)
    total[:, -1, :-1] += sums
    total[:, :-1, -1] += sums
    total[:, -1, -1] += rows.shape[2]
    return total
