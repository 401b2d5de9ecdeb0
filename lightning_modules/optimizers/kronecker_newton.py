"""Newton's method with Kronecker factors for the curvature of each layer."""

from collections.abc import Iterable
from typing import ClassVar, Literal

from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Point
from lightning_modules.optimizers.averaged_newton import AveragedNewton
from lightning_modules.optimizers.kronecker_model import KroneckerModel, KroneckerState
from lightning_modules.solvers import Solver
from lightning_modules.solvers.kronecker_blocks import Eigenbasis, KroneckerBlocksSolver


class KroneckerNewton(AveragedNewton):
    """θ ← θ − lr (C + μD)⁻¹ ∇f(θ), C the Gauss–Newton matrix layer by layer, G ⊗ A in each (K-FAC).

    It sees how a layer's inputs are correlated, and its outputs, which `DiagonalNewton` does not; it costs a few gradients
    where curvature is taken in, and needs layers of known kinds: `MLP`, `ResidualMLP`, `CNN`, and `TorchModel` of such modules.

    - Where all rows are seen at every step, μ adapts by the gain ratio until the loss falls (`damping.py`).
    - On mini-batches the factors are averaged over steps, the direction has momentum, and the step goes to the minimiser of the
      averaged quadratic model along it. The gradients of a network are divided by the root of the curvature, and its weights
      decay (`kronecker_model.py`). As by `DiagonalNewton`, neither a step size nor a schedule has to be chosen.

    Args:
        params: the parameters, one group.
        lr: step size, > 0; 1 is the full step to the minimiser of the model.
        damping: μ ≥ 0 added to the curvature of the *mean* loss, or "adaptive".
        tolerance: how small gradient and Newton decrement have to be in units of the loss (`optimality.py`) for it to stop;
            null = 3.7e-11 (float64).
        momentum: share of the past steps that is kept, in [0, 1); for mini-batches with adaptive damping.
        refresh: the averaged factors take in every so many steps' mini-batch, ≥ 1; for the same case.
        weight_decay: share of the parameters that is taken off at every step, times lr, in [0, 1); for mini-batches. "auto" is
            0.002 of a network, where many parameters say the same, and 0 of any other loss, whose minimiser it would move.

    Raises:
        ValueError: a hyper-parameter out of its range; at the first step, a model whose layers are not known.
    """

    state_class: ClassVar[type[KroneckerState]] = KroneckerState
    model_class: ClassVar[type[KroneckerModel]] = KroneckerModel
    # At lr 1, in five hundred steps a weight that no gradient asks for falls to a third of what it was.
    network_decay: ClassVar[float] = 2e-3

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1.0,
        damping: float | Literal["adaptive"] = "adaptive",
        tolerance: float | None = None,
        momentum: float = 0.85,
        refresh: int = 4,
        weight_decay: float | Literal["auto"] = "auto",
    ) -> None:
        super().__init__(params, lr, damping, "ggn", None, tolerance, momentum, refresh, weight_decay)

    def solver(self, point: Point, gradient: Tensor) -> Solver:
        curvature = point.curvature("ggn")
        found = curvature.kronecker()
        bases = [Eigenbasis.of(block.inputs, block.outputs, block.places, found.rest) for block in found.blocks]
        return KroneckerBlocksSolver(bases, found.rest, lambda s: curvature.form(s.to(point.theta)[None])[0, 0])
