"""What every method of the project shares: one flat parameter vector, one closure call, one honest stop."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import vector_to_parameters

from lightning_modules.objectives import Objective, flattened
from lightning_modules.optimizers.convergence import DENSE_DECISION, default_tolerance, newton_decrement
from lightning_modules.optimizers.search import backtracking


class CurvatureOptimizer(torch.optim.Optimizer, ABC):
    """θ ← θ + t d: a direction d from the objective's derivatives, a step size t from `lr` or a search.

    It moves on whatever rows its objective holds, and knows nothing of chunks or processes; of batches only that an
    objective `is_sample`.

    Args:
        params: the parameters, one group, in the order of `module.parameters()`.
        lr: step size, or the longest step a search tries; unitless, > 0.
        search: None for the constant step `lr`, "backtracking" for Armijo's rule.
        tolerance: the method has converged when ‖∇‖∞ ≤ tolerance and λ²/2 ≤ tolerance, λ being the Newton decrement
            (Boyd and Vandenberghe, Convex Optimization (2004), section 9.5.1). Default: ε^⅔ of the parameters' type,
            3.7e-11 in float64 and 2.4e-5 in float32.
        defaults: further hyper-parameters for the group.

    Attributes:
        status: "converged" or "stalled" (no step along the direction decreases the loss) after a step that therefore did
            not move, else None.
        seen: numbers () of the last step by name, where they were computed.

    Raises:
        ValueError: a hyper-parameter out of its range, or more than one parameter group.
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float,
        search: Literal["backtracking"] | None = None,
        tolerance: float | None = None,
        **defaults: Any,
    ) -> None:
        name = type(self).__name__
        if not 0 < lr < float("inf"):
            raise ValueError(f"{name}(lr={lr}): the step size must be a positive number")
        if search not in (None, "backtracking"):
            raise ValueError(f"{name}(search={search!r}): choose None (constant lr) or 'backtracking'")
        if tolerance is not None and not 0 <= tolerance < float("inf"):
            raise ValueError(f"{name}(tolerance={tolerance}): the tolerance must be a number ≥ 0, or None for the default")
        super().__init__(params, {"lr": lr, "search": search, "tolerance": tolerance, **defaults})
        if len(self.param_groups) != 1:
            raise ValueError(
                f"{name} takes one parameter group, not {len(self.param_groups)}: its curvature couples all parameters"
            )
        self.status: Literal["converged", "stalled"] | None = None
        self.seen: dict[str, Tensor | float] = {}

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor], *, objective: Objective) -> Tensor:  # type: ignore[override]
        """Evaluate the gradient at θ by one call of the closure, then move unless θ is optimal.

        Args:
            closure: evaluates the objective at the parameters, sets their `.grad` and returns the loss.
            objective: the same loss as a function of θ.

        Returns:
            The loss before the step.
        """
        with torch.enable_grad():
            loss = closure().detach()
        params = self.param_groups[0]["params"]
        theta = flattened(params)
        gradient = flattened([p.grad for p in params])
        self.seen = {"gradient_max": gradient.abs().max()}
        # On a sample a small gradient means nothing for the rest of the data.
        optimal = not objective.is_sample and self._is_optimal(theta, gradient, objective)
        self.status = "converged" if optimal else None
        if self.status is None:
            step = self.displacement(theta, gradient, loss, objective)
            if step is None:
                self.status = "stalled"
            else:
                vector_to_parameters(theta + step.to(theta), params)
        return loss

    @abstractmethod
    def direction(self, theta: Tensor, gradient: Tensor, objective: Objective) -> Tensor:
        """d, a descent direction: (p,), (p,) -> (p,)."""

    def displacement(self, theta: Tensor, gradient: Tensor, loss: Tensor, objective: Objective) -> Tensor | None:
        """t d, what is added to θ (p,); None if no step along the direction decreases the loss."""
        group = self.param_groups[0]
        direction = self.direction(theta, gradient, objective).to(theta)
        self.seen["slope"] = gradient @ direction
        size = group["lr"]
        if group["search"] == "backtracking":
            size = backtracking(objective, theta, gradient, loss, direction, size)
        self.seen["step_size"] = size or 0.0
        return None if size is None else size * direction

    @property
    def diagnostics(self) -> dict[str, float]:
        """Numbers of the last step by name, for who watches: to read them is to wait for the device that computes them."""
        return {name: float(value) for name, value in self.seen.items()}

    @property
    def memory(self) -> dict[str, Any]:
        """What is kept from step to step: plain numbers and tensors, part of every checkpoint."""
        # State is kept with the first parameter, as torch's LBFGS does, because `state_dict` knows state by parameter only.
        memory: dict[str, Any] = self.state[self.param_groups[0]["params"][0]]
        return memory

    def tolerance(self, theta: Tensor) -> float:
        """What is asked of ‖∇‖∞ and λ²/2 at θ (p,)."""
        chosen: float | None = self.param_groups[0]["tolerance"]
        return default_tolerance(theta.dtype) if chosen is None else chosen

    def _is_optimal(self, theta: Tensor, gradient: Tensor, objective: Objective) -> bool:
        tolerance = self.tolerance(theta)
        # The gradient first: it is known, the decrement costs a Hessian.
        if not bool(self.seen["gradient_max"] <= tolerance):
            return False
        most_dense = DENSE_DECISION if objective.is_convex else None
        return newton_decrement(objective, theta, gradient, most_dense).squared / 2 <= tolerance
