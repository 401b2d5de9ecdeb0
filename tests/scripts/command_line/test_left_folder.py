"""What a run that failed before its first step leaves."""

from pathlib import Path

import pytest
from command_line.left_folder import remove_empty_above, remove_if_empty
from torch.utils.tensorboard import SummaryWriter


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "logs" / "data" / "model" / "method" / "version_0"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("")
    return folder


def test_a_folder_without_results_goes_with_those_it_alone_filled(run_folder: Path, tmp_path: Path) -> None:
    with SummaryWriter(str(run_folder)) as writer:
        writer.add_text("settings", "none")
    assert remove_if_empty(run_folder)
    remove_empty_above(run_folder)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kept", ["checkpoint", "csv", "scalar"])
def test_what_was_written_stays(run_folder: Path, kept: str) -> None:
    if kept == "checkpoint":
        (run_folder / "checkpoints").mkdir()
        (run_folder / "checkpoints" / "last.ckpt").write_bytes(b"")
    elif kept == "csv":
        (run_folder / "metrics.csv").write_text("step,loss\n0,1.0\n")
    else:
        with SummaryWriter(str(run_folder)) as writer:
            writer.add_scalar("loss", 1.0)
    assert not remove_if_empty(run_folder)
    assert (run_folder / "config.yaml").is_file()
