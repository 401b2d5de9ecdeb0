"""Runs a method on an objective from a given start, as a training loop would."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import Linear, Parameter
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from lightning_modules.objectives import GLMObjective, Objective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.optimizers import CurvatureOptimizer
from tests.lightning_modules.objectives.queries import first_order

MakeOptimizer = Callable[[Iterable[Parameter]], CurvatureOptimizer]


@dataclass
class Run:
    """What a run left behind: iterates θ_0, θ_1, … (p,), the loss at each but the last, and the method itself."""

    module: torch.nn.Module
    optimizer: CurvatureOptimizer
    objective: Objective
    iterates: list[Tensor]
    losses: list[float] = field(default_factory=list)

    @property
    def theta(self) -> Tensor:
        return self.iterates[-1]

    def go_on(self, steps: int) -> "Run":
        """Take up to `steps` steps, fewer if the method says that it is done."""
        for _ in range(steps):
            calls = []

            def closure() -> Tensor:
                calls.append(1)  # noqa: B023
                theta = parameters_to_vector(self.module.parameters()).detach()
                value, gradient = first_order(self.objective.at(theta))
                for parameter in self.module.parameters():
                    parameter.grad = torch.empty_like(parameter)
                vector_to_parameters(gradient, [p.grad for p in self.module.parameters()])
                return value

            self.losses.append(float(self.optimizer.step(closure, objective=self.objective)))
            assert len(calls) == 1, "a method calls its closure exactly once per step"
            self.iterates.append(parameters_to_vector(self.module.parameters()).detach().clone())
            if self.optimizer.status is not None:
                assert torch.equal(self.iterates[-1], self.iterates[-2]), "a method that is done does not move"
                break
        return self


def start(objective: GLMObjective, make: MakeOptimizer, theta: Tensor | None = None) -> Run:
    """A torch.nn.Linear at θ (default 0) and the method on its parameters."""
    module = Linear(objective.num_features, objective.family.num_outputs, dtype=torch.float64)
    zero = torch.zeros(sum(p.numel() for p in module.parameters()), dtype=torch.float64)
    vector_to_parameters(zero if theta is None else theta.clone(), module.parameters())
    return Run(module, make(module.parameters()), objective, [parameters_to_vector(module.parameters()).detach().clone()])


def run(objective: GLMObjective, make: MakeOptimizer, steps: int = 100, theta: Tensor | None = None) -> Run:
    return start(objective, make, theta).go_on(steps)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def well_posed(family: Family, rows: int = 60, features: int = 3, l2: float = 0.0, seed: int = 0) -> GLMObjective:
    """A random problem with a unique finite optimum: some rows occur with every label, so nothing can be separated."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, features, dtype=torch.float64, generator=generator)
    weight = torch.randn(features, family.num_outputs, dtype=torch.float64, generator=generator)
    noise = torch.randn(rows, family.num_outputs, dtype=torch.float64, generator=generator)
    z = x @ weight + 0.5 + noise
    if isinstance(family, Gaussian):
        return GLMObjective(family, x, z, l2)
    classes = max(2, family.num_outputs)
    y = (z[:, 0] > 0).long() if isinstance(family, Bernoulli) else z.argmax(1)
    repeated = 2 * features + 2
    x = torch.cat([x, x[:repeated].repeat(classes, 1)])
    y = torch.cat([y, torch.arange(classes).repeat_interleave(repeated)])
    return GLMObjective(family, x, y, l2)


FAMILIES: dict[str, Family] = {
    "gaussian1": Gaussian(1),
    "gaussian3": Gaussian(3),
    "bernoulli": Bernoulli(),
    "categorical4": Categorical(4),
}
