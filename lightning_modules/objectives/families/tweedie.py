r"""Tweedie's family with the logarithm as its link: counts (Poisson), amounts (gamma), and sums of amounts with zeros between.

    μ = eᶻ ,    Var y = φ μᵖ ,    1 ≤ p ≤ 2:    p = 1 Poisson,  p = 2 gamma,  between them a Poisson number of gamma amounts

    l(z, y)   = ½ unit deviance = y^(2−p) (φ_(2−p)(u) − φ_(1−p)(u)) ,   u = z − log y ,   φ_a(u) = (e^(au) − 1)/a ,  φ_0(u) = u
    ∂l/∂z     = e^((1−p)z) (eᶻ − y)
    ∂²l/∂z²   = (2−p) e^((2−p)z) + (p−1) y e^((1−p)z) ,      E[∂²l/∂z²] = e^((2−p)z)

and l = e^((2−p)z)/(2−p) for y = 0, p < 2. The loss is 0 where a target is met. Both terms of the second derivative are
exponentials of z, so that |l'''| ≤ max(2−p, p−1) l''. Outside 1 ≤ p ≤ 2 it would be negative for some z.

Source: B. Jørgensen, The Theory of Dispersion Models (1997), chapter 4; P. McCullagh and J. Nelder, Generalized Linear Models,
2nd ed. (1989), sections 6.2 and 8.3.
"""

import torch
from torch import Tensor

from lightning_modules.objectives.families.amounts import checked_amounts
from lightning_modules.objectives.families.divergences import exponential_gap
from lightning_modules.objectives.families.log_link import LogLink


class Tweedie(LogLink):
    """As above; K = 1.

    Args:
        power: p of the variance μᵖ, in [1, 2].

    Raises:
        ValueError: p is outside.
    """

    def __init__(self, power: float) -> None:
        super().__init__()
        if not 1 <= power <= 2:
            other = " (for power=0 use LinearRegression)" if power == 0 else ""
            raise ValueError(
                f"power={power}: the loss with a logarithmic link is convex for 1 ≤ power ≤ 2, from Poisson to gamma; choose "
                f"one of these{other}"
            )
        self.power = float(power)
        self.has_dispersion = power > 1
        self.is_canonical, self.self_concordance = power == 1, max(2 - self.power, self.power - 1)

    def check(self, targets: Tensor) -> Tensor:
        """Numbers ≥ 0, of p = 2 > 0, of any type, (n,) or (n, 1) -> (n, 1)."""
        return checked_amounts(targets, has_zeros=self.power < 2)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        return self.loss_and_gradient(z, y)[0]

    def loss_and_gradient(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        y, p = y.to(z.dtype), self.power
        if p == 2:
            u = z - y.log()
            down = torch.expm1(-u)
            return (u + down)[:, 0], -down
        log_y = (y + (y == 0)).log()  # 0 for y = 0, which it is multiplied by
        if p == 1:
            gradient = z.exp() - y
            return (gradient - y * (z - log_y))[:, 0], gradient
        up, down = ((2 - p) * z).exp(), self._of_target(z, y)
        met = torch.where(y == 0, 0.0, ((2 - p) * log_y).exp())
        return ((up - met) / (2 - p) - (down - met) / (1 - p))[:, 0], up - down

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        return self.loss_and_gradient(z, y)[1]

    def second_derivative(self, z: Tensor, y: Tensor) -> Tensor:
        expected = ((2 - self.power) * z).exp()
        return expected if self.power == 1 else (2 - self.power) * expected + (self.power - 1) * self._of_target(z, y)

    def expected_second_derivative(self, z: Tensor) -> Tensor:
        return ((2 - self.power) * z).exp()

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        # Towards larger means e^((2−p)z), towards smaller ones y e^((1−p)z): exponentials, but for p = 2 and p = 1.
        up = z if self.power == 2 else torch.where(z > 0, torch.inf, 0.0)
        down = -y.to(z.dtype) * z if self.power == 1 else torch.where(y > 0, torch.inf, 0.0)
        return torch.where(z > 0, up, torch.where(z < 0, down, 0.0)).to(z)[:, 0]

    def variance(self, mean: Tensor) -> Tensor:
        return mean**self.power

    def duality_gap(self, z: Tensor, y: Tensor, slope: Tensor) -> Tensor | None:
        """For p = 1 and p = 2, whose losses are exponentials but for what is linear in z."""
        y = y.to(z.dtype)
        if self.power == 1:
            return exponential_gap(slope + y, z)
        return exponential_gap(1 - slope, y.log() - z) if self.power == 2 else None

    def gradient_terms(self, z: Tensor, y: Tensor) -> Tensor:
        # An exponential of a number is off by the number times its rounding.
        return (1 + z.abs()) * (((2 - self.power) * z).exp() + self._of_target(z, y))

    def _of_target(self, z: Tensor, y: Tensor) -> Tensor:
        """y e^((1−p)z), and 0 for y = 0 where the exponential is infinite."""
        return torch.where(y == 0, 0.0, y.to(z.dtype) * ((1 - self.power) * z).exp())
