"""How the parameters of a linear model lie in one vector."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """θ (p,) = (W (K, d) row by row, b (K,)), p = K (d + 1): the layout of `torch.nn.Linear(d, K)`.

    Attributes:
        num_outputs: K.
        num_features: d.
    """

    num_outputs: int
    num_features: int

    def split(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """(p,) -> W (K, d), b (K,)."""
        weight, bias = theta.split([self.num_outputs * self.num_features, self.num_outputs])
        return weight.view(self.num_outputs, self.num_features), bias

    def weights_of(self, theta: Tensor) -> Tensor:
        """(W, b) -> (W, 0): the penalised part of a parameter vector."""
        weight, bias = self.split(theta)
        return torch.cat([weight.flatten(), torch.zeros_like(bias)])

    def pulling_back(self, total: Tensor) -> Callable[[Tensor, Tensor], None]:
        """Makes what adds Σ_i g_i ⊗ (x_i, 1) of a chunk, g (rows, K) and x (rows, d), to a sum (p,) laid out as θ, in place."""
        weight, bias = self.split(total)

        def pull_back(g: Tensor, x: Tensor) -> None:
            weight.addmm_(g.T, x)
            bias.add_(g.sum(0))

        return pull_back

    def by_layout(self, device: torch.device) -> Tensor:
        """Takes a vector ordered output by output, (W | b) row by row, to the layout of θ: indices (p,)."""
        order = torch.arange(self.num_outputs * (self.num_features + 1), device=device)
        by_output = order.view(self.num_outputs, self.num_features + 1)
        return torch.cat([by_output[:, :-1].flatten(), by_output[:, -1]])
