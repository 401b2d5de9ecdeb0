"""The benchmark of diagonals on networks small enough to check it: every peer runs, and a wrong number stops it."""

import json
from functools import partial
from pathlib import Path

import benchmark
import pytest
import torch
from command_line.one_line_errors import run
from evidence.benchmarks import curvature_products, diagonal, measured_networks, optional_peers, same_answer
from evidence.benchmarks.measured_networks import batch_of
from evidence.benchmarks.pairing import Budget

from lightning_modules.networks import DenseNetwork, ResidualNetwork

NETWORKS = {"plain": (DenseNetwork, (784, 3, 4, 10)), "residual": (ResidualNetwork, (784, 3, 3, 10))}
GRADIENT = "one gradient"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    once = Budget(1, 1)
    for name, value in (("DENSE", NETWORKS), ("ROWS", 6), ("IMAGE_ROWS", 3), ("BUDGET", Budget(2, 2)), ("SLOW_BUDGET", once)):
        monkeypatch.setattr(diagonal, name, value)
    monkeypatch.setattr(diagonal, "CONVOLUTIONAL", {"LeNet": measured_networks.CONVOLUTIONAL["LeNet"]})
    monkeypatch.setattr(measured_networks, "DENSE", NETWORKS)
    monkeypatch.setattr(curvature_products, "DENSE", "plain")
    monkeypatch.setattr(curvature_products, "BUDGET", once)
    monkeypatch.setattr(same_answer, "MILLISECONDS", 0.0)
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
        assert min(row["ours"]) > 0 and min(row["our_cpu"]) >= 0
        assert (row["role"] == "floor") == (row["peer"] == GRADIENT) == (row["agreement"] is None)
    for activation in ("relu", "tanh"):
        assert peers[f"Gauss–Newton, {activation} plain"] == [GRADIENT, "BackPACK", "torch.func"]
        assert peers[f"Hessian, {activation} plain"] == [GRADIENT, "BackPACK"]
        assert peers[f"Gauss–Newton, {activation} residual"] == [GRADIENT, "BackPACK", "torch.func"]
        assert peers[f"Hessian, {activation} residual"] == [GRADIENT]
    slow = [len(row["ours"]) for row in rows if (row["case"], row["peer"]) == ("Hessian, tanh plain", "BackPACK")]
    assert slow == [1]
    assert peers["Gauss–Newton, LeNet on 3 × 32 × 32"] == [GRADIENT, "BackPACK"]


def test_torch_func_agrees_by_the_jacobian() -> None:
    batch = torch.randn(6, 784), torch.arange(6)
    network = ResidualNetwork((784, 3, 3, 10), "tanh")
    ours = diagonal.our_diagonal(network, batch, "Gauss–Newton")
    torch.testing.assert_close(ours, diagonal.jacobian_diagonal(network, batch), rtol=1e-4, atol=1e-7)


def test_products_and_factors_are_those_of_curvlinops() -> None:
    pytest.importorskip("curvlinops", reason="the bench extra is not installed")
    generator = torch.Generator().manual_seed(0)
    batch, images = batch_of(6, (784,), generator), batch_of(3, (3, 32, 32), generator)
    for network, rows in ((DenseNetwork((784, 3, 4, 10), "relu"), batch), (measured_networks.CONVOLUTIONAL["LeNet"](), images)):
        v = torch.randn(sum(p.numel() for p in network.parameters()), generator=generator)
        ours, theirs = curvature_products.our_product(network, rows, v), curvature_products.peer_product(network, rows, v)()
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6 * float(ours.abs().max()))
        found, expected = curvature_products.our_factors(network, rows), curvature_products.peer_factors(network, rows)
        assert [(len(a), len(g)) for a, g in found] == [(len(a), len(g)) for a, g in expected]
        for (a, g), (a_peer, g_peer) in zip(found, expected, strict=True):
            torch.testing.assert_close(g[0, 0] * a, g_peer[0, 0] * a_peer, rtol=1e-3, atol=1e-6 * float(a.abs().max()))


def ones(factor: float) -> torch.Tensor:
    return factor * torch.ones(3)


def test_sides_that_differ_are_not_measured() -> None:
    budget = Budget(2, 2)
    with pytest.raises(ArithmeticError, match=r"a case: ours and them differ by 1\.0e-03 of the largest entry"):
        same_answer.compared_answers("a case", "them", partial(ones, 1.001), partial(ones, 1.0), budget)
    row = same_answer.compared_answers("a case", "them", partial(ones, 1.00001), partial(ones, 1.0), budget)
    assert len(row.ours) == 2 and row.agreement is not None and row.agreement.value == pytest.approx(1e-5, rel=0.1)


def test_not_a_number_is_a_difference() -> None:
    with pytest.raises(ArithmeticError, match="differ by nan"):
        same_answer.compared_answers("a case", "them", partial(ones, torch.nan), partial(ones, 1.0), Budget(2, 2))


def test_without_peers_a_line_for_each_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(optional_peers, "find_spec", lambda name: None)
    assert run(benchmark.main, ["diagonal", "--json=numbers.json"]) == 0
    section = json.loads((folder / "numbers.json").read_text())["sections"]["diagonal"]
    assert section["remarks"] == [
        f"{name} is not installed, so nothing is compared with it: pip install '.[bench]'"
        for name in ("BackPACK", "curvlinops")
    ]
    assert {row["peer"] for row in section["rows"]} == {GRADIENT, "torch.func"}
