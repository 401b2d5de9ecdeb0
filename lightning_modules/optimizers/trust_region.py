r"""A trust region: the minimiser of the quadratic model among the steps that are no longer than Δ in the parameters' scale.

    min  gᵀs + ½ sᵀCs   over  ‖s‖_D ≤ Δ,     ‖s‖_D = √(sᵀDs)        ⟺   (C + μD) s = −g,   μ = 0 or ‖s‖_D = Δ

Δ, not μ, is learnt from step to step: when the curvature falls by orders of magnitude within a step, as where a model is the
sum of exponentials, the length that can be trusted is known, and the damping that gives it is not. It doubles where the model
predicted well, and is halved or more where it did not. At the start it is the length of θ itself.

μ is the root of φ(μ) = ‖s(μ)‖_D − Δ, found by Hebden's iteration to a tenth of Δ:

    μ ← μ − (φ(μ) / φ′(μ)) (‖s‖_D / Δ),     φ′ = −(Ds)ᵀ(C + μD)⁻¹(Ds) / ‖s‖_D

Source: J. J. Moré, The Levenberg–Marquardt algorithm: implementation and theory (1978), whose rules for Δ these are.
"""

import math

from torch import Tensor

from lightning_modules.solvers import SingularCurvatureError, Solver

# A step as long as the region to so much is on its boundary.
SLACK = 0.1
# Bounds the factorisations of a step; the least damping that is tried where C is singular.
MOST_DAMPINGS, LEAST_DAMPING = 40, 1e-14


class TrustRegion:
    """Δ, learnt from step to step, and the damping μ that goes with it.

    Args:
        radius: Δ of the step before, or at the first the length of θ.
        damping: μ of the step before, from where the next one is searched for.
    """

    def __init__(self, radius: float, damping: float) -> None:
        self.radius, self.damping = radius, damping
        self.ridge: Tensor | float = 0.0  # μD of the last direction, for who solves with the same matrix once more

    def direction(self, solver: Solver, gradient: Tensor, scale: Tensor) -> Tensor | None:
        """The minimiser of the model within the region (p,); None if no damping makes C + μD positive definite."""
        if not self.radius > 0:
            return None
        low, high = 0.0, float((gradient.double().square() / scale).sum().sqrt()) / self.radius
        damping, within = min(self.damping, high), None
        for _ in range(MOST_DAMPINGS):
            try:
                step = -solver.solve(gradient, ridge := damping * scale).double()
            except SingularCurvatureError:
                # Where no damping at all is singular, about the least that can be told from it is as good as the least.
                low, damping = max(damping, LEAST_DAMPING / 4), max(LEAST_DAMPING, 4 * damping, math.sqrt(damping * high))
                continue
            length = float((scale * step.square()).sum().sqrt())
            if length <= (1 + SLACK) * self.radius:
                self.damping, self.ridge, within, high = damping, ridge, step, damping
                if length >= (1 - SLACK) * self.radius or damping <= 4 * low or damping == 0:
                    return step
            else:
                low = damping
            image = scale * step
            bend = float(image @ solver.solve(image, ridge).double())
            if not (length > 0 and bend > 0):
                return within  # the step is 0 to rounding
            damping += (length - self.radius) * length**2 / bend / self.radius
            if not low < damping < high:
                # If nothing is known that speaks against it, no damping at all; else one in between.
                damping = 0.0 if low == 0 and damping <= 0 else math.sqrt(max(low, LEAST_DAMPING) * high)
        return within

    def reject(self, length: float, share: float) -> None:
        """A step of this length did not decrease the loss; a parabola through it has its vertex at such a share of it."""
        self.radius = min(0.5, max(0.1, share)) * min(self.radius, 10 * length)
        # The damping that shortens a step by as much, about, where it is mostly damping that keeps it short.
        self.damping = self.damping / min(0.5, max(0.1, share))

    def accept(self, length: float, gain: float, share: float) -> None:
        """A step of this length was taken, with this gain ratio."""
        if gain <= 0.25:
            self.reject(length, share)
        elif gain >= 0.75 or self.damping == 0:
            self.radius = max(self.radius, 2 * length) if self.damping else 2 * length
            self.damping *= 0.5
