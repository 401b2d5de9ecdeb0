"""The benchmark of what is around a step: both sides make the same steps, and a step costs what a longer run adds."""

from functools import partial
from pathlib import Path

import pytest
import torch
from evidence.benchmarks import overhead
from torch import nn

from datamodules import BreastCancerDataModule, MNISTDataModule
from lightning_modules import LogisticRegression
from tests.idx_files import write_mnist


def weights(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


SHORT = pytest.mark.filterwarnings("ignore:The number of training batches .* is smaller than the logging interval")


@SHORT
@pytest.mark.parametrize("watched", [False, True])
def test_both_sides_make_the_same_steps(watched: bool) -> None:
    data = BreastCancerDataModule()
    data.setup("fit")
    x, y = data.splits["train"]
    model = LogisticRegression(data.num_features, optimizer=partial(torch.optim.SGD, lr=overhead.LR))
    network = nn.Linear(data.num_features, 1, dtype=x.dtype)
    nn.utils.vector_to_parameters(weights(model).to(x.dtype), network.parameters())
    overhead._fit(lambda: model, data, overhead._default_callbacks() if watched else (), 7)
    overhead._bare(network, lambda: [(x, y)], overhead._logistic_loss, 7)
    torch.testing.assert_close(weights(model), weights(network), rtol=0, atol=1e-12)
    assert float(weights(network).abs().max()) > 0.01


@SHORT
def test_every_case_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("ROUNDS", 1),
        ("CANCER_STEPS", (1, 30)),
        ("MNIST_EPOCHS", (1, 6)),
        ("BATCH", 50),
        ("WIDTHS", (784, 3, 10)),
    ):
        monkeypatch.setattr(overhead, name, value)
    write_mnist(tmp_path)
    rows = [*overhead._on_breast_cancer(), *overhead._on_mnist(MNISTDataModule(str(tmp_path), batch_size=50))]
    assert [row.case for row in rows] == [
        "breast cancer, full batch, nothing watched",
        "breast cancer, full batch, everything watched",
        "MNIST, MLP, batches of 256, nothing watched",
        "MNIST, MLP, batches of 256, everything watched",
        "MNIST, MLP, gradient norms every 50 steps",
    ]
    assert all(len(row.ours) == len(row.theirs) == 1 and row.unit == "µs" for row in rows)


def test_a_step_costs_what_a_longer_run_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens once is not counted: 20 ms beside epochs of 10 ms, of 2 steps each. The clock is left out of it."""
    monkeypatch.setattr(overhead, "seconds", lambda run: run())
    row = overhead._step("a", "b", lambda n: 0.02 + 0.01 * n, lambda n: 0.004 * n, (3, 8), 2)
    assert row.ours == pytest.approx((5000,) * overhead.ROUNDS) and row.theirs == pytest.approx((2000,) * overhead.ROUNDS)


def test_a_program_that_fails_is_not_measured() -> None:
    assert overhead._command("-c", "pass") > 0
    with pytest.raises(Exception, match="non-zero exit status"):
        overhead._command("-c", "raise SystemExit(1)")
