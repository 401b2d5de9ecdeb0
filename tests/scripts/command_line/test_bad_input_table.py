"""Bad input of every kind: one line with what, why and what to do; a non-zero exit; nothing overwritten or left behind.

Command lines and configurations alone are in `test_bad_command_line.py`; damaged image files in the tests of `datamodules`.
"""

import resource
import socket
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from command_line.one_line_errors import run
from fit import main

from tests.scripts.command_line import bad_settings, bad_tables
from tests.scripts.command_line.bad_input import DDP, ONE, SGD, SOFTMAX, Bad
from tests.scripts.command_line.printed import error_line

BAD = bad_tables.TABLES | bad_settings.CONFIGURATIONS | bad_settings.TRAINERS | bad_settings.PLACES


def test_there_are_many_cases() -> None:
    assert len(BAD) >= 60


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files of all cases in it and no network around it."""
    monkeypatch.chdir(tmp_path)
    for name, content in (bad_tables.FILES | bad_settings.FILES).items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "latin.csv").write_bytes(
        b"x,kind\n" + b"".join(b"%d,%s\n" % (i, b"\xe4" if i % 2 else b"b") for i in range(40))
    )
    (tmp_path / "folder.csv").mkdir()
    kinds = ["a", "b"] * 20
    pa.parquet.write_table(pa.table({"x": [[1, 2]] * 40, "kind": kinds}), tmp_path / "nested.parquet")
    pa.parquet.write_table(pa.table({"x": list(range(40)), "kind": kinds}), tmp_path / "whole.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "whole.parquet").read_bytes()[:200])

    def no_network(*_: Any, **__: Any) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    return tmp_path


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_one_line_and_nothing_left(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, bad: Bad
) -> None:
    for name, value in bad.environment.items():
        monkeypatch.setenv(name, value)
    before = {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}
    assert run(main, bad.args) in (1, 2)
    line = error_line(capsys)
    for part in bad.says:
        assert part in line
    assert {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")} == before


def test_a_disk_that_fills_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has taken steps, so its folder stays, without half a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, before[1]))
    try:
        assert run(main, [ONE, "--data=DigitsDataModule", SOFTMAX, SGD, "--model.optimizer.lr=0.1"]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    line = error_line(capsys)
    for part in ("could not be written", "File too large", "--trainer.default_root_dir"):
        assert part in line
    assert not list(folder.rglob("*.partial"))
    assert not list((folder / "logs").rglob("*.ckpt"))


def test_a_port_in_use(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # this one needs addresses
    monkeypatch.chdir(folder)
    with socket.socket() as taken, pytest.MonkeyPatch.context() as patch:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for name, value in {
            "MASTER_PORT": port,
            "MASTER_ADDR": "127.0.0.1",
            "RANK": "0",
            "WORLD_SIZE": "1",
            "LOCAL_RANK": "0",
        }.items():
            patch.setenv(name, value)
        assert run(main, [*DDP, ONE]) == 1
    printed = capsys.readouterr().err.splitlines()[-1]
    assert (
        printed
        == f"error: port {port} is in use by another program or run: set another by the environment variable MASTER_PORT"
    )
    assert not (folder / "logs").exists()
