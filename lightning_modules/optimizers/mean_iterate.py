r"""The mean of the points that steps on samples lead to, by which a network is measured, saved and used.

    x ← x + c (z − x),   c = min(1, (η + 1)/t),   η = 8

A step on a sample goes to the minimiser of an averaged model and still carries that sample's noise: z moves to and fro about a
point that is better than all of those it comes to, and their mean is near that point. The weight of a step grows like t^η, so
that the mean is that of the last ninth of the way, however long it is: the start is forgotten, and the noise dies out though
the steps keep their length. The first nine steps are no mean at all.

Source: O. Shamir and T. Zhang, Stochastic gradient descent for non-smooth optimization: convergence results and optimal
averaging schemes (2013), section 4, polynomial-decay averaging.
"""

from torch import Tensor

# η, with which the mean lags by a ninth of the way.
FORGETTING = 8


def mean_iterate(mean: Tensor | None, iterate: Tensor, steps: int) -> Tensor:
    """x (p,) after a step.

    Args:
        mean: x before it, changed in place; None before the first step.
        iterate: z (p,), where the step leads.
        steps: t ≥ 1, how many there were, with this one.
    """
    if mean is None:
        return iterate.clone()
    return mean.lerp_(iterate, min(1.0, (FORGETTING + 1) / steps))
