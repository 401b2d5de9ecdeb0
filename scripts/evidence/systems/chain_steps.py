"""The second derivatives of a chain of four tanh neurons, step by step.

    z_ℓ = w_ℓ h_{ℓ−1},   h_ℓ = tanh z_ℓ,   h_0 = x,   L = ½ (h_4 − y)²
    e_ℓ = ∂L/∂h_ℓ:       e_4 = h_4 − y,    δ_ℓ = φ′ e_ℓ,             ∂L/∂w_ℓ = δ_ℓ h_{ℓ−1},      e_{ℓ−1} = w_ℓ δ_ℓ
    E_ℓ = ∂²L/∂h_ℓ²:     E_4 = 1,          M_ℓ = φ′² E_ℓ + φ″ e_ℓ,   ∂²L/∂w_ℓ² = M_ℓ h_{ℓ−1}²,   E_{ℓ−1} = w_ℓ² M_ℓ

with φ′ = 1 − h², φ″ = −2 h φ′ and M_ℓ = ∂²L/∂z_ℓ². In a chain E and M are numbers; in a wider layer they are matrices, all of
which goes down though only the diagonal of M is used: see `lightning_modules/objectives/hessian_diagonal.py`. The neurons have
no biases, so the network's stay at 0 and its derivatives in them are left out.
"""

from dataclasses import dataclass

import torch
from rich.table import Table
from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives.families import Gaussian
from lightning_modules.objectives.layered.hessian_diagonal import squares

X, Y = 2.0, 4.0
WEIGHTS = (0.460, 0.500, -0.139, 0.496)
# Entries (row, column), counted from 1, that a published version of this chain's Hessian has wrong.
PUBLISHED = {(2, 4): 2.449, (4, 4): 0.0004}


@dataclass(frozen=True)
class Steps:
    """Every quantity of the equations above, ℓ = 1 … 4, as tensors (4,); `below` is h_{ℓ−1}.

    Attributes:
        hessian: ∂²L/∂w∂wᵀ (4, 4).
    """

    below: Tensor
    z: Tensor
    h: Tensor
    phi_prime: Tensor
    phi_double_prime: Tensor
    e: Tensor
    delta: Tensor
    gradient: Tensor
    above: Tensor
    curvature: Tensor
    diagonal: Tensor
    hessian: Tensor


def chain_steps() -> Steps:
    """The chain by `NetworkObjective` in double precision."""
    network = DenseNetwork((1, 1, 1, 1, 1), "tanh", output_activation="tanh")
    x, y = torch.tensor([[X]], dtype=torch.float64), torch.tensor([Y], dtype=torch.float64)
    objective = NetworkObjective(network, Gaussian(1), x, y)
    theta = torch.zeros(8, dtype=torch.float64)
    weights = slice(0, None, 2)  # θ = (w_1, b_1, w_2, b_2, …)
    theta[weights] = torch.tensor(WEIGHTS, dtype=torch.float64)
    point = objective.at(theta)
    (chunk,) = point.passes
    trace, top = chunk.trace, chunk.slopes
    down = sorted((index, float(e), float(delta)) for index, e, delta in trace.down(top))
    curvature = numbers([m for _, m in squares(trace, objective.loss.curvature_factor(trace.outputs, chunk.targets), top)])
    return Steps(
        below=numbers(trace.inputs),
        z=numbers(trace.before),
        h=numbers(trace.after),
        phi_prime=numbers(trace.slopes),
        phi_double_prime=numbers([slopes for slopes in trace.second_slopes if slopes is not None]),
        e=torch.tensor([e for _, e, _ in down], dtype=torch.float64),
        delta=torch.tensor([delta for _, _, delta in down], dtype=torch.float64),
        gradient=point.gradient[weights],
        above=torch.cat([theta[weights][1:] ** 2 * curvature[1:], torch.ones(1, dtype=torch.float64)]),
        curvature=curvature,
        diagonal=point.curvature("hessian").diagonal()[weights],
        hessian=point.curvature("hessian").matrix()[weights, weights],
    )


def numbers(layers: list[Tensor]) -> Tensor:
    """One number a layer, (1, 1) each -> (4,)."""
    return torch.cat(layers).flatten()


def step_tables(found: Steps, digits: int) -> list[Table]:
    """Forward pass, first-order sweep, second-order recursion, Hessian."""
    up, weights = range(len(WEIGHTS)), torch.tensor(WEIGHTS, dtype=torch.float64)
    down = up[::-1]
    forward = table("Forward", ("h_{ℓ−1}", "w", "z", "h = tanh z", "φ′", "φ″"))
    fill(forward, up, (found.below, weights, found.z, found.h, found.phi_prime, found.phi_double_prime), digits)
    # Each row of a sweep takes e or E from the row above it.
    first = table("First order, downwards", ("e = ∂L/∂h", "δ = φ′ e", "∂L/∂w = δ h_{ℓ−1}"))
    fill(first, down, (found.e, found.delta, found.gradient), digits)
    second = table("Second order, downwards", ("E = ∂²L/∂h²", "M = φ′² E + φ″ e", "∂²L/∂w² = M h²_{ℓ−1}"))
    fill(second, down, (found.above, found.curvature, found.diagonal), digits)
    hessian = table("Hessian ∂²L/∂w∂wᵀ, exact", tuple(f"w{column + 1}" for column in up))
    for row in up:
        cells = [cell(row, column, found.hessian, digits) for column in up]
        hessian.add_row(str(row + 1), *cells)
    return [forward, first, second, hessian]


def table(title: str, columns: tuple[str, ...]) -> Table:
    """An empty one of numbers, a row for each layer."""
    made = Table(title=title, title_justify="left")
    for name in ("ℓ", *columns):
        made.add_column(name, justify="right")
    return made


def fill(made: Table, layers: range, columns: tuple[Tensor, ...], digits: int) -> None:
    """A row for each layer, in the order in which they are computed."""
    for index in layers:
        made.add_row(str(index + 1), *(f"{float(column[index]):.{digits}f}" for column in columns))


def cell(row: int, column: int, hessian: Tensor, digits: int) -> str:
    """An entry, with what was published in its place."""
    exact = f"{float(hessian[row, column]):.{digits}f}"
    published = PUBLISHED.get((row + 1, column + 1))
    return exact if published is None else f"{exact} (not {published})"
