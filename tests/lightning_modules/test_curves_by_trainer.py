"""Curves of NIST's by a Trainer: the certified parameters, and the verdict that they are the optimum."""

from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
from evidence.benchmarks.nist_problems import MODELS, nist_problem
from torch.utils.data import DataLoader, TensorDataset

from callbacks import ConvergenceStatus
from lightning_modules.objectives import LeastSquares, Point, Reduction, this_process
from lightning_modules.optimizers import Newton, minimise
from tests.lightning_modules.curves import Curve, CurveByRows, loss_by_rows
from tests.lightning_modules.processes import in_processes
from tests.nist import FOLDER, needs_nist
from tests.training import Iterates, make_trainer

QUICK = {"Misra1a", "Hahn1", "MGH09", "MGH10", "BoxBOD", "Nelson"}
RUNS = [
    pytest.param(*run, id="-".join(map(str, run[:3])) + run[3].__name__, marks=() if is_quick else pytest.mark.slow)
    for run in product(MODELS, (0, 1), ("ggn", "hessian"), (Curve, CurveByRows))
    for is_quick in [run[0] in QUICK and run[1] == 0]
]


def rows(x: torch.Tensor, y: torch.Tensor, **options: Any) -> DataLoader:
    return DataLoader(TensorDataset(x, y), batch_size=len(x), **options)


@needs_nist
@pytest.mark.parametrize(("name", "start", "curvature", "make"), RUNS)
def test_certified_parameters(name: str, start: int, curvature: str, make: type[Curve]) -> None:
    """Six digits within 500 epochs of one step each, as without a trainer."""
    problem = nist_problem(FOLDER.parent, name)
    model = make(problem.model, problem.starts[start], optimizer=partial(Newton, curvature=curvature))
    watched, trainer = ConvergenceStatus(), make_trainer(500)
    trainer.callbacks.append(watched)
    trainer.fit(model, rows(problem.x, problem.y))
    assert problem.digits(model.theta.detach()) >= 6
    assert watched.status == model.convergence().status == "converged", watched.message


T = torch.linspace(0, 4, 40, dtype=torch.float64)
Y = 2.5 * torch.exp(-1.3 * T) + 0.05 * torch.sin(40 * T)
START = torch.ones(2, dtype=torch.float64)


def decay(theta: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return theta[0] * torch.exp(-theta[1] * t)


@pytest.mark.parametrize("make", [Curve, CurveByRows])
def test_the_steps_are_those_without_a_trainer(make: type[Curve]) -> None:
    """Whatever the order of the rows, an epoch is a step."""
    iterates: list[torch.Tensor] = []
    minimum = minimise(LeastSquares(lambda theta: decay(theta, T) - Y), START, Newton, 100)
    for options in ({}, {"shuffle": True}):
        model, kept = make(decay, START, optimizer=Newton), Iterates()
        make_trainer(100, kept).fit(model, rows(T, Y, **options))
        assert model.convergence().status == minimum.status == "converged"
        assert len(kept.thetas) == minimum.steps
        iterates.append(torch.stack(kept.thetas))
    torch.testing.assert_close(iterates[0], iterates[1], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(iterates[0][-1], minimum.theta, rtol=1e-10, atol=1e-12)


def valley(theta: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Steps follow the bend of θ₁ = θ₀²."""
    return theta[0] * t + 10 * (theta[1] - theta[0] ** 2)


@pytest.mark.parametrize("curvature", ["ggn", "hessian"])
def test_the_rows_may_be_on_several_processes(curvature: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uneven shares; the iterates are those of one process, steps along the bend of the model among them."""
    bends, bend = [], Point.bend
    monkeypatch.setattr(Point, "bend", lambda *args: bends.append(args) or bend(*args))
    far, y = torch.tensor([-1.2, 1.0], dtype=torch.float64), valley(START, T) + 0.05 * torch.sin(40 * T)

    def work(rank: int, reduction: Reduction) -> torch.Tensor:
        model, method = Curve(valley, far, optimizer=Newton), partial(Newton, curvature=curvature)
        parts = list(zip(T.split((17, 0, 23)), y.split((17, 0, 23)), strict=True))
        own = (T, y) if reduction is this_process else parts[rank]
        return minimise(loss_by_rows(model, own, reduction), far, method, 4).theta

    alone = work(0, this_process)
    assert bends
    for theta in in_processes(3, work):
        torch.testing.assert_close(theta, alone, rtol=1e-10, atol=1e-12)


def test_a_function_of_one_process_is_refused_on_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process would minimise the loss of its own rows, by steps of its own."""

    class Two(type(this_process)):  # type: ignore[misc]
        num_processes = 2

    monkeypatch.setattr(Curve, "reduction", Two())
    with pytest.raises(ValueError, match="LeastSquares sums over the rows of one process, and there are 2: return Module"):
        make_trainer(2).fit(Curve(decay, START, optimizer=Newton), rows(T, Y))
    make_trainer(2).fit(CurveByRows(decay, START, optimizer=Newton), rows(T, Y))


@pytest.mark.parametrize("make", [Curve, CurveByRows])
def test_too_few_epochs_are_not_called_converged(make: type[Curve]) -> None:
    """The negative control of the verdict."""
    model = make(decay, START, optimizer=Newton)
    make_trainer(2).fit(model, rows(T, Y))
    assert model.convergence().status == "budget"
