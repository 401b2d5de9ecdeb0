"""fit.py on several processes: started by torchrun, and losing one."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

FIT = str(ROOT / "scripts" / "fit.py")
DDP = ["--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp"]
ENDLESS = ["--model.optimizer=GradientDescent", "--model.optimizer.lr=1e-9", "--trainer.max_epochs=-1"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_torchrun(tmp_path: Path) -> None:
    """One run, one folder, one table; the numbers of one process."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={free_port()}"]
    done = subprocess.run(
        [*launcher, FIT, *DDP, "--trainer.num_nodes=1"], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("test accuracy") == 1
    (path,) = tmp_path.rglob("summary.json")
    summary = json.loads(path.read_text())
    assert (summary["status"], round(summary["test/accuracy"], 4)) == ("converged", 0.9737)
    assert [folder.name for folder in tmp_path.rglob("version_*")] == ["version_0"]
    assert len(list(path.parent.rglob("*.ckpt"))) == 2


def processes_of(pid: int) -> list[int]:
    """The children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found through /proc")
def test_when_one_process_is_killed_the_others_end_with_a_message(tmp_path: Path, victim: int) -> None:
    output = tmp_path / "output.txt"
    with output.open("w") as file:
        run = subprocess.Popen([sys.executable, FIT, *DDP, *ENDLESS], cwd=tmp_path, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.rglob("last.ckpt")):
            assert run.poll() is None, output.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        (child,) = (pid for pid in processes_of(run.pid) if b"fit.py" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill((run.pid, child)[victim], signal.SIGKILL)
        killed = time.monotonic()
        while (run.poll() is None or alive(child)) and time.monotonic() < killed + 60:
            time.sleep(0.1)
        assert run.poll() is not None, "process 0 hangs"
        assert not alive(child), "process 1 hangs"
        assert run.returncode != 0
    finally:
        for pid in (run.pid, *(processes_of(run.pid) if run.poll() is None else ())):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        run.wait()
    said = output.read_text()
    survivor = "error: " if victim else "error (process 1): "
    assert re.search(rf"^{re.escape(survivor)}another process of this run has ended", said, re.MULTILINE), said
    assert "--ckpt_path=last" in said
    assert "Traceback" not in said


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_run_that_is_asked_to_stop_says_so(tmp_path: Path, number: int) -> None:
    """Ctrl+C, and what a cluster sends before it takes the machine back."""
    run = subprocess.Popen(
        [sys.executable, FIT, *ENDLESS],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that are themselves started in the background ignore Ctrl+C, and what they start would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    try:
        while not list(tmp_path.rglob("last.ckpt")):
            assert run.poll() is None
            time.sleep(0.1)
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
    finally:
        run.kill()
        run.communicate()
    assert run.returncode == 130, said
    (last,) = (path.relative_to(tmp_path) for path in tmp_path.rglob("last.ckpt"))
    assert said.strip().splitlines()[-1] == (
        f"interrupted: the last checkpoint is {last}; the same command with --ckpt_path=last goes on from there"
    )
    assert "Traceback" not in said
    (summary,) = tmp_path.rglob("summary.json")
    written = json.loads(summary.read_text())
    assert (
        written["status"] == "stopped" and "stopped it" in written["status_message"] and str(last) in written["status_message"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("all_of_them", [True, False], ids=["as a terminal sends it", "the first only"])
def test_ctrl_c_says_where_the_run_goes_on(tmp_path: Path, all_of_them: bool) -> None:
    program = subprocess.Popen(
        [sys.executable, FIT, *DDP, *ENDLESS],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 – as below
    )
    for _ in range(120):
        if any(tmp_path.rglob("last.ckpt")):
            break
        time.sleep(1)
    time.sleep(1)
    (os.killpg if all_of_them else os.kill)(program.pid, signal.SIGINT)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 130, said
    assert "interrupted: the last checkpoint is" in said and "error" not in said
    (path,) = tmp_path.rglob("summary.json")
    assert "Ctrl-C stopped it" in json.loads(path.read_text())["status_message"]
