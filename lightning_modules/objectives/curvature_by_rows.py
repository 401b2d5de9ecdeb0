r"""The generalised Gauss–Newton matrix as MᵀM + Λ: few long rows, and a diagonal.

    JᵀHJ + ∇²r = (SJ)ᵀ(SJ) + Λ,      H = ∂²ℓ/∂f² = SᵀS,      M = SJ (m, p),      Λ = ∇²r

Where ℓ is a sum over rows of f, S has a block for each of them, and a row of M is a backward pass through f. A closed form
overrides `factor_rows`, which need not be formed.
"""

import torch
from torch import Tensor

from lightning_modules.objectives.differentiation import pulled_back
from lightning_modules.objectives.recorded_parts import RecordedParts
from lightning_modules.objectives.room import refuse_without_room
from lightning_modules.solvers import FactorRows, StoredRows, WoodburySolver


class CurvatureByRows(RecordedParts):
    """What is known of a curvature C (p, p) from the rows of its loss.

    Attributes:
        rows_at_a_time: how many rows of M are formed together.
    """

    rows_at_a_time = 64

    @property
    def knows_rows(self) -> bool:
        """Whether C is known to be a sum over independent rows of data, its `factor_rows` costing little beside products."""
        return False

    @property
    def num_factor_rows(self) -> int:
        """m, over all processes."""
        return self._model()[0].numel()

    def factor_rows(self) -> FactorRows:
        """M (m, p), the rows of SJ, S a root of ∂²ℓ/∂f² and J the Jacobian of f, over all processes.

        Raises:
            ValueError: ℓ couples the rows of f, the first dimension of the outputs, or is not convex.
        """
        return StoredRows(self.jacobian_rows())

    def jacobian_rows(self) -> Tensor:
        """M as a tensor (m, p), of this process's rows."""
        outputs, leaf = self._model()
        refuse_without_room(outputs.numel(), leaf, copies=2)
        blocks = self._loss_blocks()
        if blocks.shape[1] == 1:
            roots = blocks.clamp_min(0).sqrt()
        else:
            values, vectors = torch.linalg.eigh(blocks)
            roots = values.clamp_min(0).sqrt()[:, :, None] * vectors.mT
        rows = []
        for start in range(0, len(roots), step := max(1, self.rows_at_a_time // max(1, roots.shape[1]))):
            some = roots[start : start + step]
            directions = some.new_zeros(*some.shape[:2], *roots.shape[::2])
            # Row c of S for row i of the outputs is 0 at the other rows.
            own = torch.arange(len(some), device=some.device)
            directions[own, :, own + start] = some
            rows.append(pulled_back(outputs, leaf, directions.reshape(-1, *outputs.shape).to(outputs)))
        return torch.cat([leaf.new_zeros(0, len(leaf)), *rows])

    def penalty_diagonal(self) -> Tensor:
        """The diagonal of Λ = ∇²r (p,).

        Raises:
            ValueError: Λ is no diagonal.
        """
        gradient, leaf = self._penalty_gradient()
        generator = torch.Generator(leaf.device).manual_seed(0)
        probe = torch.rand(len(leaf), generator=generator, dtype=leaf.dtype, device=leaf.device) + 0.5
        diagonal, image = pulled_back(gradient, leaf, torch.stack([torch.ones_like(probe), probe]))
        if not torch.allclose(image, diagonal * probe):
            raise ValueError(
                f"the penalty of {type(self.objective).__name__} couples parameters, so its curvature is no diagonal beside "
                "that of the rows: use Newton(solver='cholesky') or solver='cg'"
            )
        return diagonal

    def completing_directions(self) -> Tensor:
        """Directions (p, k) along which nothing changes, and C is completed."""
        return self.objective.invariant_directions(self.theta)

    def in_space_of_rows(self, awaited: bool) -> WoodburySolver:
        """The solver "woodbury", see `Curvature.solver`."""
        name = type(self.objective).__name__
        if not self.objective.is_split:
            raise ValueError(f"{name} is a function without rows to solve in the space of: use solver='cholesky' or 'cg'")
        if self.kind != "ggn":
            raise ValueError(
                "solver='woodbury' takes the Gauss–Newton matrix, which follows from the rows alone: use curvature='ggn'"
            )
        if (m := self.num_factor_rows) >= (p := len(self.theta)):
            raise ValueError(
                f"solver='woodbury' is for fewer rows × outputs than parameters, but there are {m} for {p}: use 'cholesky'"
            )
        return WoodburySolver(self.factor_rows(), self.penalty_diagonal(), self.completing_directions(), awaited)

    def _loss_blocks(self) -> Tensor:
        """∂²ℓ/∂f² of each row of f (n, k, k), the first dimension of f being that of the rows.

        Raises:
            ValueError: as in `factor_rows`.
        """
        gradient, leaf = self._loss_gradient()
        n = len(leaf) if leaf.ndim else 1
        k = leaf.numel() // max(1, n)
        if n == 0:
            return leaf.new_zeros(0, k, k)
        basis = torch.eye(k, dtype=leaf.dtype, device=leaf.device)[:, None].expand(k, n, k)
        blocks = pulled_back(gradient, leaf, basis.reshape(k, *leaf.shape)).reshape(k, n, k).permute(1, 0, 2)
        generator = torch.Generator(leaf.device).manual_seed(0)
        probe = torch.randn(n, k, generator=generator, dtype=leaf.dtype, device=leaf.device)
        image = pulled_back(gradient, leaf, probe.reshape(1, *leaf.shape)).reshape(n, k)
        expected, size = torch.einsum("njk,nj->nk", blocks, probe), blocks.abs().max()
        rounding = torch.finfo(leaf.dtype).eps ** 0.5 * float(size)
        if not bool(((image - expected).abs() <= rounding * max(1.0, float(probe.abs().max()))).all()):
            raise ValueError(
                "the loss couples the rows of the outputs, so it has no root row by row: use solver='cg' or 'cholesky'"
            )
        if bool((torch.linalg.eigvalsh(blocks) < -rounding).any()):
            raise ValueError(
                "the loss is not convex in the outputs, so its curvature has no root: use solver='cg' or 'cholesky'"
            )
        return blocks
