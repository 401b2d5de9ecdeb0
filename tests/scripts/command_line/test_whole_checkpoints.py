"""Checkpoint files: whole or not there, refused by name, and harmless to read."""

import os
import pickle
import random
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line.base_config import with_base
from command_line.fit_cli import FitCLI
from command_line.one_line_errors import run
from command_line.whole_checkpoints import DamagedCheckpointError, WholeCheckpoints, damage, newest_whole, read_checkpoint
from fit import main

from lightning_modules import LogisticRegression
from tests.scripts.command_line.resumed_run import same

CONTENT = {"state_dict": {"weight": torch.arange(5000.0)}, "loops": {}, "global_step": 3}
QUICK = ["--trainer.max_epochs=2", "--trainer.accelerator=cpu"]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoints" / "last.ckpt"
    WholeCheckpoints().save_checkpoint(CONTENT, path)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished default run of two epochs."""
    folder = tmp_path_factory.mktemp("finished")
    assert run(main, [*QUICK, f"--trainer.default_root_dir={folder}"]) == 0
    return folder


def test_what_is_saved_is_loaded(checkpoint: Path) -> None:
    assert same(WholeCheckpoints().load_checkpoint(checkpoint), CONTENT)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(checkpoint: Path, share: float) -> None:
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DamagedCheckpointError, match=r"last\.ckpt is damaged \(it is truncated or no checkpoint"):
        read_checkpoint(checkpoint)


def test_no_flipped_byte_is_taken_for_the_truth(checkpoint: Path) -> None:
    """Wherever it is: in the numbers, the structure, or the archive around them."""
    content, generator, refused = checkpoint.read_bytes(), random.Random(0), 0
    for _ in range(300):
        place = generator.randrange(len(content))
        checkpoint.write_bytes(content[:place] + bytes([content[place] ^ 1 << generator.randrange(8)]) + content[place + 1 :])
        try:
            assert same(read_checkpoint(checkpoint), CONTENT), f"byte {place} changes the content unseen"
        except DamagedCheckpointError:
            refused += 1
    assert refused > 250, "most bytes are numbers"


def test_torch_itself_does_not_see_a_flipped_byte(checkpoint: Path) -> None:
    """Negative control: why the checksums are compared here."""
    content = bytearray(checkpoint.read_bytes())
    place = bytes(content).index(torch.arange(5000.0).numpy().tobytes()[400:480])
    content[place] ^= 1
    checkpoint.write_bytes(content)
    assert not same(torch.load(checkpoint, weights_only=True), CONTENT)
    assert "checksum" in str(damage(checkpoint))


class Mischief:
    """What a pickle may run when it is loaded without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_reading_runs_no_code(tmp_path: Path) -> None:
    path, trace = tmp_path / "last.ckpt", tmp_path / "trace"
    torch.save({**CONTENT, "extra": Mischief(trace)}, path)
    with pytest.raises(DamagedCheckpointError, match=r"more than plain values.*foreign code"):
        WholeCheckpoints().load_checkpoint(path, weights_only=False)
    with pytest.raises(pickle.UnpicklingError):
        LogisticRegression.load_from_checkpoint(path)
    assert not trace.exists()
    torch.load(path, weights_only=False)  # negative control: there was something to run
    assert trace.exists()


@pytest.mark.parametrize("content", [b"", b"no archive", pickle.dumps({"a": 1})])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(DamagedCheckpointError, match="no checkpoint"):
        read_checkpoint(tmp_path / "last.ckpt")


def test_archives_of_something_else_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "book.ckpt", "w") as archive:
        archive.writestr("chapter", "text")
    torch.save([1, 2], tmp_path / "list.ckpt")
    for name in ("book", "list"):
        with pytest.raises(DamagedCheckpointError, match=name):
            read_checkpoint(tmp_path / f"{name}.ckpt")


def test_the_newest_whole_one_is_found(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.ckpt" for name in "abc"]
    for age, path in enumerate(paths):
        torch.save(CONTENT, path)
        os.utime(path, (age, age))
    assert newest_whole(paths) == paths[2]
    paths[2].write_bytes(paths[2].read_bytes()[:100])
    os.utime(paths[2], (9, 9))
    assert newest_whole(paths) == paths[1]
    assert newest_whole(paths[2:]) is None


@contextmanager
def little_disk() -> Iterator[None]:
    """No file of this process can grow beyond 20 kB, as on a full disk.

    Around the one call only, no fixture: pytest's own report may go to a file, and that is longer.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_old_file(checkpoint: Path) -> None:
    complaint = r"last\.ckpt could not be written \(File too large\).*earlier checkpoint is left"
    with pytest.raises(OSError, match=complaint), little_disk():
        WholeCheckpoints().save_checkpoint({**CONTENT, "more": torch.arange(10_000.0)}, checkpoint)
    assert same(read_checkpoint(checkpoint), CONTENT)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["last.ckpt"]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("")
    with pytest.raises(OSError, match=r"last\.ckpt could not be written"):
        WholeCheckpoints().save_checkpoint(CONTENT, tmp_path / "checkpoints" / "last.ckpt")


def damaged_copy(finished: Path, tmp_path: Path) -> Path:
    """The finished run, its last checkpoint cut short; returns that."""
    for path in finished.rglob("*"):
        if path.is_file():
            target = tmp_path / path.relative_to(finished)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (last,) = tmp_path.rglob("last.ckpt")
    last.write_bytes(last.read_bytes()[:1000])
    return last


def test_the_command_line_offers_the_newest_whole_one(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = damaged_copy(finished, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert run(main, [*QUICK, f"--trainer.default_root_dir={tmp_path}", "--ckpt_path=last"]) == 1
    line = capsys.readouterr().err
    best = last.with_name("best.ckpt")
    assert f"error: the checkpoint {last} is damaged" in line
    assert f"--ckpt_path={best}" in line
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert run(main, [*QUICK, f"--trainer.default_root_dir={tmp_path}", f"--ckpt_path={best}"]) == 0, "the offer can be taken"
    assert sorted(path.name for path in tmp_path.rglob("version_*")) == ["version_0", "version_1"], "as a run of its own"


def test_fits_write_through_it() -> None:
    cli = FitCLI(with_base(QUICK))
    assert isinstance(cli.trainer.strategy.checkpoint_io, WholeCheckpoints)
