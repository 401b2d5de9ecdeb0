"""SIGTERM at any time ends a program in one line and leaves nothing half-written; the attack is the signal itself."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import predict
import pytest
from command_line.one_line_errors import run
from command_line.terminable import raise_when_asked_to_end
from fit import main
from predicting.predictor import Predictor
from pytorch_lightning import Callback

ADAM = ["--model.optimizer=torch.optim.Adam", "--model.optimizer.lr=0.1", "--trainer.max_epochs=3"]
IRIS = ["--data=IrisDataModule", "--data.batch_size=30", "--model=SoftmaxRegression", *ADAM]


class Terminated(Callback):
    """Sends its own process SIGTERM at a hook.

    Args:
        hook: its name.
    """

    def __init__(self, hook: str) -> None:
        setattr(self, hook, lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM))


HOOKS = ["setup", "on_train_batch_start", "on_train_epoch_end", "on_test_batch_start"]
MORE = [
    "on_fit_start", "on_train_start", "on_validation_end", "on_train_end", "on_test_start", "on_test_batch_end", "on_test_end",
    "on_test_epoch_end",
]  # fmt: skip


@pytest.mark.parametrize("hook", [*HOOKS, *(pytest.param(hook, marks=pytest.mark.slow) for hook in MORE)])
def test_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hook: str) -> None:
    monkeypatch.chdir(tmp_path)
    callback = f"[{{class_path: {__name__}.Terminated, init_args: {{hook: {hook}}}}}]"
    assert run(main, [*IRIS, f"--trainer.callbacks={callback}"]) == 130
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("interrupted")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert not [path for end in ("*.lock", "*.running.json", "*.partial") for path in tmp_path.rglob(end)]
    (log_dir,) = {path.parents[1] for path in tmp_path.rglob("last.ckpt")} or {None}
    if log_dir is None:
        found = [json.loads(path.read_text())["status"] for path in tmp_path.rglob("summary.json")]
        assert found == ["stopped"] or not list(tmp_path.iterdir()), "of what had not begun nothing is left"
        return
    assert str(log_dir.relative_to(tmp_path)) in said and "--ckpt_path=last" in said
    assert json.loads((log_dir / "summary.json").read_text())["status"] == "stopped"
    assert run(main, [*IRIS, "--ckpt_path=last"]) == 0
    assert json.loads((log_dir / "summary.json").read_text())["test/accuracy"] > 0.5


def test_predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{number % 7},{number % 5},{'abc'[number % 3]}" for number in range(60)]
    Path("table.csv").write_text("\n".join(["u,v,y", *rows]) + "\n")
    table = ["--data=TabularDataModule", "--data.path=table.csv", "--data.target=y", "--model=SoftmaxRegression"]
    assert run(main, [*table, *ADAM]) == 0
    (ckpt,) = tmp_path.rglob("last.ckpt")
    forward: Callable[..., Any] = Predictor.forward

    def terminated(self: Predictor, features: Any) -> Any:
        if list(tmp_path.glob("*.partial")):
            os.kill(os.getpid(), signal.SIGTERM)
        return forward(self, features)

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "forward", terminated)
        before = sorted(tmp_path.iterdir())
        capsys.readouterr()
        assert run(predict.main, ["--data=table.csv", f"--ckpt={ckpt}"]) == 130
        assert capsys.readouterr().err == "interrupted\n"
        assert sorted(tmp_path.iterdir()) == before
    assert run(predict.main, ["--data=table.csv", f"--ckpt={ckpt}"]) == 0


def test_an_answer_of_ones_own_stays() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with raise_when_asked_to_end():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_another_thread_changes_nothing() -> None:
    def enter() -> None:
        with raise_when_asked_to_end():
            seen.append(signal.getsignal(signal.SIGTERM))

    seen: list[Any] = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


class Collected:
    """Asks its own process to end while it is collected, where Python ignores what is raised."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        for _ in range(1000):  # so that it is heard here
            pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_is_lost_in_a_collection_of_garbage_is_asked_again(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The attack: the signal arrives in a `__del__`, and the program goes on."""
    # Both may be ignored where the tests run in the background.
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    before |= {each: signal.signal(each, signal.SIG_DFL) for each in (signal.SIGTERM, signal.SIGHUP)}

    def program(_: list[str]) -> None:
        Collected(number)
        time.sleep(20)

    try:
        start = time.monotonic()
        assert run(program, []) == 130
        assert time.monotonic() - start < 15
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert capsys.readouterr().err == "interrupted\n"
