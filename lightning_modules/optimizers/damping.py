"""Levenberg–Marquardt damping: how much to trust the quadratic model, learnt from how well it predicted.

    ρ = (f(θ) − f(θ + s)) / (m(θ) − m(θ + s))       gain ratio: actual over predicted decrease

μ shrinks when ρ > ¾, grows when ρ < ¼, and a step that does not decrease the loss is tried again with more of it.
On a convex loss it starts at 0, and it returns to 0 where it no longer matters: a model that is right – least squares, a
logistic regression near its optimum – gets pure Newton steps, and one step is enough where one step is exact.

References: D. Marquardt (1963); R. Fletcher (1971), whose ¼ and ¾ these are; Nocedal and Wright (2006), algorithm 4.1.
"""

SHRINK, GROW, FIRST, NEGLIGIBLE = 1 / 3, 4.0, 1e-4, 1e-7


def initial(unit: float, is_convex: bool) -> float:
    """Damping of the first step: none for a convex loss; as much as there is curvature where the model says little yet.

    An undamped first step of a network leads past the region where its units tell rows apart, to weights of nearly 0 or to
    saturated units, and there it may stay.
    """
    return 0.0 if is_convex else abs(unit)


def grown(damping: float, unit: float) -> float:
    """More damping; `unit` is the mean of the curvature's diagonal, so that 0 grows to a sensible first value."""
    return max(GROW * damping, FIRST * abs(unit), 1e-300)


def adapted(damping: float, gain: float, unit: float) -> float:
    """Damping for the next step after one accepted with this gain ratio."""
    if gain < 0.25:
        return grown(damping, unit)
    if gain > 0.75:
        damping *= SHRINK
        return damping if damping > NEGLIGIBLE * abs(unit) else 0.0
    return damping
