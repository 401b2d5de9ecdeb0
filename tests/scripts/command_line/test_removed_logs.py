"""Logs that are removed while a run goes on: one line says so, and no thread's traceback."""

import errno
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from command_line.one_line_errors import of_a_file, one_line, run
from command_line.quiet import quiet
from fit import main
from pytorch_lightning import Callback, Trainer

IRIS = [
    "--data=IrisDataModule", "--data.batch_size=30", "--model=SoftmaxRegression", "--model.optimizer=torch.optim.Adam",
    "--model.optimizer.lr=0.1", "--trainer.max_epochs=20", "--checkpoint_every_n_steps=1",
]  # fmt: skip


class Remover(Callback):
    """Removes the folder of all runs after some steps."""

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == 5:
            shutil.rmtree("logs")


@pytest.mark.parametrize("logger", ["TensorBoardLogger", "CSVLogger"])
def test_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], logger: str
) -> None:
    monkeypatch.chdir(tmp_path)
    others: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", others.append)
    quiet()
    assert run(main, [*IRIS, f"--trainer.logger={logger}", f"--trainer.callbacks={__name__}.Remover"]) == 1
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "the logs of this run cannot be written any more" in said and "No such file" in said
    assert not others
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    assert others, "other threads' failures are not hidden"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("file", [None, "logs/events"])
def test_no_room(number: int, file: str | None) -> None:
    said = one_line(OSError(number, os.strerror(number), file))
    assert said.startswith("there is no room to write to") and os.strerror(number) in said and "--output" in said
    assert (file or "") in said and "Errno" not in said


def test_files_of_all_kinds() -> None:
    assert "free" not in of_a_file("a.csv", "Permission denied") and "a.csv: Permission denied" in of_a_file(
        "a.csv", "Permission denied"
    )
    try:
        Path("/nowhere/at all").read_text()
    except OSError as error:
        assert one_line(error) == "/nowhere/at all: No such file or directory"
