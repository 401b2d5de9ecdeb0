"""Generalised linear models to ‖∇‖∞ ≤ 1e-8: ours, bare and through `Trainer.fit`, against the fastest solver of others.

All get the same arrays and the same objective, mean loss plus ½ · 1/n ‖W‖², and all are checked to end where the largest entry
of its gradient is below 1e-8: a peer's tolerance is lowered until it does, and one that does not within its iterations is out.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pytorch_lightning import Trainer
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches
from evidence.benchmarks import categories, counts_and_amounts, dense_solvers, lasso
from evidence.benchmarks.categories import time_to_optimum_of_categories
from evidence.benchmarks.counts_and_amounts import time_to_optimum_of_counts
from evidence.benchmarks.fastest_peer import Fit, Goal, fastest, fits_in_turn, gradient_goal
from evidence.benchmarks.lasso import time_to_sparse_optimum
from evidence.benchmarks.optional_peers import missing
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.problems import Problem, bundled, drawn
from evidence.benchmarks.row import BenchmarkRow
from lightning_modules import LogisticRegression, ObjectiveModule, SoftmaxRegression
from lightning_modules.optimizers import CurvatureOptimizer, Newton, minimise

TOLERANCE = 1e-8
# On tall tables Newton's curvature is that of some rows, unless told otherwise.
EVERY_ROW = "Newton, every row at every step"
METHODS: dict[str, Callable[..., CurvatureOptimizer]] = {"Newton": Newton, EVERY_ROW: partial(Newton, curvature_rows="all")}
PROBLEMS: dict[str, Callable[[], Problem]] = {
    "1 000 000 × 50": partial(drawn, 1_000_000, 50),
    "200 000 × 200": partial(drawn, 200_000, 200),
    "100 000 × 100, condition 1e8": partial(drawn, 100_000, 100, condition=1e8),
    "100 000 × 50, 5 classes": partial(drawn, 100_000, 50, 5),
    "breast cancer": partial(bundled, "breast cancer"),
    "Iris": partial(bundled, "Iris"),
}
# The gradient is asked for in the units of the features, a tolerance is in the loss's, for us and for everybody.
TOLERANCES = tuple(TOLERANCE / 4**k for k in range(5))
BUDGET, SMALL_BUDGET = Budget(seconds=40), Budget(least=15, most=200, seconds=15)
NUM_ROWS = 3 * len(PROBLEMS) + counts_and_amounts.NUM_ROWS + categories.NUM_ROWS + lasso.NUM_ROWS


def time_to_optimum(_: str) -> Iterator[BenchmarkRow | str]:
    """Seconds (milliseconds for the small ones) to the optimum.

    Raises:
        ArithmeticError: one of our ways does not reach it.
    """
    yield from missing(*dense_solvers.OPTIONAL, "celer")
    for name, make in PROBLEMS.items():
        yield from compared(name, make())
    yield from time_to_optimum_of_counts()
    yield from time_to_optimum_of_categories()
    yield from time_to_sparse_optimum()


def compared(name: str, problem: Problem) -> Iterator[BenchmarkRow]:
    """Our ways and the fastest of the solvers in turn.

    Raises:
        ArithmeticError: one of our ways does not reach the optimum, or no solver does.
    """
    is_tall, goal = len(problem.features) > 10_000, gradient_goal(problem.objective(), TOLERANCE)
    peer = fastest(name, dense_solvers.dense_solvers(problem), TOLERANCES[:3], goal)
    given: dict[str, Callable[..., Tensor]] = {
        "Newton": partial(bare, Newton),
        "Newton by Trainer.fit": partial(by_trainer, Newton),
    }
    if is_tall:
        given[EVERY_ROW] = partial(bare, METHODS[EVERY_ROW])
    ways = {f": {way}": loosest(partial(fit, problem=problem), goal) for way, fit in given.items()}
    yield from fits_in_turn(name, "s" if is_tall else "ms", ways, peer, goal, BUDGET if is_tall else SMALL_BUDGET)


def loosest(fit: Callable[..., Tensor], goal: Goal) -> Fit:
    """By the first of the tolerances that leads to the goal; by the last if none does."""
    for tolerance in TOLERANCES:
        ours = partial(fit, tolerance=tolerance)
        if goal.is_reached(ours()):
            break
    return ours


def bare(method: Callable[..., CurvatureOptimizer], problem: Problem, tolerance: float = TOLERANCE) -> Tensor:
    """θ by the optimizer on the objective alone, on the features' device and in their precision."""
    start = problem.features.new_zeros(problem.family.num_outputs * (problem.features.shape[1] + 1))
    return minimise(problem.objective(), start, partial(method, tolerance=tolerance)).theta


def by_trainer(
    method: Callable[..., CurvatureOptimizer], problem: Problem, processes: int = 1, tolerance: float = TOLERANCE
) -> Tensor:
    """θ by `Trainer.fit` on a module, nothing logged. Lightning starts the other processes, each with a share of the rows."""
    features, classes = problem.features.shape[1], problem.family.num_outputs
    options: dict[str, Any] = {"l2": problem.l2, "optimizer": partial(method, tolerance=tolerance)}
    model: ObjectiveModule
    model = LogisticRegression(features, **options) if classes == 1 else SoftmaxRegression(features, classes, **options)
    trainer = quiet_trainer(processes)
    sampler = ShardedBatchSampler(len(problem.features), None, rank=trainer.global_rank, world_size=processes)
    trainer.fit(model, TensorBatches((problem.features, problem.targets), sampler))
    return parameters_to_vector(model.parameters()).detach()


def quiet_trainer(processes: int = 1, **options: Any) -> Trainer:
    """In float64, keeping and saying nothing; on the CPU, unless told otherwise."""
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": processes,
        "strategy": "ddp" if processes > 1 else "auto",
        "precision": "64-true",
        "max_epochs": 100,
        "limit_val_batches": 0,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return Trainer(**(defaults | options))


def gradient_max(problem: Problem, theta: Tensor) -> float:
    """‖∇‖∞ at θ (p,)."""
    return gradient_goal(problem.objective(), TOLERANCE).distance(theta)
