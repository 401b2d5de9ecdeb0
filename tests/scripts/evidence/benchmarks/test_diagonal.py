"""The benchmark of diagonals on networks small enough to check it: every peer runs, and a wrong number stops it."""

import json
from pathlib import Path

import benchmark
import pytest
import torch
from command_line.one_line_errors import run
from evidence.benchmarks import diagonal
from evidence.benchmarks.row import BenchmarkRow, number

from lightning_modules.networks import DenseNetwork, ResidualNetwork

NETWORKS = {"plain": (DenseNetwork, (784, 3, 4, 10)), "residual": (ResidualNetwork, (784, 3, 3, 10))}
GRADIENT = "one gradient"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    settings = {"NETWORKS": NETWORKS, "ROWS": 6, "ROUNDS": 2, "SLOW_ROUNDS": 1, "MILLISECONDS": 0.0}
    for name, value in settings.items():
        monkeypatch.setattr(diagonal, name, value)
    return tmp_path


def test_every_diagonal_is_measured_beside_every_peer_that_has_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("backpack", reason="the bench extra is not installed")
    assert run(benchmark.main, ["diagonal", "--json=numbers.json", "--debug"]) == 0
    assert "Hessian, tanh residual" in capsys.readouterr().out
    rows = json.loads((folder / "numbers.json").read_text())["sections"]["diagonal"]["rows"]
    peers: dict[str, list[str]] = {}
    for row in rows:
        peers.setdefault(row["case"], []).append(row["peer"])
        assert len(row["ours"]) == len(row["theirs"]) > 0
        assert min(row["ours"]) > 0
    for activation in ("relu", "tanh"):
        assert peers[f"Gauss–Newton, {activation} plain"] == [GRADIENT, "BackPACK", "torch.func"]
        assert peers[f"Hessian, {activation} plain"] == [GRADIENT, "BackPACK"]
        assert peers[f"Gauss–Newton, {activation} residual"] == [GRADIENT, "BackPACK", "torch.func"]
        assert peers[f"Hessian, {activation} residual"] == [GRADIENT]
    slow = [len(row["ours"]) for row in rows if (row["case"], row["peer"]) == ("Hessian, tanh plain", "BackPACK")]
    assert slow == [1]


def test_torch_func_agrees_by_the_jacobian() -> None:
    x, y = torch.randn(6, 784), torch.arange(6)
    network = ResidualNetwork((784, 3, 3, 10), "tanh")
    ours = diagonal.our_diagonal(network, x, y, "Gauss–Newton")()
    torch.testing.assert_close(ours, diagonal.jacobian_diagonal(network, x, y)(), rtol=1e-4, atol=1e-7)


def test_sides_that_differ_are_not_measured() -> None:
    with pytest.raises(ArithmeticError, match=r"a case: ours and them differ by 1\.0e-03 of the largest entry"):
        diagonal.compared("a case", "them", lambda: torch.ones(3) * 1.001, lambda: torch.ones(3), 2)
    row = diagonal.compared("a case", "them", lambda: torch.ones(3) * 1.00001, lambda: torch.ones(3), 2)
    assert len(row.ours) == 2


def test_not_a_number_is_a_difference() -> None:
    with pytest.raises(ArithmeticError, match="differ by nan"):
        diagonal.compared("a case", "them", lambda: torch.full((3,), torch.nan), lambda: torch.ones(3), 2)


def test_without_backpack_one_line_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagonal, "find_spec", lambda name: None)
    assert run(benchmark.main, ["diagonal", "--json=numbers.json"]) == 1
    error = capsys.readouterr().err
    assert error.splitlines()[-1] == "error: the peer of this section, BackPACK, is not installed: pip install '.[bench]'"
    assert not list(folder.iterdir())


@pytest.mark.parametrize(("value", "text"), [(41234.5, "41,234"), (100.4, "100"), (20.94, "20.9"), (0.0083812, "0.00838")])
def test_numbers_keep_three_digits(value: float, text: str) -> None:
    assert number(value) == text
    row = BenchmarkRow("a", "ms", "b", (value,), (2 * value,), False)
    assert text in row.cells()[1] and row.cells()[4:] == ("0.5", "ours")
