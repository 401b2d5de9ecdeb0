"""A matrix for which there is no memory is refused before it is begun, with how much it is and what would fit."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from lightning_modules.devices import free_bytes
from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import (
    FunctionObjective,
    GLMObjective,
    GraphObjective,
    LeastSquares,
    ModuleObjective,
    NetworkObjective,
    Objective,
    SplitLoss,
)
from lightning_modules.objectives.families import Categorical

X, Y = torch.randn(7, 20, generator=torch.Generator().manual_seed(0)), torch.arange(7) % 3
MAKE: dict[str, Callable[[], Objective]] = {
    "glm": lambda: GLMObjective(Categorical(3), X, Y),
    "network": lambda: NetworkObjective(DenseNetwork([20, 3]), Categorical(3), X, Y),
    "graph": lambda: GraphObjective(nn.Linear(20, 3), Categorical(3), X, Y),
    "module": lambda: ModuleObjective(nn.Linear(20, 3), lambda m, b: m(b).square().sum(), X, 7),
    "function": lambda: FunctionObjective(lambda theta: (theta**4).sum()),
}


@pytest.mark.parametrize("name", MAKE)
def test_a_matrix_without_room_is_refused_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objective, theta = MAKE[name](), torch.zeros(63)
    kind = "hessian" if name in ("module", "function") else "ggn"
    monkeypatch.setattr("lightning_modules.objectives.room.SMALL", 1)
    monkeypatch.setattr("lightning_modules.objectives.room.free_bytes", lambda device: 10_000)
    with pytest.raises(
        ValueError, match=r"matrix of 63 parameters takes .* GiB are free, where up to \d\d parameters"
    ) as refusal:
        objective.at(theta).curvature(kind).matrix()
    assert "\n" not in str(refusal.value) and "DiagonalNewton" in str(refusal.value)
    monkeypatch.setattr("lightning_modules.objectives.room.free_bytes", lambda device: 100_000)
    assert objective.at(theta + 1).curvature(kind).matrix().shape == (63, 63)


def test_rows_without_room_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_modules.objectives.room.SMALL", 1)
    monkeypatch.setattr("lightning_modules.objectives.room.free_bytes", lambda device: 1_000)
    curvature = MAKE["graph"]().at(torch.zeros(63)).curvature("ggn")
    with pytest.raises(ValueError, match=r"14 rows of 63 parameters each take .* where up to 1 rows"):
        curvature.factor_rows()


def test_residuals_without_room_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    objective = LeastSquares(lambda theta, row: row @ theta, rows=X)
    monkeypatch.setattr("lightning_modules.objectives.room.SMALL", 1)
    monkeypatch.setattr("lightning_modules.objectives.room.free_bytes", lambda device: 1_000)
    with pytest.raises(ValueError, match="matrix of 20 parameters takes"):
        objective.at(torch.zeros(20)).curvature("ggn").matrix()


def test_rows_of_a_module_without_room_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = SplitLoss(lambda m, b: m(b), lambda f, b: f.square().sum())
    curvature = ModuleObjective(nn.Linear(20, 3), loss, X, 7).at(torch.zeros(63)).curvature("ggn")
    monkeypatch.setattr("lightning_modules.objectives.room.SMALL", 1)
    monkeypatch.setattr("lightning_modules.objectives.room.free_bytes", lambda device: 1_000)
    with pytest.raises(ValueError, match="21 rows of 63 parameters each take"):
        curvature.factor_rows()


def test_the_system_says_what_is_free() -> None:
    free = free_bytes(torch.device("cpu"))
    assert free is None or 2**20 < free < 2**50


def test_a_container_has_less_than_its_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path
    for name, text in (("meminfo", "MemTotal: 9 kB\nMemAvailable: 4 kB\n"), ("max", "3000\n"), ("current", "1000\n")):
        (folder / name).write_text(text)
    for name, file in (("MEMORY", "meminfo"), ("LIMIT", "max"), ("USED", "current")):
        monkeypatch.setattr(f"lightning_modules.devices.free_memory.{name}", folder / file)
    assert free_bytes(torch.device("cpu")) == 2000
    (folder / "max").write_text("max\n")
    assert free_bytes(torch.device("cpu")) == 4096
    (folder / "meminfo").unlink()
    assert free_bytes(torch.device("cpu")) is None
