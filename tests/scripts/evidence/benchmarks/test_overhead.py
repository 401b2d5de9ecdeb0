"""The benchmark of what is around a step: all sides make the same steps, and each is measured beside every peer."""

from pathlib import Path

import pytest
import torch
from evidence.benchmarks import overhead
from evidence.benchmarks.clocks import Reading
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.plain_modules import LOADERS, PlainLoader, PlainModule
from torch import nn

from tests.idx_files import write_mnist

# As in a section, where Lightning is not heard.
pytestmark = pytest.mark.filterwarnings("ignore")
CASES = ("breast cancer, full batch", "MNIST, MLP, batches of 50")


def weights(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize("side", ["nothing watched", "everything watched", *LOADERS])
def test_all_sides_make_the_same_steps(side: str) -> None:
    task = overhead.breast_cancer()._replace(epochs=(3, 7))
    network = task.network()
    model = PlainModule(task.network(), task.loss) if side in LOADERS else task.ours()
    nn.utils.vector_to_parameters(weights(model).to(weights(network)), network.parameters())
    data = LOADERS[side](*task.rows, task.batch_size) if side in LOADERS else task.data
    callbacks = overhead._default_callbacks() if side == "everything watched" else ()
    assert overhead._fit(task, lambda: model, data, callbacks).value > 0
    assert overhead._bare(task._replace(network=lambda: network)).value > 0
    torch.testing.assert_close(weights(model), weights(network), rtol=0, atol=1e-12)
    assert float(weights(network).abs().max()) > 0.01


@pytest.mark.parametrize("loader", LOADERS.values())
def test_a_loader_gives_every_row_once(loader: PlainLoader) -> None:
    x, y = torch.arange(10.0)[:, None], torch.arange(10)
    batches = list(loader(x, y, 4))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    assert torch.equal(torch.cat([labels for _, labels in batches]).sort().values, y)
    assert all(torch.equal(features[:, 0], labels.float()) for features, labels in batches)


def test_every_case_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("BUDGET", Budget(1, 1)),
        ("CANCER_EPOCHS", (1, 30)),
        ("MNIST_EPOCHS", (1, 6)),
        ("BATCH", 50),
        ("WIDTHS", (784, 3, 10)),
        ("_command", lambda *_: Reading(1.0, 1.0)),
    ):
        monkeypatch.setattr(overhead, name, value)
    write_mnist(tmp_path)
    rows = [given for given in overhead.time_steps(str(tmp_path)) if not isinstance(given, str)]
    watched = [f"{case}, {how} watched" for case in CASES for how in ("nothing", "everything")]
    assert [row.case for row in rows] == [
        *(case for case in watched for _ in overhead.PEERS),
        "MNIST, MLP, gradient norms every 50 steps",
        "a whole run of one step by fit.py",
    ]
    assert len(rows) == overhead.NUM_ROWS
    assert [row.role for row in rows[:4]] == ["rival", "rival", "floor", "floor"]
    assert all(min(*row.ours, *row.theirs, *(row.our_cpu or ())) > 0 for row in rows)


def test_lightnings_share_of_a_step_is_said_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhead, "_fit", lambda task, make, *_: Reading(3.0 if make is overhead.EmptyStep else 6.0))
    monkeypatch.setattr(overhead, "_bare", lambda task: Reading(1.0))
    said = [given for given in overhead._beside_peers(overhead.breast_cancer()) if isinstance(given, str)]
    ending = "watched: Lightning's own loop and the loader are 50% of a step"
    assert said == [f"breast cancer, full batch, {how} {ending}" for how in ("nothing", "everything")]


def test_a_program_that_fails_is_not_measured() -> None:
    assert overhead._command("-c", "pass").value > 0
    with pytest.raises(Exception, match="non-zero exit status"):
        overhead._command("-c", "raise SystemExit(1)")
