"""Minimisers of one objective in turn with the fastest of others, all checked to end where they should."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

from torch import Tensor

from evidence.benchmarks.agreement import Agreement
from evidence.benchmarks.clocks import seconds
from evidence.benchmarks.pairing import Budget, in_turn, row_of
from evidence.benchmarks.row import BenchmarkRow
from lightning_modules.objectives import GLMObjective

# An answer, and what makes one by a tolerance.
Fit = Callable[[], Any]
Solver = Callable[[float], Any]
# Whoever takes so many times as long as the fastest is not asked for more digits.
HOPELESS = 3.0
# Below so many seconds the first run is not counted: it may compile, and load what is loaded once.
SHORT = 5.0
UNITS = {"s": 1.0, "ms": 1e3}


class Goal(NamedTuple):
    """Where a fit has to end.

    Attributes:
        kind: of what is measured there (`Agreement`).
        distance: of an answer; 0 at the optimum.
        most: what it may be.
    """

    kind: Literal["gradient", "objective"]
    distance: Callable[[Any], float]
    most: float

    def is_reached(self, answer: Any) -> bool:
        """Not by what is not a number."""
        return self.distance(answer) <= self.most


class Peer(NamedTuple):
    """Who it is, and what fits."""

    name: str
    fit: Fit


def gradient_goal(objective: GLMObjective, most: float) -> Goal:
    """Parameters (p,) at which no entry of the gradient is larger."""

    def distance(theta: Tensor) -> float:
        return float(objective.at(theta.double()).gradient.abs().max())

    return Goal("gradient", distance, most)


def fastest(case: str, solvers: Mapping[str, Solver], tolerances: Sequence[float], goal: Goal) -> Peer:
    """The peer that is first at the goal, each by the loosest tolerance that leads there.

    Args:
        case: what is fitted.
        solvers: by their names.
        tolerances: falling.
        goal: which all have to reach.

    Raises:
        ArithmeticError: none gets there.
    """
    found: dict[str, tuple[float, Fit]] = {}
    for name, solver in solvers.items():
        for tolerance in tolerances:
            fit = partial(solver, tolerance)
            begin = time.perf_counter()
            answer = fit()
            passed = time.perf_counter() - begin
            if goal.is_reached(answer):
                found[name] = passed if passed > SHORT else seconds(fit).value, fit
                break
            if found and passed > HOPELESS * min(took for took, _ in found.values()):
                break
    if not found:
        raise ArithmeticError(f"{case}: no peer reaches {_words(goal)}, so there is nobody to compare with")
    best = min(found, key=lambda name: found[name][0])
    return Peer(best, found[best][1])


def fits_in_turn(
    case: str, unit: Literal["s", "ms"], ours: Mapping[str, Fit], peer: Peer, goal: Goal, budget: Budget
) -> Iterator[BenchmarkRow]:
    """A row for each of our ways, all in turn with the peer, after a first run of each that is checked and not counted.

    Args:
        case: what is fitted, to which the way's name is appended.
        unit: of the times.
        ours, peer: the sides.
        goal: which all have to reach.
        budget: of rounds and seconds.

    Raises:
        ArithmeticError: one of ours does not reach the goal.
    """
    theirs, ends = goal.distance(peer.fit()), {}
    for way, fit in ours.items():
        ends[way] = goal.distance(fit())
        if not ends[way] <= goal.most:
            raise ArithmeticError(f"{case}{way} ended at {_words(goal, ends[way])}, so no time means anything")
    scale = UNITS[unit]
    sides = {name: partial(_time, fit, scale) for name, fit in (*ours.items(), (peer.name, peer.fit))}
    found = in_turn(sides, [(way, peer.name) for way in ours], budget)
    for way in ours:
        agreement = Agreement(goal.kind, max(ends[way], theirs))
        yield row_of(f"{case}{way}", unit, peer.name, found[way], found[peer.name], agreement=agreement)


def _time(fit: Fit, scale: float) -> Any:
    return seconds(fit).times(scale)


def _words(goal: Goal, reached: float | None = None) -> str:
    """ "a gradient of 3e-6, not 1e-8"."""
    thing = {"gradient": "a gradient of", "objective": "an objective within"}[goal.kind]
    return f"{thing} {goal.most:.0e}" if reached is None else f"{thing} {reached:.1e}, not {goal.most:.0e}"
