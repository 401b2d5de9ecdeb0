"""A loss and its parts at a point as torch has recorded them: what is differentiated once more for every curvature."""

from typing import Any, Protocol

import torch
from torch import Tensor

from lightning_modules.objectives.differentiation import gradient_of, recording
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.once import once


class Loss(Protocol):
    """What is asked of the objective, see `Objective`."""

    is_sample: bool
    is_convex: bool
    is_redundant: bool
    has_convex_outputs: bool

    @property
    def without_layers(self) -> str | None: ...

    @property
    def is_split(self) -> bool: ...

    def value(self, theta: Tensor) -> Tensor: ...

    def outputs(self, theta: Tensor) -> Tensor: ...

    def output_loss(self, outputs: Tensor) -> Tensor: ...

    def penalty(self, theta: Tensor) -> Tensor: ...

    def invariant_directions(self, theta: Tensor) -> Tensor: ...


class RecordedPlace(Protocol):
    """What is asked of the point, see `Point`."""

    theta: Tensor

    @property
    def objective(self) -> Loss: ...

    def results_of(self, kind: Kind) -> dict[str, Any]: ...


class RecordedParts:
    """The graphs of a loss  value(θ) = ℓ(f(θ)) + r(θ)  at a point, each recorded when it is first asked for.

    Args:
        point: where.
        kind: of the curvature that they are recorded for.
    """

    def __init__(self, point: RecordedPlace, kind: Kind) -> None:
        self.point, self.objective, self.kind = point, point.objective, kind
        self.results = point.results_of(kind)

    @property
    def theta(self) -> Tensor:
        """θ (p,)."""
        return self.point.theta

    @once
    def _gradient(self) -> tuple[Tensor, Tensor]:
        """∇ value and θ, the former as a function of the latter."""
        with recording():
            leaf = self.theta.clone().requires_grad_()
            return gradient_of(self.objective.value(leaf), leaf), leaf

    @once
    def _model(self) -> tuple[Tensor, Tensor]:
        """f(θ) and θ."""
        with recording():
            leaf = self.theta.clone().requires_grad_()
            return self.objective.outputs(leaf), leaf

    @once
    def _forward_product(self) -> tuple[Tensor, Tensor]:
        """Jᵀu and u: linear in u, so that pulling v back through it gives Jv."""
        outputs, leaf = self._model()
        with recording():
            u = torch.ones_like(outputs, requires_grad=True)
            return gradient_of(outputs, leaf, u), u

    @once
    def _loss_gradient(self) -> tuple[Tensor, Tensor]:
        """∂ℓ/∂f and f."""
        with recording():
            leaf = self._model()[0].detach().requires_grad_()
            return gradient_of(self.objective.output_loss(leaf), leaf), leaf

    @once
    def _penalty_gradient(self) -> tuple[Tensor, Tensor]:
        """∇r and θ."""
        with recording():
            leaf = self.theta.clone().requires_grad_()
            return gradient_of(self.objective.penalty(leaf), leaf), leaf
