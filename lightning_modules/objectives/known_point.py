"""What is known at one point θ, kept for as long as the queries stay there."""

from typing import Generic, TypeVar

import torch
from torch import Tensor

from lightning_modules.objectives.families.host_waits import runs_ahead

T = TypeVar("T")


class KnownPoint(Generic[T]):
    """A point and what is known there.

    Args:
        theta: θ (p,).
        known: anything.
    """

    def __init__(self, theta: Tensor, known: T) -> None:
        # The caller may change θ in place. To compare numbers is to wait for the device, so there the tensor itself is known.
        ahead = runs_ahead(theta)
        self.theta, self._version = (theta, theta._version) if ahead else (theta.clone(), 0)
        self.known = known

    def is_at(self, theta: Tensor) -> bool:
        """Whether θ (p,) is the point: by its numbers on the CPU, elsewhere by being the same tensor, unchanged."""
        if runs_ahead(theta):
            return theta is self.theta and theta._version == self._version
        return self.theta.dtype == theta.dtype and torch.equal(self.theta, theta)
