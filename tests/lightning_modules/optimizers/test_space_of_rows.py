"""Fits with more parameters than rows, whose steps are solved in the space of the rows."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.testing import assert_close

from datamodules import ArrayDataModule
from lightning_modules import MLP
from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import LeastSquares, NetworkObjective
from lightning_modules.objectives.families import Categorical, Gaussian
from lightning_modules.optimizers import Newton, minimise
from lightning_modules.optimizers import solver_choice as choice
from lightning_modules.solvers import DenseSolver, MatrixFreeSolver, WoodburySolver
from tests.lightning_modules.optimizers.fitting import normal
from tests.training import make_trainer


def wide(rows: int, widths: tuple[int, ...] = (5, 16, 16, 1), l2: float = 0.0) -> tuple[NetworkObjective, Tensor]:
    network = DenseNetwork(widths, "tanh")
    x = normal(rows, widths[0])
    outputs = widths[-1]
    y = torch.arange(rows) % outputs if outputs > 1 else normal(rows, 1, seed=1)
    loss = Categorical(outputs) if outputs > 1 else Gaussian(1)
    theta = 0.4 * normal(sum(p.numel() for p in network.parameters()), seed=2)
    return NetworkObjective(network, loss, x, y, l2), theta


@pytest.mark.parametrize("case", [wide(20), wide(20, l2=0.01), wide(12, (5, 16, 16, 3)), wide(12, (5, 16, 16, 3), 0.01)])
@pytest.mark.parametrize("damping", ["adaptive", 0.1])
def test_iterates_are_those_of_the_matrix(case: tuple[NetworkObjective, Tensor], damping: Any) -> None:
    objective, start = case
    found, expected = (
        minimise(objective, start, partial(Newton, damping=damping, solver=solver), max_steps=6)
        for solver in ("woodbury", "cholesky")
    )
    assert found.steps == expected.steps == 6
    assert_close(found.theta, expected.theta, rtol=1e-10, atol=1e-11)


def test_a_curve_with_more_parameters_than_points_is_met() -> None:
    """By a trust region, whose least dampings the matrix cannot be factorised with."""
    t = torch.linspace(-1, 1, 10, dtype=torch.float64)

    def residuals(theta: Tensor) -> Tensor:
        inner, outer = theta.view(2, -1)
        return torch.tanh(t[:, None] * inner + inner.flip(0)) @ outer - torch.sin(3 * t)

    found = minimise(LeastSquares(residuals), normal(256), Newton, max_steps=30)
    assert isinstance(found.optimizer, Newton)
    assert found.value < 1e-20


@pytest.mark.parametrize(
    ("rows", "solver"),
    [(100, WoodburySolver), (192, WoodburySolver), (193, DenseSolver), (385, DenseSolver)],
)
def test_the_space_is_chosen_by_rows_and_parameters(rows: int, solver: type) -> None:
    objective, start = wide(rows)
    assert len(start) == 385
    report = minimise(objective, start, Newton, max_steps=1).optimizer.report  # type: ignore[attr-defined]
    assert isinstance(report.solver, solver)


def test_up_to_so_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "MOST_FACTOR_ROWS", 50)
    monkeypatch.setattr(choice, "DENSE_OTHERWISE", 100)
    for rows, solver in ((50, WoodburySolver), (51, MatrixFreeSolver)):
        objective, start = wide(rows)
        report = minimise(objective, start, Newton, max_steps=1).optimizer.report  # type: ignore[attr-defined]
        assert isinstance(report.solver, solver)


def test_just_fewer_rows_than_parameters() -> None:
    objective, start = wide(384)
    found, expected = (
        minimise(objective, start, partial(Newton, solver=solver), max_steps=3) for solver in ("woodbury", "cholesky")
    )
    assert_close(found.theta, expected.theta, rtol=1e-9, atol=1e-10)
    for rows in (385, 386):
        with pytest.raises(ValueError, match=f"there are {rows} for 385: use 'cholesky'"):
            minimise(wide(rows)[0], start, partial(Newton, solver="woodbury"), max_steps=1)


def test_rows_that_no_memory_holds_are_refused() -> None:
    objective, start = wide(30_000, (5, 200, 200, 1))
    with pytest.raises(ValueError, match=r"30000 rows × outputs take 6\.7 GiB, and up to 23170 fit") as refusal:
        minimise(objective, start, partial(Newton, solver="woodbury"), max_steps=1)
    refusal.match(r"Newton\(solver='cg'\)")


def test_an_unknown_solver_is_refused() -> None:
    with pytest.raises(ValueError, match=r"solver='samples'.*'cg' \(matrix-free\), 'woodbury'"):
        Newton([Parameter(torch.zeros(1))], solver="samples")  # type: ignore[arg-type]


@pytest.mark.parametrize("frozen", [False, True])
def test_a_trainer_takes_the_same_steps(frozen: bool) -> None:
    x, y = normal(40, 6).numpy(), (torch.arange(40) % 3).numpy()
    ends = []
    for solver in ("auto", "cholesky"):
        torch.manual_seed(0)
        model = MLP((6, 24, 24, 3), activation="tanh", optimizer=partial(Newton, solver=solver)).double()
        if frozen:
            next(model.parameters()).requires_grad_(False)
        make_trainer(5).fit(model, ArrayDataModule(x, y, val_fraction=0.0))
        ends.append(torch.nn.utils.parameters_to_vector(model.parameters()).detach())
        expected = WoodburySolver if solver == "auto" else DenseSolver
        assert isinstance(model.trainer.optimizers[0].report.solver, expected)
    assert_close(*ends, rtol=1e-9, atol=1e-10)


def test_parameters_of_32_bits() -> None:
    objective, start = wide(20)
    loss = objective.row_loss
    single = NetworkObjective(objective.network, Gaussian(1), loss.features.float(), loss.targets.float())
    found = minimise(single, start.float(), partial(Newton, solver="woodbury"), max_steps=10)
    assert found.theta.dtype == torch.float32
    assert found.value < 1e-4 * objective.at(start).value
