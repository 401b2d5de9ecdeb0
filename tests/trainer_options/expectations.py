"""What a row of the table expects of an option under a method."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CURVATURE = ("GradientDescent", "Newton", "DiagonalNewton", "SubsampledNewton")
FIRST_ORDER = ("SGD", "Adam", "LBFGS")
METHODS = (*CURVATURE, *FIRST_ORDER)


@dataclass(frozen=True)
class Works:
    """It trains, its weights stay finite, and what the check asserts of the finished run is true.

    Attributes:
        check: asserts what the option means.
        like_plain: a plain LightningModule with automatic optimization ends with the same bits.
    """

    check: Callable[[Any], None] | None = None
    like_plain: bool = False


@dataclass(frozen=True)
class Refused:
    """An exception of one line that matches the pattern, before the first step: weights as they were, nothing written."""

    pattern: str
    why: str


@dataclass(frozen=True)
class NotApplicable:
    """It cannot be tried, and why."""

    why: str


Expectation = Works | Refused | NotApplicable


def each(expectation: Expectation) -> dict[str, Expectation]:
    """The same of every method."""
    return dict.fromkeys(METHODS, expectation)


def split(curvature: Expectation, first_order: Expectation, **others: Expectation) -> dict[str, Expectation]:
    """One of the curvature methods, another of those of torch.optim, and others of methods by name."""
    return dict.fromkeys(CURVATURE, curvature) | dict.fromkeys(FIRST_ORDER, first_order) | others
