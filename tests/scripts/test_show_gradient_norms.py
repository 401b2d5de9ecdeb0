"""The figure of gradient norms by initialisation is drawn from what a run logs, and that is what autograd says."""

from pathlib import Path
from typing import Any

import pytest
import show_gradient_norms
import torch
from command_line.base_config import read_config
from command_line.one_line_errors import run
from comparing.comparison_file import COMPARISONS
from comparing.run import make_cli
from evidence.systems.gradient_norms import fit_and_log_norms
from torch.nn.functional import cross_entropy

from tests.idx_files import write_mnist


@pytest.fixture
def comparison(tmp_path: Path) -> dict[str, Any]:
    write_mnist(tmp_path, train=300)
    comparison = read_config(COMPARISONS / "mnist_deep_tanh.yaml")
    comparison["data"]["init_args"]["data_dir"] = str(tmp_path)
    return comparison


@pytest.mark.parametrize("label", ["uniform ±0.01", "Xavier"])
def test_logged_norms_are_those_of_autograd(comparison: dict[str, Any], label: str) -> None:
    method = {**comparison["methods"][label], "max_epochs": 1}
    comparison["trainer"]["precision"] = "64-true"
    logged, accuracies = fit_and_log_norms(comparison, method)
    # The same start and the same first batch, through autograd.
    cli = make_cli(comparison, method, {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False})
    network = cli.model.network.double()
    cli.datamodule.setup("fit")
    images, labels = next(iter(cli.datamodule.train_dataloader()))
    cross_entropy(network(images.double() / 255), labels).backward()
    expected = [torch.cat([p.grad.flatten() for p in layer.parameters()]).norm() for layer in network.layers]
    assert len(logged) == 8 and len(accuracies) == 1
    torch.testing.assert_close(torch.tensor(logged).double(), torch.stack(expected), rtol=1e-6, atol=0)


def test_the_figure_and_the_table(comparison: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "norms.png"
    assert run(show_gradient_norms.main, [f"--data_dir={tmp_path}", "--epochs=1", f"--output={picture}"]) == 0
    assert picture.stat().st_size > 10_000
    out = capsys.readouterr().out
    assert all(label in out for label in ("uniform ±0.01", "uniform ±2", "Xavier")) and str(picture) in out.replace("\n", "")
