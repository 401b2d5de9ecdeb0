"""Quadratic losses, each of one sample, and the steps of a method over a row of them."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.objectives import Objective
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

    def value_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        return self.value(theta), self.gradient(theta)

    def hessian_diagonal(self, theta: Tensor) -> Tensor:
        self.diagonals += 1
        return self.matrix.diagonal().clone()

    def ggn_diagonal(self, theta: Tensor) -> Tensor:
        return self.hessian_diagonal(theta)

    def ggn_form(self, theta: Tensor, v: Tensor) -> Tensor:
        self.forms += 1
        return v @ self.matrix @ v.T


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
            value, parameter.grad = sample.value_and_gradient(parameter.detach())
            return value

        optimizer.step(closure, objective=sample)
        yield parameter.detach().clone()


def start() -> Parameter:
    return Parameter(torch.linspace(-1, 2, SIZE, dtype=torch.float64))
