"""Quadratic losses, each of one sample, and the steps of a method over a row of them."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Curvature, Objective, Point
from lightning_modules.optimizers import CurvatureOptimizer

SIZE = 5


class Quadratic(Objective):
    """½ θᵀAθ − bᵀθ of one sample; it counts how often its curvature is asked for."""

    is_sample = True

    def __init__(self, matrix: Tensor, linear: Tensor) -> None:
        self.matrix, self.linear, self.diagonals, self.forms = matrix, linear, 0, 0

    def value(self, theta: Tensor) -> Tensor:
        return 0.5 * theta @ self.matrix @ theta - self.linear @ theta

    def gradient(self, theta: Tensor) -> Tensor:
        return self.matrix @ theta - self.linear

    def point(self, theta: Tensor) -> "QuadraticPoint":
        return QuadraticPoint(self, theta)


class QuadraticPoint(Point):
    @cached_property
    def gradient(self) -> Tensor:
        return self.objective.gradient(self.theta)

    def make_curvature(self, kind: Any) -> "QuadraticCurvature":
        return QuadraticCurvature(self, kind)


class QuadraticCurvature(Curvature):
    """Counted on the objective."""

    def diagonal(self) -> Tensor:
        self.objective.diagonals += 1
        return self.objective.matrix.diagonal().clone()

    def form(self, directions: Tensor) -> Tensor:
        self.objective.forms += 1
        return directions @ self.objective.matrix @ directions.T


def wandering(steps: int) -> list[Quadratic]:
    """Every sample has another curvature and another optimum."""
    generator = torch.Generator().manual_seed(0)
    samples = []
    for _ in range(steps):
        root = torch.randn(SIZE, SIZE, dtype=torch.float64, generator=generator)
        linear = torch.randn(SIZE, dtype=torch.float64, generator=generator)
        samples.append(Quadratic(root @ root.T / SIZE + 0.1 * torch.eye(SIZE, dtype=torch.float64), linear))
    return samples


def constant(steps: int) -> list[Quadratic]:
    return [wandering(1)[0] for _ in range(steps)]


def steps_of(optimizer: CurvatureOptimizer, parameter: Parameter, samples: list[Quadratic]) -> Iterator[Tensor]:
    for sample in samples:

        def closure(sample: Quadratic = sample) -> Tensor:
            point = sample.at(parameter)
            parameter.grad = point.gradient.clone()
            return point.value

        optimizer.step(closure, objective=sample)
        yield parameter.detach().clone()


def start() -> Parameter:
    return Parameter(torch.linspace(-1, 2, SIZE, dtype=torch.float64))
