r"""The minimiser of a quadratic function under a penalty, by the sets of coefficients that are not 0.

    m(w) = qᵀ(w − θ) + ½ (w − θ)ᵀ C (w − θ) + P(w)

If it is known which coefficients are not 0 in the minimiser, and with which signs, they solve one linear system. So from a w:

    coefficients at 0 that violate their condition enter, with the sign that lowers m; of those that then do not go that way
    nothing is taken; the others' system gives a direction, along which m, a parabola with kinks, is minimised exactly; what
    arrives at 0 there leaves. Where something left, fewer enter the next time, and in the end one.

m falls in each round and there are finitely many sets of signs. Coordinate descent, which is commonly used, needs ever more
sweeps the more columns depend on each other, while this needs as many rounds as the set changes, and ends exactly.

Source: H. Lee, A. Battle, R. Raina and A. Ng, Efficient sparse coding algorithms (2006), section 3 ("feature-sign search");
here several coefficients enter at once.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv
from threadpoolctl import ThreadpoolController

from lightning_modules.lasso.penalty import Array, Penalty

Places = NDArray[np.bool_]
# In gradients scaled by the root of the curvature, beside the largest one that cancels in them.
ROUNDING = 1e-15
# Eigenvalues of a matrix of diagonal 1 below this are 0.
SINGULAR = 1e-13
# As many coefficients may enter in the first round, and as many again as there are.
MOST_ENTERING = 10


def minimise_quadratic(matrix: Array, gradient: Array, theta: Array, penalty: Penalty) -> Array:
    """The minimiser w (p,) of m, or a better point than θ where rounding ends it first; by one thread.

    Systems are small, and threads of NumPy's own beside those of torch would wait for one another most of the time.

    Args:
        matrix: C (p, p), symmetric and positive semi-definite.
        gradient: q (p,).
        theta: θ (p,).
        penalty: P.
    """
    with _linear_algebra().limit(limits=1):
        return _minimised(matrix, gradient, theta, penalty)


def _minimised(matrix: Array, gradient: Array, theta: Array, penalty: Penalty) -> Array:
    # Squares of the penalty are part of the parabola. In the scale of the diagonal no unit counts.
    diagonal = matrix.diagonal() + penalty.square
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    curved = matrix * scale[:, None] * scale
    curved.reshape(-1)[:: len(curved) + 1] += penalty.square * scale**2
    absolute, w, slope = penalty.absolute * scale, theta / scale, (gradient + penalty.square * theta) * scale
    noise = ROUNDING * max(float(np.abs(slope).max(initial=0)), float(np.abs(curved @ w).max(initial=0)))
    count, is_settled = MOST_ENTERING + int((w != 0).sum()), True
    for _ in range(100 + 10 * len(w)):
        inside = (w != 0) | (absolute == 0)
        signs = np.where(w != 0, np.sign(w), np.where(absolute > 0, -np.sign(slope), 0))
        excess = np.where(inside, 0, np.abs(slope) - absolute)
        entering = _largest(excess, count) & (excess > 4 * noise) & is_settled
        rest = -(slope + absolute * signs)
        is_there = float(np.abs(rest[inside]).max(initial=0)) <= 4 * noise
        if is_there and not entering.any():
            if is_settled:
                break
            is_settled = True
            continue
        active, direction = _direction(curved, rest, signs, inside, entering)
        step, stops = _best_step(w, direction, slope, curved, absolute, active)
        moved = step * direction
        is_lost = not float(np.abs(moved).max(initial=0)) > 0
        if is_lost and (count == 1 or not entering.any()):
            if is_settled:
                break
            is_settled = True
            continue
        # What leaves does so before anything else enters; and one alone always goes the way that its gradient says.
        if entering.any():
            count = max(1, count // 2) if is_lost or len(stops) else 2 * count
        is_settled = is_lost or not len(stops)
        w = w + moved
        w[stops] = 0
        slope = slope + curved[:, active] @ moved[active]
    return w * scale


@cache
def _linear_algebra() -> ThreadpoolController:
    """Of NumPy and SciPy, whose libraries it takes some milliseconds to find."""
    return ThreadpoolController().select(user_api="blas")


def _largest(excess: Array, count: int) -> Places:
    """The so many largest of the positive ones."""
    if count >= len(excess):
        return excess > 0
    least = np.partition(excess, -count)[-count]
    return (excess >= least) & (excess > 0)


def _direction(curved: Array, rest: Array, signs: Array, inside: Places, entering: Places) -> tuple[Places, Array]:
    """Where the minimiser of given signs is, of those that enter only the ones that go the way they are meant to."""
    entering = entering.copy()
    while True:
        active = inside | entering
        direction = np.zeros_like(rest)
        places = np.flatnonzero(active)
        direction[places] = _solved(curved[np.ix_(places, places)], rest[places])
        wrong = entering & (direction * signs <= 0)
        if not wrong.any():
            return active, direction
        entering &= ~wrong


def _solved(matrix: Array, right: Array) -> Array:
    """x with matrix · x = right; of a singular one where there is no x, a direction of its kernel that right points along."""
    _, found, info = dposv(matrix, right)
    # A Cholesky factor of a matrix that is singular but for rounding gives anything.
    if not info and np.abs(matrix @ found - right).max(initial=0) <= 1e-10 * np.abs(right).max(initial=0):
        solution: Array = found
        return solution
    values, vectors = np.linalg.eigh(matrix)
    parts, is_kernel = vectors.T @ right, values <= SINGULAR * max(1.0, float(values[-1]))
    along: Array = vectors[:, is_kernel] @ parts[is_kernel]
    if np.linalg.norm(along) > 1e-8 * np.linalg.norm(right):
        return along
    within: Array = vectors[:, ~is_kernel] @ (parts[~is_kernel] / values[~is_kernel])
    return within


def _best_step(
    w: Array, direction: Array, slope: Array, curved: Array, absolute: Array, active: Places
) -> tuple[float, NDArray[np.int64]]:
    """The t ≥ 0 that minimises m along w + t · direction, and the places that are 0 there.

    The slope of m along it rises linearly, with a jump of 2 a_j |d_j| where w_j + t d_j changes its sign.
    """
    places = np.flatnonzero(active)
    d, at = direction[places], w[places]
    bend = float(d @ curved[np.ix_(places, places)] @ d)
    start = float(slope[places] @ d + absolute[places] @ np.where(at != 0, d * np.sign(at), np.abs(d)))
    crossing = np.flatnonzero((at * d < 0) & (absolute[places] > 0))
    times = -at[crossing] / d[crossing]
    order = np.argsort(times, kind="stable")
    times, crossing = times[order], crossing[order]
    jumps = np.cumsum(2 * absolute[places][crossing] * np.abs(d[crossing]))
    before = start + bend * times + np.concatenate([[0.0], jumps[:-1]]) if len(times) else times
    # Within a piece the slope comes to 0, or it jumps over 0 at a kink.
    for number, time in enumerate(times):
        if before[number] >= 0:
            base = start + (jumps[number - 1] if number else 0.0)
            return (max(-base / bend, 0.0) if bend > 0 else 0.0), np.empty(0, np.int64)
        if before[number] + 2 * absolute[places][crossing[number]] * abs(d[crossing[number]]) >= 0:
            return float(time), places[crossing[times == time]]
    base = start + (float(jumps[-1]) if len(jumps) else 0.0)
    return (max(-base / bend, 0.0) if bend > 0 else 0.0), np.empty(0, np.int64)
