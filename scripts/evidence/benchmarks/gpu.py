"""The same calls with the tensors on a GPU and on the CPU, and how often a step makes the host wait for the GPU.

Without a GPU there is nothing to measure, and one line says so.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor

from datamodules import MNISTTwoView
from evidence.benchmarks import diagonal, glm, two_view
from evidence.benchmarks.host_waits import waits_per_step
from evidence.benchmarks.problems import Problem, drawn, shape
from evidence.benchmarks.row import BenchmarkRow, seconds
from lightning_modules.optimizers.optimality import default_tolerance

SHAPES = ((1_000_000, 50), (20_000_000, 100))
# What ‖∇‖∞ ends at in each precision.
TOLERANCES = {torch.float64: glm.TOLERANCE, torch.float32: default_tolerance(torch.float32)}
# Rounding in one precision, seen from another, is no failure.
ROUNDING = 2.0
DIAGONAL_ROWS, ACTIVATION = 4096, "relu"
ROUNDS = 3
CPU = torch.device("cpu")
NUM_ROWS = len(SHAPES) * len(glm.METHODS) * len(TOLERANCES) + len(two_view.BATCH_SIZES) + 4 + 7


def compare_gpu_with_cpu(data_dir: str) -> Iterator[BenchmarkRow | str]:
    """Everything below, on the first GPU.

    Raises:
        ArithmeticError: GPU and CPU do not give the same, or not the optimum.
        OSError: MNIST is not there.
    """
    if not torch.cuda.is_available():
        yield "skipped: torch finds no CUDA device here"
        return
    device = torch.device("cuda")
    yield f"on one {torch.cuda.get_device_name(device)}"
    yield from fits(device)
    yield from views(device, data_dir)
    yield from diagonals(device)
    yield from waits_per_step(device)


def fits(device: torch.device) -> Iterator[BenchmarkRow | str]:
    """Seconds to the optimum of logistic regression."""
    for rows, features in SHAPES:
        if device.type == "cuda" and 16 * rows * features > torch.cuda.mem_get_info(device)[0]:
            yield f"{shape(rows, features)}: skipped, the device has not the memory for it"
            continue
        problem = drawn(rows, features)
        for dtype, method in product(TOLERANCES, glm.METHODS):
            case = f"{shape(rows, features)}, {str(dtype).removeprefix('torch.')}: {method}"
            here, there = moved(problem, CPU, dtype), moved(problem, device, dtype)
            ours, theirs = (partial(glm.bare, glm.METHODS[method], each, TOLERANCES[dtype]) for each in (there, here))
            yield on_both(case, "s", ours, theirs, device, partial(are_optimal, here))


def moved(problem: Problem, device: torch.device, dtype: torch.dtype) -> Problem:
    """The problem in another place and precision."""
    return problem._replace(features=problem.features.to(device, dtype), targets=problem.targets.to(device))


def are_optimal(problem: Problem, *solutions: Tensor) -> bool:
    """Whether each is where the method should have ended."""
    most = ROUNDING * TOLERANCES[problem.features.dtype]
    return all(glm.gradient_max(problem, theta.cpu()) <= most for theta in solutions)


def views(device: torch.device, data_dir: str) -> Iterator[BenchmarkRow]:
    """Seconds for two views of every image of MNIST."""
    images = MNISTTwoView(data_dir).images.data
    for size in two_view.BATCH_SIZES:
        ours, theirs = (partial(two_view.batched, images.to(place), size) for place in (device, CPU))
        yield on_both(f"two views of {len(images)} images, batches of {size}", "s", ours, theirs, device)


def diagonals(device: torch.device) -> Iterator[BenchmarkRow]:
    """Milliseconds for the curvature diagonals of a batch."""
    generator = torch.Generator().manual_seed(0)
    for name, kind in product(list(diagonal.NETWORKS)[:2], diagonal.DIAGONALS):
        make, widths = diagonal.NETWORKS[name]
        x = torch.randn(DIAGONAL_ROWS, widths[0], generator=generator)
        y = torch.randint(diagonal.CLASSES, (DIAGONAL_ROWS,), generator=generator)
        here, there = make(widths, ACTIVATION), make(widths, ACTIVATION).to(device)
        there.load_state_dict(here.state_dict())
        ours = diagonal.our_diagonal(there, x.to(device), y.to(device), kind)
        theirs = diagonal.our_diagonal(here, x, y, kind)
        yield on_both(f"{kind} diagonal, {ACTIVATION} {name}, {DIAGONAL_ROWS} rows", "ms", ours, theirs, device, are_close)


def are_close(ours: Tensor, theirs: Tensor) -> bool:
    """Whether they differ by rounding at most."""
    return bool((ours.cpu() - theirs).abs().max() <= diagonal.TOLERANCE * theirs.abs().max())


def on_both(
    case: str,
    unit: str,
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    device: torch.device,
    agree: Callable[[Any, Any], bool] = lambda *_: True,
) -> BenchmarkRow:
    """The same work on the device and on the CPU, in turn, after a first run of each that is compared and not counted.

    Raises:
        ArithmeticError: what they return does not agree.
    """
    if not agree(ours(), theirs()):
        raise ArithmeticError(f"{case}: {device.type} and CPU do not give the same, so no time means anything")
    scale = {"s": 1.0, "ms": 1e3}[unit]
    pairs = [(scale * seconds(partial(finished, ours, device)), scale * seconds(theirs)) for _ in range(ROUNDS)]
    mine, others = zip(*pairs, strict=True)
    return BenchmarkRow(case, unit, "the CPU", mine, others, more_is_better=False)


def finished(work: Callable[[], object], device: torch.device) -> None:
    """Do it, and wait until the device has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
