"""The same calls with the tensors on a GPU and on the CPU, and how often a step makes the host wait for the GPU.

Without a GPU there is nothing to measure, and one line says so.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, product
from typing import Any

import torch
from torch import Tensor

from datamodules import MNISTTwoViewDataModule
from evidence.benchmarks import diagonal, glm, host_waits, two_view
from evidence.benchmarks.agreement import Agreement, difference
from evidence.benchmarks.clocks import Reading, seconds
from evidence.benchmarks.host_memory import lack_of_memory
from evidence.benchmarks.measured_networks import DENSE, batch_of
from evidence.benchmarks.pairing import Budget, compared
from evidence.benchmarks.place import GPU, Place
from evidence.benchmarks.problems import Problem, drawn, shape
from evidence.benchmarks.row import BenchmarkRow
from evidence.benchmarks.same_answer import TOLERANCE
from lightning_modules.optimizers.optimality import default_tolerance

# All of it takes about 100 s beside a CPU of two cores, and less beside one of more.
SHAPES = ((1_000_000, 50), (1_000_000, 100))
# Bytes of a number of a problem: itself and what it is drawn by, each in float64, and a copy in float32.
BYTES_DRAWN = 8 + 8 + 4
# What ‖∇‖∞ ends at in each precision.
TOLERANCES = {torch.float64: glm.TOLERANCE, torch.float32: default_tolerance(torch.float32)}
# Rounding in one precision, seen from another, is no failure.
ROUNDING = 2.0
DIAGONAL_ROWS, ACTIVATION = 4096, "relu"
# So many images of MNIST get two views. Those of a GPU differ by the rounding of where a pixel is looked up.
IMAGES, VIEWS_TOLERANCE = 20_480, 4e-4
BUDGET = Budget(most=15, seconds=4.0)
CPU = torch.device("cpu")
NUM_ROWS = len(SHAPES) * len(glm.METHODS) * len(TOLERANCES) + len(two_view.BATCH_SIZES) + 4 + host_waits.NUM_ROWS + 1


def compare_gpu_with_cpu(data_dir: str) -> Iterator[BenchmarkRow | str]:
    """Everything below, on the first GPU.

    Raises:
        ArithmeticError: GPU and CPU do not give the same, or not the optimum.
        OSError: MNIST is not there.
    """
    if not torch.cuda.is_available():
        yield "skipped: torch finds no CUDA device here"
        return
    yield f"on one {torch.cuda.get_device_name(GPU.device)}"
    yield from compare_with_cpu(GPU, data_dir)


def compare_with_cpu(place: Place, data_dir: str) -> Iterator[BenchmarkRow | str]:
    """Everything, on any device."""
    host_waits.two_view_data(data_dir, 1).prepare_data()  # what is not there is missed now, not after a minute
    yield from fits(place.device)
    yield from views(place.device, data_dir)
    yield from diagonals(place.device)
    yield from host_waits.waits_per_step(place, data_dir)


def fits(device: torch.device) -> Iterator[BenchmarkRow | str]:
    """Seconds to the optimum of logistic regression."""
    for rows, features in SHAPES:
        if (lack := lack_of_memory(BYTES_DRAWN * rows * features)) is not None:
            yield f"{shape(rows, features)}: {lack}"
            continue
        if device.type == "cuda" and 16 * rows * features > torch.cuda.mem_get_info(device)[0]:
            yield f"{shape(rows, features)}: skipped, the device has not the memory for it"
            continue
        problem = drawn(rows, features)
        for dtype, method in product(TOLERANCES, glm.METHODS):
            case = f"{shape(rows, features)}, {str(dtype).removeprefix('torch.')}: {method}"
            here, there = moved(problem, CPU, dtype), moved(problem, device, dtype)
            ours, theirs = (partial(glm.bare, glm.METHODS[method], each, TOLERANCES[dtype]) for each in (there, here))
            yield on_both(case, "s", ours, theirs, device, partial(gradient_of_both, here), ROUNDING * TOLERANCES[dtype])


def moved(problem: Problem, device: torch.device, dtype: torch.dtype) -> Problem:
    """The problem in another place and precision."""
    return problem._replace(features=problem.features.to(device, dtype), targets=problem.targets.to(device))


def gradient_of_both(problem: Problem, *solutions: Tensor) -> Agreement:
    """Its largest entry at either."""
    return Agreement("gradient", max(glm.gradient_max(problem, theta.cpu()) for theta in solutions))


def views(device: torch.device, data_dir: str) -> Iterator[BenchmarkRow]:
    """Seconds for batches of two views as training gets them: taken from uint8 images on the host, moved, made, normalised."""
    for size in two_view.BATCH_SIZES:
        data = host_waits.two_view_data(data_dir, size)
        batches = min(len(data.train_dataloader()), -(-IMAGES // size))
        ours, theirs = (partial(first_and_last, data, batches, place) for place in (device, CPU))
        yield on_both(
            f"{batches} batches of {size} images with two views",
            "s",
            ours,
            theirs,
            device,
            difference_of_views,
            VIEWS_TOLERANCE,
        )


def first_and_last(data: MNISTTwoViewDataModule, batches: int, place: torch.device) -> list[Tensor]:
    """Original, two views and labels of the first of so many batches and of the last one, after all of them were made."""
    found: list[Tensor] = []
    for batch in islice(data.train_dataloader(), batches):
        found[4:] = data.transfer_batch_to_device(batch, place, 0)
    return found


def difference_of_views(ours: list[Tensor], theirs: list[Tensor]) -> Agreement:
    """The largest of all images and labels."""
    return max((difference(mine.cpu(), other) for mine, other in zip(ours, theirs, strict=True)), key=lambda each: each.value)


def diagonals(device: torch.device) -> Iterator[BenchmarkRow]:
    """Milliseconds for the curvature diagonals of a batch."""
    generator = torch.Generator().manual_seed(0)
    for name, kind in product(list(DENSE)[:2], diagonal.DIAGONALS):
        make, widths = DENSE[name]
        x, y = batch_of(DIAGONAL_ROWS, widths[:1], generator)
        here, there = make(widths, ACTIVATION), make(widths, ACTIVATION).to(device)
        there.load_state_dict(here.state_dict())
        ours = partial(diagonal.our_diagonal, there, (x.to(device), y.to(device)), kind)
        theirs = partial(diagonal.our_diagonal, here, (x, y), kind)
        case = f"{kind} diagonal, {ACTIVATION} {name}, {DIAGONAL_ROWS} rows"
        yield on_both(case, "ms", ours, theirs, device, difference, TOLERANCE)


def on_both(
    case: str,
    unit: str,
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    device: torch.device,
    agreement_of: Callable[[Any, Any], Agreement],
    most: float,
) -> BenchmarkRow:
    """The same work on the device and on the CPU, in turn, after a first run of each that is compared and not counted.

    Raises:
        ArithmeticError: what they return does not agree.
    """
    agreement = agreement_of(ours(), theirs())
    if not agreement.value <= most:
        raise ArithmeticError(f"{case}: {device.type} and CPU do not give the same ({agreement}), so no time means anything")
    scale = {"s": 1.0, "ms": 1e3}[unit]

    def here() -> Reading:
        return seconds(theirs).times(scale)

    def there() -> Reading:
        return seconds(partial(finished, ours, device)).times(scale)

    return compared(case, unit, "the CPU", (there, here), BUDGET, role="ourselves", agreement=agreement)


def finished(work: Callable[[], object], device: torch.device) -> None:
    """Do it, and wait until the device has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
