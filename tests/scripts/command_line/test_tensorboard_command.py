"""A fit ends with a command that shows its run under a short name, in whatever folder it is; its texts are at one step."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from command_line.one_line_errors import run
from command_line.tensorboard_command import tensorboard_command
from fit import main
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.io_wrapper import GetLogdirSubdirectories

from tests.conftest import ROOT

FIT = ["--trainer.max_epochs=2"]


def folder_in(line: str) -> str:
    """What a shell makes of the command's last word."""
    name, option, folder = shlex.split(line)
    assert (name, option) == ("tensorboard", "--logdir")
    return folder


def runs_in(folder: str) -> set[str]:
    """The names by which TensorBoard lists the runs."""
    return {os.path.relpath(path, folder) for path in GetLogdirSubdirectories(folder)}


@pytest.mark.parametrize("folder", [".", "my runs", "-odd", "~odd", "it's"])
def test_a_fit_ends_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(main, [*FIT, f"--trainer.default_root_dir={folder}"]) == 0
    logs, look = capsys.readouterr().out.splitlines()[-2:]
    assert look.startswith("look: ") and logs.endswith("/version_0")
    found = folder_in(look.removeprefix("look: "))
    assert runs_in(found) == {"Newton/version_0"}
    assert found[0] not in "-~", "neither an option nor somebody's home"


def test_a_fit_without_tensorboard_names_its_folder_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(main, [*FIT, "--trainer.logger=CSVLogger"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("logs: ")
    assert run(main, [*FIT, "--trainer.logger=false", "--trainer.enable_checkpointing=false"]) == 0
    assert run(main, ["--trainer.fast_dev_run=true"]) == 0
    assert "tensorboard" not in capsys.readouterr().out


def test_make_shows_the_newest_run_under_a_short_name(tmp_path: Path) -> None:
    def command(*arguments: str) -> str:
        line = [
            "make",
            "--no-print-directory",
            "-n",
            "-f",
            str(ROOT / "Makefile"),
            "-o",
            ".venv/.installed",
            "tensorboard",
            *arguments,
        ]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    assert command() == ".venv/bin/tensorboard --logdir 'logs'", "no run yet"
    for age, run_name in enumerate(("Iris/MLP/Newton/version_1", "Iris/MLP/Adam/version_0", "Digits/CNN/Adam/version_9")):
        (tmp_path / "logs" / run_name).mkdir(parents=True)
        os.utime(tmp_path / "logs" / run_name, (1e9 - age, 1e9 - age))
    assert command() == ".venv/bin/tensorboard --logdir 'logs/Iris/MLP'"
    assert command("RUNS=logs") == ".venv/bin/tensorboard --logdir 'logs'"


@pytest.mark.parametrize(
    ("name", "version", "shown", "run_name"),
    [
        ("a/b/c", 3, "runs/a/b", "c/version_3"),
        ("mine", "first", "runs", "mine/first"),
        ("", 0, "runs", "version_0"),
        ("", "", "runs", "."),
    ],
)
def test_loggers_of_other_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, version: int | str, shown: str, run_name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    logger = TensorBoardLogger("runs", name, version)
    logger.log_metrics({"x": 1.0}, 0)
    logger.finalize("success")
    command = tensorboard_command([CSVLogger("elsewhere"), logger])
    assert command is not None and folder_in(command) == shown
    assert runs_in(shown) == {run_name}


def test_a_name_that_cannot_be_typed_is_left_out() -> None:
    assert tensorboard_command([TensorBoardLogger("run\x1b[2J", "", 0)]) is None
    assert tensorboard_command([TensorBoardLogger("run", "", 0)]), "control"


def test_texts_of_a_run_are_at_one_step(tmp_path: Path) -> None:
    """Of mini-batches, where steps and epochs are counted differently."""
    line = ["--data=IrisDataModule", "--data.batch_size=30", "--model=SoftmaxRegression", "--model.optimizer=Adam"]
    assert run(main, [*line, *FIT, f"--trainer.default_root_dir={tmp_path}"]) == 0
    (summary,) = tmp_path.rglob("summary.json")
    events = EventAccumulator(str(summary.parent)).Reload()
    steps = {tag: [event.step for event in events.Tensors(tag)] for tag in ("status/text_summary", "summary/text_summary")}
    assert steps == {"status/text_summary": [6], "summary/text_summary": [6]}
