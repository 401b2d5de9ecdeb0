"""S13: the Jacobian of a deep tanh network by forward and by reverse accumulation, timed."""

from itertools import pairwise
from math import exp, log
from statistics import median

import torch
from torch.autograd.functional import jacobian

from callbacks.picture_file import write_picture
from evidence.systems.agreement import relative_difference
from evidence.systems.expectation import at_least, at_most, between
from evidence.systems.jacobian_times import DEPTH, DEPTHS, METHODS, Times, time_jacobians, times_figure, times_table
from evidence.systems.plain_table import plain
from evidence.systems.random_rows import features
from evidence.systems.system import Claim, Context, Outcome, System
from lightning_modules.networks import DenseNetwork

# Seconds of 1000 Jacobians, D = K = 500, P = 1: by reverse and by forward accumulation, once the rows are put right.
PUBLISHED = {3: (0.24, 2.79), 5: (0.37, 4.99), 10: (0.76, 10.51)}
WIDTH, REPEATS = 500, 7
QUICK_WIDTH, QUICK_REPEATS = 8, 2
SMALL = (6, 7, 7, 5)


def compare_accumulations(context: Context) -> Outcome:
    """Both against autograd, then against one another."""
    width, repeats = (QUICK_WIDTH, QUICK_REPEATS) if context.quick else (WIDTH, REPEATS)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several wait for one another on a busy machine
    torch.manual_seed(0)
    with context.paused():
        times = time_jacobians(width, repeats)
    tables = [plain(times_table(times, width))]
    torch.set_num_threads(threads)
    path = context.output / "jacobians.png"
    write_picture(times_figure(times, width), path)
    claims = agreements()
    for depth in DEPTHS:
        reverse, forward = PUBLISHED[depth]
        name = f"time of forward ÷ reverse accumulation, D = {width}, P = 1, L = {depth}"
        published = f"{forward / reverse:.1f} (rows swapped)"
        claims.append(Claim(name, published, at_least(5), ratio(times, depth, 1), ".1f", is_headline=depth == DEPTH))
    name = f"P/D from which on forward accumulation is faster, L = {DEPTH}"
    claims.append(Claim(name, "", between(0.5, 2), crossover(times) / width, ".2f", is_headline=True))
    return Outcome(claims, [path], tables=tables)


def agreements() -> list[Claim]:
    """Both methods on a small network against autograd."""
    network = DenseNetwork(SMALL, "tanh").double()
    x = features(1, SMALL)
    reference = jacobian(lambda row: network(row[None])[0], x[0])[None]
    return [
        Claim(
            f"{name} accumulation: largest difference from autograd",
            "",
            at_most(1e-13),
            relative_difference(method(network, x).detach(), reference),
            ".1e",
        )
        for name, method in METHODS.items()
    ]


def ratio(times: Times, depth: int, outputs: int) -> float:
    """Median time of forward over that of reverse accumulation."""
    by_method = times[depth, outputs]
    return median(by_method["forward"]) / median(by_method["reverse"])


def crossover(times: Times) -> float:
    """The P at which both take as long, between two that were measured by a line on logarithmic axes; nan if there is none."""
    points = [(log(outputs), log(ratio(times, depth, outputs))) for depth, outputs in times if depth == DEPTH]
    for (before, high), (after, low) in pairwise(points):
        if high > 0 >= low:
            return exp(before + (after - before) * high / (high - low))
    return float("nan")


SYSTEM = System(
    "S13",
    compare_accumulations,
    page_pictures={"jacobians.png": "Jacobians by forward and reverse accumulation: time against depth and against outputs"},
    wrong="The two rows of the published table are swapped: with one output, reverse accumulation is the faster. The published "
    "code multiplies by full diagonal matrices as well, which this one does not.",
)
