"""One process and several are the same mathematics."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from tests.lightning_modules.ddp_worker import CASES, DATA, iterates
from tests.lightning_modules.objectives.queries import ask

WORKER = Path(__file__).with_name("ddp_worker.py")
# On mini-batches these multiply a difference of 1e-15 in the starting weights by up to 1e9 in four epochs, on one process
# as well: what can be asked of them is that several processes do no worse.
CHAOTIC = {("iris_batches", name) for name in ("newton_backtracking", "lbfgs", "mlp_newton", "mlp_newton_hessian")}


@pytest.fixture(scope="module", params=[2, pytest.param(3, marks=pytest.mark.slow)])
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, torch.Tensor]]:
    """Iterates by case, for each rank."""
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, str(WORKER), str(request.param), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"rank_{rank}.pt") for rank in range(request.param)]


def test_shards_are_uneven() -> None:
    for make in DATA.values():
        rows = len(make().splits["train"][1])
        assert rows % 2 and rows % 3


@pytest.mark.parametrize(("data", "method"), CASES)
def test_iterates_equal_those_of_one_process(results: list[dict[str, torch.Tensor]], data: str, method: str) -> None:
    alone = iterates(data, method)
    for rank in results:
        torch.testing.assert_close(rank[f"{data}-{method}"], alone, rtol=0, atol=1e-6 if (data, method) in CHAOTIC else 1e-12)


@pytest.mark.parametrize(("data", "method"), CASES)
def test_every_process_holds_the_same_bytes(results: list[dict[str, torch.Tensor]], data: str, method: str) -> None:
    first = results[0][f"{data}-{method}"]
    assert all(torch.equal(rank[f"{data}-{method}"], first) for rank in results)


def test_without_the_reduction_the_iterates_differ(results: list[dict[str, torch.Tensor]]) -> None:
    """Negative control."""
    alone = iterates("breast_cancer", "newton")
    for rank in results:
        assert (rank["breast_cancer-without_reduction"][: len(alone)] - alone[: len(rank)]).abs().max() > 1e-3


@settings(max_examples=40)
@given(st.integers(3, 60), st.integers(1, 70), st.integers(1, 5), st.integers(0, 10**6), st.sampled_from(["g", "b", "c"]))
def test_chunks_and_shards_are_the_same_sums(rows: int, chunk: int, shards: int, seed: int, kind: str) -> None:
    """Full batch, any chunking, and sums over any shards (empty ones too) give one value, gradient and curvature."""
    generator = torch.Generator().manual_seed(seed)
    family, targets = _family(kind, rows, generator)
    features = torch.randn(rows, 4, generator=generator, dtype=torch.float64)
    whole = GLMObjective(family, features, targets, l2=0.1, chunk_rows=rows)
    theta = torch.randn(5 * family.num_outputs, generator=generator, dtype=torch.float64)
    queries = ("value", "gradient", "hessian", "hessian_diagonal")
    expected = [ask(whole.at(theta), name) for name in queries]
    chunked = GLMObjective(family, features, targets, l2=0.1, chunk_rows=chunk)
    for name, value in zip(queries, expected, strict=True):
        torch.testing.assert_close(ask(chunked.at(theta), name), value, rtol=1e-12, atol=1e-12)
    # A process sums what the others' rows give: do that in turn, each shard once with the sums of the rest added.
    parts = [
        GLMObjective(family, features[rank::shards], targets[rank::shards], l2=0.0, chunk_rows=chunk)
        for rank in range(shards)
        if len(features[rank::shards])
    ]
    total = sum(part.at(theta).gradient * part.num_rows for part in parts) / rows
    weights = torch.cat([theta[: 4 * family.num_outputs], torch.zeros(family.num_outputs, dtype=torch.float64)])
    torch.testing.assert_close(total + 0.1 * weights, expected[1], rtol=1e-12, atol=1e-12)


def _family(kind: str, rows: int, generator: torch.Generator) -> tuple[Family, torch.Tensor]:
    if kind == "g":
        return Gaussian(2), torch.randn(rows, 2, generator=generator, dtype=torch.float64)
    if kind == "b":
        return Bernoulli(), torch.randint(0, 2, (rows,), generator=generator)
    return Categorical(3), torch.randint(0, 3, (rows,), generator=generator)
