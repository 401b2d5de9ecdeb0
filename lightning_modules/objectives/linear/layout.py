"""How the parameters of a linear model lie in one vector."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from lightning_modules.objectives.columns import Columns


@dataclass(frozen=True)
class Layout:
    """θ (p,) = (W (K, d) row by row, b (K,)), p = K (d + 1): the layout of `torch.nn.Linear(d, K)`; W alone without a bias.

    Attributes:
        num_outputs: K.
        num_features: d.
        has_bias: whether there is a b.
    """

    num_outputs: int
    num_features: int
    has_bias: bool = True

    @property
    def width(self) -> int:
        """Parameters of an output: d + 1, or d without a bias."""
        return self.num_features + self.has_bias

    def zeros(self, device: torch.device) -> Tensor:
        """θ = 0 (p,) in float64."""
        return torch.zeros(self.num_outputs * self.width, dtype=torch.float64, device=device)

    def split(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """(p,) -> W (K, d), b (K,); without a bias b is 0."""
        if not self.has_bias:
            return theta.view(self.num_outputs, self.num_features), theta.new_zeros(self.num_outputs)
        weight, bias = theta.split([self.num_outputs * self.num_features, self.num_outputs])
        return weight.view(self.num_outputs, self.num_features), bias

    def weights_of(self, theta: Tensor) -> Tensor:
        """(W, b) -> (W, 0): the penalised part of a parameter vector."""
        if not self.has_bias:
            return theta
        return pad(theta[: -self.num_outputs], (0, self.num_outputs))

    def pulling_back(self, total: Tensor, columns: Columns, squared: bool = False) -> Callable[[Tensor, Tensor], None]:
        """Makes what adds Σ_i g_i ⊗ (x_i, 1) of a chunk, g (rows, K) and x (rows, d), to a sum (p,) laid out as θ, in place.

        Args:
            total: the sum.
            columns: what x is stored as.
            squared: whether x is squared.
        """
        weight, bias = self.split(total)
        add = columns.add_transposed_squares if squared else columns.add_transposed

        def pull_back(g: Tensor, x: Tensor) -> None:
            add(weight, g, x)
            if self.has_bias:
                bias.add_(g.sum(0))

        return pull_back

    def by_output(self, device: torch.device) -> Tensor:
        """Takes a vector laid out as θ to the order output by output, (W | b) row by row: indices (p,)."""
        places = torch.arange(self.num_outputs * self.width, device=device)
        d = self.num_outputs * self.num_features
        return torch.cat([places[:d].view(self.num_outputs, -1), places[d:].view(self.num_outputs, -1)], 1).flatten()

    def by_layout(self, device: torch.device) -> Tensor:
        """Takes a vector ordered output by output, (W | b) row by row, to the layout of θ: indices (p,)."""
        order = torch.arange(self.num_outputs * self.width, device=device)
        by_output = order.view(self.num_outputs, self.width)
        d = self.num_features
        return torch.cat([by_output[:, :d].flatten(), by_output[:, d:].flatten()])
