"""The file that --output names is whole or not there."""

import errno
from pathlib import Path

import pytest
from command_line.output_file import output_file


def test_nothing_is_seen_before_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "out.csv"
    with output_file(target, overwrite=False) as temporary:
        temporary.write_text("rows")
        assert not target.exists()
    assert [path.name for path in target.parent.iterdir()] == ["out.csv"]
    with pytest.raises(FileExistsError, match="--overwrite"), output_file(target, overwrite=False):
        pass
    with output_file(target, overwrite=True) as temporary:
        temporary.write_text("other rows")
    assert target.read_text() == "other rows"


@pytest.mark.parametrize("error", [ValueError("a bad cell"), KeyboardInterrupt(), OSError(errno.ENOSPC, "no space")])
def test_what_fails_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(type(error)) as raised, output_file(target, overwrite=True) as temporary:
        temporary.write_text("half")
        raise error
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
    if isinstance(error, OSError):
        assert "out.csv cannot be written (No space left on device)" in str(raised.value)


def test_a_link_to_nothing_is_there_already(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.symlink_to(tmp_path / "nothing")
    with pytest.raises(FileExistsError, match="exists: choose another --output"), output_file(path, overwrite=False):
        pass
    assert path.is_symlink()


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot be written"), output_file(tmp_path / "file" / "out.csv", overwrite=False):
        pass
    with pytest.raises(IsADirectoryError, match="is a folder"), output_file(tmp_path, overwrite=True):
        pass


def test_an_error_of_what_is_read_meanwhile_keeps_its_words(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match="of the data"), output_file(tmp_path / "out.csv", overwrite=False):
        raise PermissionError("of the data")
