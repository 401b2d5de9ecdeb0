"""Files are whole or as they were, also with several writers, and after one was killed."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command_line.whole_files import whole_file, whole_folder

from tests.conftest import ROOT

LINES = 20_000


def write_slowly(path: Path, letter: str) -> None:
    with whole_file(path) as temporary, temporary.open("w") as file:
        for _ in range(LINES):
            file.write(letter)


def test_two_writers_do_not_tear_each_others_file(tmp_path: Path) -> None:
    """Each of many files that two threads write at once is the one's or the other's, from begin to end."""
    path = tmp_path / "table.csv"
    for _ in range(20):
        threads = [threading.Thread(target=write_slowly, args=(path, letter)) for letter in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert path.read_text() in ("a" * LINES, "b" * LINES)
        assert list(tmp_path.iterdir()) == [path]


def test_one_writer_may_begin_while_the_other_writes(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with whole_file(path) as first:
        first.write_text("first")
        with whole_file(path) as second:
            assert first != second and first.parent == second.parent == tmp_path
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first", "the one that ended last"
    assert list(tmp_path.iterdir()) == [path]


DYING = """
import os, signal, sys
from pathlib import Path
from command_line.whole_files import whole_file, whole_folder
with whole_file(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    path, others = tmp_path / "last.ckpt", tmp_path / "last.ckpt.1-ab@another-machine.partial"
    others.write_text("of a machine whose processes cannot be seen from here")
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run([sys.executable, "-c", DYING, str(path)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not path.exists() and len(list(tmp_path.iterdir())) == 2
    with whole_file(tmp_path / "last.ckpt.other") as temporary:
        temporary.write_text("")
    assert len(list(tmp_path.iterdir())) == 3, "another file's are not touched"
    with whole_file(path) as temporary:
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert {item.name for item in tmp_path.iterdir()} == {path.name, "last.ckpt.other", others.name}


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt(), OSError()])
def test_what_fails_leaves_the_old_file_alone(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(type(error)), whole_file(path, durable=True) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "report"
    with pytest.raises(ZeroDivisionError), whole_folder(path) as temporary:
        (temporary / "page.html").write_text("half")
        assert not path.exists()
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
    with whole_folder(path) as temporary:
        (temporary / "page.html").write_text("whole")
    (path / "own.txt").write_text("of the user")
    with whole_folder(path) as temporary:
        (temporary / "page.html").write_text("again")
    assert {file.name: file.read_text() for file in path.iterdir()} == {"page.html": "again", "own.txt": "of the user"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    """The attack: the name is a link to another file."""
    other, path = tmp_path / "other.txt", tmp_path / "last.ckpt"
    other.write_text("of somebody else")
    path.symlink_to(other)
    with whole_file(path) as temporary:
        temporary.write_text("whole")
    assert other.read_text() == "of somebody else" and path.read_text() == "whole" and not path.is_symlink()


@pytest.mark.parametrize("has_links", [True, False])
def test_what_appears_meanwhile_is_not_replaced_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError("no links here")))
    path = tmp_path / "predictions.csv"
    with pytest.raises(FileExistsError), whole_file(path, replace=False) as temporary:
        temporary.write_text("mine")
        path.write_text("another program's")
    assert path.read_text() == "another program's" and list(tmp_path.iterdir()) == [path]
    path.unlink()
    with whole_file(path, replace=False) as temporary:
        temporary.write_text("mine")
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]
