r"""The quadratic model of a loss that is seen in samples only, one mini-batch after the other, averaged over the steps.

    v ← β_v v + (1 − β_v) diag C_t,   v̂ = v / (1 − β_vᵗ)            the curvature, with bias correction
    d = −g_t / (v̂ + μ),   μ = mean v̂                                Newton's step entry by entry, damped in its own unit
    p ← β p + d                                                      the direction: past steps smooth what one sample says
    b ← β_m b − (1 − β_m) g_tᵀp,   m ← β_m m + (1 − β_m) pᵀ(C_t + μI)p
    s = (b/m) p                                                      the minimiser of the averaged model along p

The length is measured, not chosen: with a diagonal in place of the matrix, d alone is hundreds of times too long wherever
features are correlated. The model of one sample overfits that sample, so it is averaged; and since averages move slowly,
v, b and m take in a new sample at every `refresh`-th step only (but at each of the first few), which leaves little more
than the gradient to be computed in between.

C is the generalised Gauss–Newton matrix or the Hessian in the first line, as chosen; in the fourth it is always the former,
along whose directions the model has a minimiser.

The averages are those of Adam (Kingma and Ba, 2015, algorithm 1), taken of the exact curvature in place of squared
gradients. The length is that of Martens and Grosse (2015), section 6.4, averaged over the samples.
"""

from typing import Any

import torch
from torch import Tensor

from lightning_modules.objectives import Objective, runs_ahead
from lightning_modules.optimizers.solve import SingularCurvatureError

CURVATURE_MEMORY, MODEL_MEMORY = 0.95, 0.9


class RunningModel:
    """The averages, and the step they lead to.

    Args:
        memory: where they are kept from step to step: a plain dictionary of tensors (p,) or () and counts.
        momentum: β, in [0, 1).
        refresh: steps between two updates of the averages.
        ggn: whether C is the generalised Gauss–Newton matrix rather than the Hessian, of which the absolute values count.
    """

    def __init__(self, memory: dict[str, Any], momentum: float, refresh: int, ggn: bool) -> None:
        self.memory, self.momentum, self.refresh, self.ggn = memory, momentum, refresh, ggn

    def step(self, theta: Tensor, gradient: Tensor, objective: Objective) -> Tensor:
        """s (p,), from θ (p,) and the gradient (p,) on the present sample.

        Raises:
            SingularCurvatureError: the curvature is 0 in every entry, so that it says nothing.
        """
        memory = self.memory
        if "steps" not in memory:
            memory.update(steps=0, updates=0, curvature=torch.zeros_like(theta), direction=torch.zeros_like(theta))
            memory.update(slope=theta.new_zeros(()), bend=theta.new_zeros(()))
        fresh = memory["steps"] % self.refresh == 0 or memory["steps"] < 2 * self.refresh
        memory["steps"] += 1
        if fresh:
            memory["updates"] += 1
            diagonal = objective.ggn_diagonal(theta) if self.ggn else objective.hessian_diagonal(theta).abs()
            memory["curvature"].lerp_(diagonal, 1 - CURVATURE_MEMORY)
        curvature = memory["curvature"] / (1 - CURVATURE_MEMORY ** memory["updates"])
        damping = curvature.mean()
        if not (runs_ahead(damping) or damping > 0):  # else the next loss is not finite, and refused
            raise SingularCurvatureError(
                "the curvature is 0 in every direction at this point, so it gives no step: check that the network's units "
                "are not all dead, or use GradientDescent or a method of torch.optim"
            )
        newton = -gradient / (curvature + damping)
        direction = memory["direction"].mul_(self.momentum).add_(newton)
        if fresh:
            self._measure(theta, gradient, direction, newton, damping, objective)
        memory["damping"] = damping
        return direction * self.length

    @property
    def length(self) -> Tensor:
        """b/m, how far to go along p (); 0 as long as no sample had a gradient."""
        slope, bend = self.memory["slope"], self.memory["bend"]
        return torch.where(bend > 0, slope / bend, 0.0)

    def _measure(
        self, theta: Tensor, gradient: Tensor, direction: Tensor, newton: Tensor, damping: Tensor, objective: Objective
    ) -> None:
        """Take the present sample's slope and curvature along the direction into the averages.

        Where the direction leads uphill on average, the past misleads: forget it, and start from Newton's step alone. A
        choice of numbers, not a branch, for which the host would wait.
        """
        memory = self.memory
        slope = torch.lerp(memory["slope"], -gradient @ direction, 1 - MODEL_MEMORY)
        uphill = slope <= 0
        direction.copy_(torch.where(uphill, newton, direction))
        bend = objective.ggn_form(theta, direction[None])[0, 0] + damping * (direction @ direction)
        memory["slope"] = torch.where(uphill, -gradient @ direction, slope)
        memory["bend"] = torch.where(uphill, bend, torch.lerp(memory["bend"], bend, 1 - MODEL_MEMORY))
