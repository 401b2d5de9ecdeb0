"""NIST's certified nonlinear regressions from both starts: correct digits, counts and seconds, ours beside others'.

Every method gets the same function of torch, in float64, and exact derivatives of it. "Tight" is with tolerances of 1e-15;
everything else is at its defaults, but for scipy's `x_scale='jac'`. The files are NIST's own, in the folder `nist` of the data.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from evidence.benchmarks.certified_run import CertifiedRun
from evidence.benchmarks.certified_tables import RIGHT
from evidence.benchmarks.clocks import Reading, seconds
from evidence.benchmarks.curve_fitters import (
    MAX_EVALUATIONS,
    MAX_STEPS,
    OURS,
    SCIPY,
    TORCH_LM,
    Fitter,
)
from evidence.benchmarks.nist_problems import MODELS, NistProblem, nist_problem
from evidence.benchmarks.optional_peers import has, missing
from evidence.benchmarks.pairing import row_of
from evidence.benchmarks.row import BenchmarkRow

STARTS = 2
# A run of each method for each start; what a rival's seconds are compared with is the first of ours, the default.
NUM_ROWS = len(MODELS) * STARTS * (len(OURS) + len(SCIPY) + len(TORCH_LM)) + len(SCIPY) + len(TORCH_LM)


@dataclass(frozen=True)
class Task:
    """A problem and a start (p,) of it."""

    problem: NistProblem
    start: Tensor
    label: str


def fit_certified_curves(data_dir: str) -> Iterator[CertifiedRun | BenchmarkRow | str]:
    """A run for each problem, start and method, then a row of seconds for each rival.

    Raises:
        OSError: the files are not there.
    """
    rivals = dict(SCIPY)
    yield (
        f"a step is a linearisation of the model, an evaluation a call of it, differentiated or not; Newton and "
        f"torch-levenberg-marquardt may take {MAX_STEPS} steps, scipy {MAX_EVALUATIONS} evaluations"
    )
    yield "seconds are compared where both have the digits, for a wrong answer may be quick; scipy's loops are compiled"
    yield from missing("torch_levenberg_marquardt")
    if has("torch_levenberg_marquardt"):
        rivals |= TORCH_LM
        yield "torch-levenberg-marquardt reports nothing but that it stops by itself, which counts as success"
    fitters = OURS | rivals
    times: dict[str, dict[str, Reading]] = {method: {} for method in fitters}
    for number, task in enumerate(tasks(data_dir)):
        arrived = {}
        for method, fitter in fitters.items():
            run = counted(task, method, fitter)
            if run.digits >= RIGHT:
                arrived[method] = fitter
            yield run
        for method, time in timed(task, arrived, number).items():
            times[method][task.label] = time
    for rival in rivals:
        yield compared(next(iter(OURS)), rival, times)


def tasks(data_dir: str) -> Iterator[Task]:
    """Both starts of every problem."""
    for name in MODELS:
        problem = nist_problem(data_dir, name)
        for number, start in enumerate(problem.starts, 1):
            yield Task(problem, start, f"{name}, start {number}")


def counted(task: Task, method: str, fitter: Fitter) -> CertifiedRun:
    """One run, its steps and evaluations counted; an error ends it without a digit."""
    evaluations = 0

    def model(b: Tensor, x: Tensor) -> Tensor:
        nonlocal evaluations
        evaluations += 1
        return task.problem.model(b, x)

    try:
        fit = fitter(replace(task.problem, model=model), task.start)
    except (ArithmeticError, RuntimeError, ValueError) as error:
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        return CertifiedRun(task.label, method, 0.0, False, 0, evaluations, message)
    digits = task.problem.digits(fit.theta)
    return CertifiedRun(task.label, method, digits, fit.reports_success, fit.steps, evaluations)


def timed(task: Task, fitters: dict[str, Fitter], first: int) -> dict[str, Reading]:
    """Milliseconds of a run by each method, one after the other, another one first each time."""
    sides = list(fitters.items())
    first %= max(1, len(sides))
    return {
        method: seconds(partial(fitter, task.problem, task.start)).times(1e3)
        for method, fitter in sides[first:] + sides[:first]
    }


def compared(ours: str, rival: str, times: dict[str, dict[str, Reading]]) -> BenchmarkRow | str:
    """Milliseconds of a run where both are right, problem by problem."""
    both = [label for label in times[ours] if label in times[rival]]
    if not both:
        return f"{ours} and {rival} are right on no problem together, so their times are not compared"
    mine, others = ([times[method][label] for label in both] for method in (ours, rival))
    case = f"{len(both)} runs where both have {RIGHT:.0f} digits: {ours}"
    return row_of(case, "ms", rival, mine, others)
