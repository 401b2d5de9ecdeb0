"""Solvers of one objective in turn with the fastest of others, all checked to end where its gradient is small."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from torch import Tensor

from evidence.benchmarks.row import BenchmarkRow
from lightning_modules.objectives import GLMObjective

Fit = Callable[[], Tensor]


class Peer(NamedTuple):
    """Who it is, and what fits."""

    name: str
    fit: Fit


def fastest(case: str, objective: GLMObjective, peers: Iterator[tuple[str, Fit]], tolerance: float) -> Peer:
    """The peer that is at the optimum first, after a first run of each that is not counted.

    Args:
        case: what is fitted.
        objective: whose gradient is looked at.
        peers: names and fits; of the same name the first one that gets there counts.
        tolerance: of the largest entry of the gradient.

    Raises:
        ArithmeticError: none gets there.
    """
    found: dict[str, tuple[float, Fit]] = {}
    for peer, fit in peers:
        if peer not in found:
            fit()
            seconds, theta = timed(fit)
            if gradient_max(objective, theta) <= tolerance:
                found[peer] = seconds, fit
    if not found:
        raise ArithmeticError(f"{case}: no peer reaches a gradient of {tolerance:g}, so there is nobody to compare with")
    best = min(found, key=lambda peer: found[peer][0])
    return Peer(best, found[best][1])


def in_turn(case: str, objective: GLMObjective, ours: Fit, peer: Peer, tolerance: float, rounds: int) -> BenchmarkRow:
    """Seconds of both, alternating.

    Raises:
        ArithmeticError: ours does not end at the optimum.
    """
    if not gradient_max(objective, ours()) <= tolerance:
        raise ArithmeticError(f"{case} did not end at a gradient of {tolerance:g}, so no time means anything")
    seconds: tuple[list[float], list[float]] = [], []
    for number in range(rounds):
        # Another one first each time: threads of the one before may still wait, at the processor's cost.
        for side in (0, 1) if number % 2 else (1, 0):
            seconds[side].append(timed((ours, peer.fit)[side])[0])
    return BenchmarkRow(case, "s", peer.name, tuple(seconds[0]), tuple(seconds[1]), more_is_better=False)


def timed(fit: Fit) -> tuple[float, Tensor]:
    """Seconds, and where it ended."""
    start = time.perf_counter()
    theta = fit()
    return time.perf_counter() - start, theta


def gradient_max(objective: GLMObjective, theta: Tensor) -> float:
    """‖∇‖∞ at θ (p,)."""
    return float(objective.at(theta.double()).gradient.abs().max())
