"""Two runs in one folder: the second is told of the first. The attack is two real processes."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from command_line.locked_folder import holder_of, lock_of, locked_folder
from command_line.one_line_errors import run
from command_line.whole_checkpoints import read_run
from fit import main

from tests.conftest import ROOT

FIT = [sys.executable, str(ROOT / "scripts" / "fit.py")]
LONG = [
    "--data=IrisDataModule", "--data.batch_size=10", "--model=SoftmaxRegression", "--model.optimizer=torch.optim.Adam",
    "--model.optimizer.lr=0.01", "--checkpoint_every_n_steps=1",
]  # fmt: skip


def test_holder_is_named_and_gone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with locked_folder(folder):
        assert holder_of(folder).is_file() and not folder.exists()
        with pytest.raises(FileExistsError, match=r"in use by a run that goes on since .* \(process \d+ on "):  # noqa: SIM117
            with locked_folder(folder):
                pass
    assert not list(tmp_path.iterdir())
    with locked_folder(folder):
        holder_of(folder).write_text("no JSON")
        with pytest.raises(FileExistsError, match="in use by another run"), locked_folder(folder):
            pass
    with locked_folder(folder), locked_folder(tmp_path / "other"):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, os, signal; sys.path[:0] = [sys.argv[2], sys.argv[3]]\n"
        "from pathlib import Path\n"
        "from command_line.locked_folder import locked_folder\n"
        "with locked_folder(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    folder = tmp_path / "run"
    done = subprocess.run([sys.executable, "-c", code, str(folder), str(ROOT / "scripts"), str(ROOT)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert lock_of(folder).exists() and holder_of(folder).exists()
    with locked_folder(folder):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("logger", ["TensorBoardLogger", "false"])
def test_two_resumes_of_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], logger: str
) -> None:
    """One goes on, and the other, started while it does, says so; what the first writes stays whole."""
    monkeypatch.chdir(tmp_path)
    args = [*LONG, f"--trainer.logger={logger}"]
    assert run(main, [*args, "--trainer.max_epochs=1"]) == 0
    command = [*FIT, *args, "--trainer.max_epochs=100000", "--ckpt_path=last"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        (last,) = tmp_path.rglob("last.ckpt")
        begun = last.stat().st_mtime_ns
        deadline = time.monotonic() + 100
        while last.stat().st_mtime_ns == begun and time.monotonic() < deadline:
            assert first.poll() is None
        capsys.readouterr()
        assert run(main, [*args, "--trainer.max_epochs=100000", "--ckpt_path=last"]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert re.search(rf"in use by a run that goes on since .* \(process {first.pid} on ", said)
        for _ in range(100):  # it could be torn only while it is written
            assert read_run(last)["global_step"] > 0
        first.send_signal(signal.SIGTERM)  # tests that are started in the background ignore Ctrl-C, and so do their children
        assert first.wait(60) == 130
    finally:
        first.kill()
        first.wait()
    assert not [path for end in ("*.lock", "*.running.json", "*.partial") for path in tmp_path.rglob(end)]


def test_checkpoint_that_is_written_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between the look at it and the lock, another run that went on from it has ended."""
    monkeypatch.chdir(tmp_path)
    assert run(main, [*LONG, "--trainer.max_epochs=1"]) == 0
    (last,) = tmp_path.rglob("last.ckpt")

    def rewrite(cli: object) -> None:
        torch.save(torch.load(last, weights_only=True), last)

    monkeypatch.setattr("command_line.fitting.check_before_fit", rewrite)
    assert run(main, [*LONG, "--trainer.max_epochs=2", "--ckpt_path=last"]) == 1
    assert "has been written since this command began" in capsys.readouterr().err
