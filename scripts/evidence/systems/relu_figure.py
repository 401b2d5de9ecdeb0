"""Two functions as sums of ReLUs, the tent and the dead zone, drawn over their exact networks."""

from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import softshrink

from callbacks.okabe_ito import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION
from lightning_modules.networks import DenseNetwork, dead_zone, tent

# Of the hidden units, beside the function and its network.
TERMS = (GREEN, PURPLE, ORANGE, SKY, BLACK)


def draw_functions(s: float, points: int) -> tuple[Figure, dict[str, float]]:
    """Both functions over their networks at so many points, and the largest difference of each.

    Args:
        s: half-width of the dead zone.
        points: at least 2.
    """
    # Each function written without ReLU, its network, the interval to draw, and what the output layer does.
    cases: dict[str, tuple[Callable[[Tensor], Tensor], DenseNetwork, float, float, str]] = {
        "tent": (lambda x: (1 - (2 * x - 1).abs()).clamp(min=0), tent(), -0.5, 1.5, "ReLU(3 + their sum)"),
        f"dead zone, s = {s:g}": (lambda x: softshrink(x, s), dead_zone(s), -2 * s - 1, 2 * s + 1, "their sum"),
    }
    figure = Figure(figsize=(10, 6), layout="constrained")
    grid = figure.subplots(2, 2, sharex="col")
    differences = {}
    for (above, below), (title, (function, network, low, high, output)) in zip(grid.T, cases.items(), strict=True):
        x = torch.linspace(low, high, points, dtype=torch.float64)
        draw_terms(above, x, network)
        differences[title] = draw_sum(below, x, function(x), network)
        above.set(title=title, ylabel="hidden units, weighted")
        below.set(xlabel="x", ylabel=output)
    return figure, differences


@torch.no_grad()
def draw_terms(axes: Axes, x: Tensor, network: DenseNetwork) -> None:
    """A panel with what each hidden unit of a 1-k-1 network contributes at points x (m,)."""
    first, last = network.layers
    weights = last.weight[0]
    terms = network.activation(first(x[:, None])) * weights
    for number, term in enumerate(terms.T):
        label = term_label(float(weights[number]), float(first.weight[number, 0]), float(first.bias[number]))
        axes.plot(x, term, color=TERMS[number % len(TERMS)], linewidth=1.8, label=label)
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)


def term_label(outer: float, inner: float, bias: float) -> str:
    """outer · ReLU(inner · x + bias) as one writes it: −ReLU(2x − 1)."""

    def factor(number: float) -> str:
        return {1.0: "", -1.0: "−"}.get(number, f"{number:g}".replace("-", "−"))

    shift = f" {'−' if bias < 0 else '+'} {abs(bias):g}" if bias else ""
    return f"{factor(outer)}ReLU({factor(inner)}x{shift})"


@torch.no_grad()
def draw_sum(axes: Axes, x: Tensor, y: Tensor, network: DenseNetwork) -> float:
    """A panel with a function's values y (m,) at points x (m,) and its network's; returns the largest difference."""
    values = network(x[:, None])[:, 0]
    axes.plot(x, y, color=BLUE, linewidth=7, alpha=0.3, solid_capstyle="round", label="function")
    axes.plot(x, values, color=VERMILLION, linewidth=1.8, label="ReLU network")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    return float((values - y).abs().max())
