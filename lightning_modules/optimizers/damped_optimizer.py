"""What Newton's method and its diagonal relative share: d = −(C + μI)⁻¹ g with a fixed or an adaptive damping μ."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective
from lightning_modules.optimizers.curvature import Curvature
from lightning_modules.optimizers.curvature_optimizer import CurvatureOptimizer
from lightning_modules.optimizers.damping import adapted, grown, initial
from lightning_modules.optimizers.search import gradient_falls, lost_in_rounding
from lightning_modules.optimizers.solve import SingularCurvatureError


class DampedOptimizer(CurvatureOptimizer):
    """θ ← θ − lr (C + μI)⁻¹ g, C the curvature of the mean loss.

    Args:
        params: the parameters, one group.
        lr: step size; 1 is the full step to the minimiser of the quadratic model.
        damping: μ ≥ 0, in units of the mean loss's curvature, or "adaptive" (see `damping.py`).
        curvature: "hessian", or "ggn" for the generalised Gauss–Newton matrix.
        search, tolerance: as in `CurvatureOptimizer`.
    """

    # An accepted step needs a decrease; this many increases of the damping are tried to find one (4³⁰ ≈ 1e18).
    max_trials = 30

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float,
        damping: float | Literal["adaptive"],
        curvature: Literal["hessian", "ggn"],
        search: Literal["backtracking"] | None,
        tolerance: float | None,
        **defaults: object,
    ) -> None:
        name = type(self).__name__
        if damping != "adaptive" and not (isinstance(damping, (int, float)) and 0 <= damping < float("inf")):
            raise ValueError(f"{name}(damping={damping!r}): give a number ≥ 0, or 'adaptive'")
        if curvature not in ("hessian", "ggn"):
            raise ValueError(f"{name}(curvature={curvature!r}): choose 'hessian' or 'ggn'")
        if damping == "adaptive" and search is not None:
            raise ValueError(
                f"{name}(damping='adaptive', search={search!r}): both would choose the length of the step; "
                "with a search give a fixed damping, e.g. damping=0.0"
            )
        super().__init__(params, lr=lr, search=search, tolerance=tolerance, damping=damping, curvature=curvature, **defaults)

    @abstractmethod
    def local_curvature(self, theta: Tensor, gradient: Tensor, objective: Objective) -> Curvature:
        """C at θ (p,)."""

    @property
    def damping(self) -> float | Tensor:
        """μ in force: the fixed number, or where the adaptive one stands."""
        fixed: float | str = self.param_groups[0]["damping"]
        return self.memory.get("damping", 0.0) if fixed == "adaptive" else float(fixed)

    def direction(self, theta: Tensor, gradient: Tensor, objective: Objective) -> Tensor:
        """−(C + μI)⁻¹ g: (p,), (p,) -> (p,).

        Raises:
            SingularCurvatureError: C + μI is not positive definite.
        """
        self.last_curvature = self.local_curvature(theta, gradient, objective)
        return -self.last_curvature.solve(gradient, float(self.damping))

    def displacement(self, theta: Tensor, gradient: Tensor, loss: Tensor, objective: Objective) -> Tensor | None:
        if self.param_groups[0]["damping"] != "adaptive":
            step = super().displacement(theta, gradient, loss, objective)
            self.seen["damping"] = self.damping
        else:
            step = self._adaptive_displacement(theta, gradient, loss, objective)
        # λ² = gᵀC⁻¹g = −gᵀd: the decrement of the damped model.
        slope = self.seen.pop("slope", gradient.new_zeros(()))
        self.seen["newton_decrement"] = torch.as_tensor(slope).neg().clamp(min=0).sqrt()
        return step

    def _adaptive_displacement(self, theta: Tensor, gradient: Tensor, loss: Tensor, objective: Objective) -> Tensor | None:
        lr = self.param_groups[0]["lr"]
        curvature = self.last_curvature = self.local_curvature(theta, gradient, objective)
        damping = self.memory.setdefault("damping", initial(curvature.mean(), objective.is_convex))
        for trial in range(self.max_trials):
            self.seen.update(damping=damping, rejected=float(trial))
            try:
                direction = -curvature.solve(gradient, damping).to(theta)
            except SingularCurvatureError:
                damping = grown(damping, curvature.mean())
                continue
            step = lr * direction
            slope = gradient @ direction
            predicted = -(lr * slope + 0.5 * curvature.quadratic_form(step).to(theta))
            value = objective.value(theta + step)
            gain = float((loss - value) / predicted)
            if lost_in_rounding(loss, value) and lost_in_rounding(loss, loss - predicted):
                # The model promises less than the loss can show, so the gradient decides; it says nothing about the damping.
                gain = 0.5 if gradient_falls(objective, theta + step, gradient) else 0.0
            if gain > 0 and predicted > 0:  # false for nan
                self.memory["damping"] = adapted(damping, gain, curvature.mean())
                self.seen.update(gain_ratio=gain, step_size=lr, slope=slope)
                return step
            damping = grown(damping, curvature.mean())
        return None
