"""The Jacobian of a deep tanh network by forward and by reverse accumulation: timed, listed and drawn.

    f(x) = W_F tanh(W_L … tanh(W_1 x)),       D inputs, L hidden layers of D units, P outputs.

Forward accumulation carries D tangents through every layer, reverse accumulation P adjoints: they cost the same at P = D.
"""

import time
from collections.abc import Callable
from statistics import median

import torch
from command_line.aligned_numbers import add_rows
from command_line.terminal import Terminal
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.progress import track
from rich.table import Table
from torch import Tensor

from callbacks.log_scale import scale_log
from callbacks.okabe_ito import BLUE, VERMILLION
from datamodules.messages import counted
from lightning_modules.networks import DenseNetwork, forward_jacobian, reverse_jacobian

METHODS: dict[str, Callable[[DenseNetwork, Tensor], Tensor]] = {"forward": forward_jacobian, "reverse": reverse_jacobian}
COLORS = {"forward": BLUE, "reverse": VERMILLION}
DEPTHS = (3, 5, 10)  # L of the networks with P = 1
DEPTH = 5  # of the networks with more outputs
MULTIPLES = (0.01, 0.03, 0.1, 0.3, 1, 2, 4)  # their P / D
Case = tuple[int, int]  # (L, P)
Times = dict[Case, dict[str, list[float]]]  # milliseconds of a Jacobian, of each repeat by method


@torch.no_grad()
def time_jacobians(width: int, repeats: int) -> Times:
    """Time every case once a repeat, so that all see the same states of the machine."""
    outputs = [1, *(max(1, round(multiple * width)) for multiple in MULTIPLES)]
    cases: list[Case] = sorted({*((depth, 1) for depth in DEPTHS), *((DEPTH, p) for p in outputs)})
    networks = {(depth, p): DenseNetwork([width] * (depth + 1) + [p], "tanh") for depth, p in cases}
    times: Times = {case: {name: [] for name in METHODS} for case in cases}
    x = torch.randn(1, width)
    # One repeat more than counts: the first pays for threads to start and memory to be found.
    for repeat in track(range(repeats + 1), "Jacobians", console=Terminal(stderr=True), transient=True):
        for case, network in networks.items():
            for name, method in METHODS.items():
                start = time.perf_counter()
                method(network, x)
                if repeat:
                    times[case][name].append(1e3 * (time.perf_counter() - start))
    return times


def times_table(times: Times, width: int) -> Table:
    """Median milliseconds of a Jacobian, which are the seconds of a thousand."""
    threads = counted(torch.get_num_threads(), "thread")
    table = Table("L", "P", *(f"{name} / ms" for name in METHODS), "forward ÷ reverse", title=f"D = {width}, {threads}")
    rows = []
    for (depth, p), by_method in times.items():
        medians = [median(by_method[name]) for name in METHODS]
        rows.append((str(depth), str(p), *(f"{value:.3g}" for value in medians), f"{medians[0] / medians[1]:.2g}"))
    add_rows(table, rows)
    return table


def times_figure(times: Times, width: int) -> Figure:
    """Time against depth for one output, and against the number of outputs at one depth."""
    figure = Figure(figsize=(10, 3.5), layout="constrained")
    by_depth, by_outputs = figure.subplots(1, 2, sharey=True)
    draw_curves(by_depth, {depth: times[depth, 1] for depth in DEPTHS})
    by_depth.set_xticks(DEPTHS)
    by_depth.set(xlabel="hidden layers L, with P = 1 output", ylabel=f"ms per Jacobian, D = {width}")
    draw_curves(by_outputs, {p: by_method for (depth, p), by_method in times.items() if depth == DEPTH})
    by_outputs.set(xlabel=f"outputs P, with L = {DEPTH} hidden layers")
    by_outputs.axvline(width, color="0.4", linestyle="--", linewidth=1)
    by_outputs.annotate("P = D  ", (width, 0.04), xycoords=("data", "axes fraction"), ha="right", color="0.4")
    scale_log(by_outputs.xaxis, (p for depth, p in times if depth == DEPTH))
    by_outputs.xaxis.set_major_formatter("{x:g}")  # 10, not 10¹
    scale_log(by_depth.yaxis, (median(repeats) for by_method in times.values() for repeats in by_method.values()))
    figure.legend(*by_depth.get_legend_handles_labels(), loc="outside upper center", ncols=len(METHODS), frameon=False)
    return figure


def draw_curves(axes: Axes, times: dict[int, dict[str, list[float]]]) -> None:
    """Medians of each method, and the range of the repeats as a band."""
    for name, color in COLORS.items():
        repeats = [by_method[name] for by_method in times.values()]
        axes.plot(list(times), [median(r) for r in repeats], "o-", color=color, label=name, linewidth=1.8, markersize=4)
        axes.fill_between(list(times), [min(r) for r in repeats], [max(r) for r in repeats], color=color, alpha=0.15, lw=0)
    axes.grid(alpha=0.3)
