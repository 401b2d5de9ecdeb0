"""Generalised linear models to ‖∇‖∞ ≤ 1e-8: ours, bare and through `Trainer.fit`, against scikit-learn's fastest solver.

Both sides get the same arrays and the same objective, mean loss plus ½ · 1/n ‖W‖², and both are checked to end where the
largest entry of its gradient is below 1e-8: scikit-learn's tolerance is lowered until it does, and a solver that does not
within its iterations is out.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from pytorch_lightning import Trainer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as ScikitLogisticRegression
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches
from evidence.benchmarks import categories, counts_and_amounts, lasso
from evidence.benchmarks.categories import time_to_optimum_of_categories
from evidence.benchmarks.counts_and_amounts import time_to_optimum_of_counts
from evidence.benchmarks.lasso import time_to_sparse_optimum
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
# Iterations a solver may take before it is out. One of newton-cg has many products in it.
SOLVERS = {"lbfgs": 300, "newton-cholesky": 50, "newton-cg": 10}
ROUNDS = 5
NUM_ROWS = 3 * len(PROBLEMS) + counts_and_amounts.NUM_ROWS + categories.NUM_ROWS + lasso.NUM_ROWS


class Solver(NamedTuple):
    """A solver of scikit-learn's, and the tolerance by which it gets where we ask."""

    name: str
    tolerance: float

    def fit(self, problem: Problem) -> Tensor:
        """θ (p,) in the layout of `GLMObjective`."""
        model = ScikitLogisticRegression(C=1.0, solver=self.name, tol=self.tolerance, max_iter=SOLVERS[self.name])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the gradient is looked at instead
            model.fit(problem.features.numpy(), problem.targets.numpy())
        return torch.cat([torch.from_numpy(model.coef_).flatten(), torch.from_numpy(model.intercept_)])


def time_to_optimum(_: str) -> Iterator[BenchmarkRow | str]:
    """Seconds (milliseconds for the small ones) to the optimum.

    Raises:
        ArithmeticError: one of our ways does not reach it.
    """
    for name, make in PROBLEMS.items():
        yield from compared(name, make())
    yield from time_to_optimum_of_counts()
    yield from time_to_optimum_of_categories()
    yield from time_to_sparse_optimum()


def compared(name: str, problem: Problem) -> Iterator[BenchmarkRow]:
    """Our ways and the fastest of the solvers in turn, after a first run of each that is checked and not counted."""
    solver = fastest(problem)
    given: dict[str, Callable[..., Tensor]] = {
        "Newton": partial(bare, Newton),
        "Newton by Trainer.fit": partial(by_trainer, Newton),
    }
    if len(problem.features) > 10_000:
        given[EVERY_ROW] = partial(bare, METHODS[EVERY_ROW])
    ways: dict[str, Callable[[Problem], Tensor]] = {}
    for way, fit in given.items():
        # As with the solvers: the gradient is asked for in the units of the features, a tolerance is in the loss's.
        for tolerance in (TOLERANCE, TOLERANCE / 4, TOLERANCE / 16, TOLERANCE / 64, TOLERANCE / 256):
            ways[way] = partial(fit, tolerance=tolerance)
            if (largest := gradient_max(problem, ways[way](problem))) <= TOLERANCE:
                break
        else:
            raise ArithmeticError(f"{name}: {way} ended at a gradient of {largest:.1e}, not 1e-8, so no time means anything")
    unit, scale = ("s", 1.0) if len(problem.features) > 10_000 else ("ms", 1e3)
    seconds: dict[str, list[float]] = {way: [] for way in (*ways, solver.name)}
    sides = [*ways.items(), (solver.name, solver.fit)]
    for number in range(ROUNDS):
        # Another one first each time: threads of the one before may still wait, at the processor's cost, for more to do.
        first = number % len(sides)
        for way, fit in (*sides[first:], *sides[:first]):
            seconds[way].append(scale * timed(fit, problem))
    peer = f"scikit-learn {solver.name}"
    for way in ways:
        yield BenchmarkRow(f"{name}: {way}", unit, peer, tuple(seconds[way]), tuple(seconds[solver.name]), more_is_better=False)


def fastest(problem: Problem) -> Solver:
    """The solver that is at the optimum first.

    Raises:
        ArithmeticError: none gets there.
    """
    seconds: dict[Solver, float] = {}
    for name in SOLVERS:
        for tolerance in (TOLERANCE, TOLERANCE / 4, TOLERANCE / 16):
            start = time.perf_counter()
            solution = Solver(name, tolerance).fit(problem)
            passed = time.perf_counter() - start
            if gradient_max(problem, solution) <= TOLERANCE:
                seconds[Solver(name, tolerance)] = passed
                break
            if seconds and passed > 3 * min(seconds.values()):
                break  # it would be no faster with more to do
    if not seconds:
        raise ArithmeticError("no solver of scikit-learn's reaches a gradient of 1e-8, so there is nobody to compare with")
    return min(seconds, key=lambda solver: seconds[solver])


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
    objective = problem.objective()
    return float(objective.at(theta.double()).gradient.abs().max())


def timed(fit: Callable[[Problem], Tensor], problem: Problem) -> float:
    """Seconds."""
    start = time.perf_counter()
    fit(problem)
    return time.perf_counter() - start
