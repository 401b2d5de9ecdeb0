"""Levenberg–Marquardt damping: how much to trust the quadratic model, learnt from how well it predicted.

    (C + μD) d = −g,      ρ = (f(θ) − f(θ + s)) / (m(θ) − m(θ + s))       gain ratio: actual over predicted decrease

D is the scale of the parameters (`parameter_scale.py`), so that μ is a plain number: the share of each parameter's own
curvature that is added to it. μ shrinks when ρ > ¾, grows when ρ < ¼, and a step that does not decrease the loss is tried
again with more of it. On a convex loss it starts at 0, and it returns to 0 where it no longer matters: a model that is right
– least squares, a logistic regression near its optimum – gets pure Newton steps, and one step is enough where one step is
exact.

References: D. Marquardt (1963); R. Fletcher (1971), whose ¼ and ¾ these are; Nocedal and Wright (2006), algorithm 4.1.
"""

from torch import Tensor

from lightning_modules.solvers import SingularCurvatureError, Solver

SHRINK, GROW, FIRST, NEGLIGIBLE = 1 / 3, 4.0, 1e-4, 1e-7


def grown(damping: float) -> float:
    """More damping; 0 grows to a sensible first value."""
    return max(GROW * damping, FIRST)


def adapted(damping: float, gain: float) -> float:
    """Damping for the next step after one accepted with this gain ratio."""
    if gain < 0.25:
        return grown(damping)
    if gain > 0.75:
        damping *= SHRINK
        return damping if damping > NEGLIGIBLE else 0.0
    return damping


class GainRatioDamping:
    """μ, learnt from step to step.

    Args:
        damping: μ of the step before; None at the first, which is damped as much as there is curvature where the model says
            little yet. (An undamped first step of a network leads past the region where its units tell rows apart, to weights
            of nearly 0 or to saturated units, and there it may stay.)
        is_convex: whether the loss is convex, so that it begins without.
    """

    def __init__(self, damping: float | None, is_convex: bool) -> None:
        self.damping = (0.0 if is_convex else 1.0) if damping is None else damping

    def direction(self, solver: Solver, gradient: Tensor, scale: Tensor) -> Tensor | None:
        """−(C + μD)⁻¹g (p,); None if C + μD is not positive definite."""
        try:
            return -solver.solve(gradient, self.damping * scale if self.damping else 0.0)
        except SingularCurvatureError:
            return None

    def reject(self, length: float, share: float) -> None:
        """The step did not decrease the loss: more damping, whatever the length of the step and the share of it that would."""
        self.damping = grown(self.damping)

    def accept(self, length: float, gain: float, share: float) -> None:
        """The step was taken, with this gain ratio."""
        self.damping = adapted(self.damping, gain)
