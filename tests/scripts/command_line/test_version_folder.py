"""Reports that begin at the same instant have a folder each, and one that comes to nothing leaves none."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from command_line.version_folder import report_folder


def test_each_has_its_own(tmp_path: Path) -> None:
    barrier = Barrier(8)

    def report(number: int) -> Path:
        barrier.wait()
        with report_folder(None, tmp_path / "reports") as folder:
            (folder / "report.html").write_text(str(number))
        return folder

    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(report, range(8)))
    assert sorted(folder.name for folder in folders) == [f"version_{number}" for number in range(8)]
    assert [int((folder / "report.html").read_text()) for folder in folders] == list(range(8))


def test_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError), report_folder(None, tmp_path / "reports") as folder:
        (folder / "begun" / "within").mkdir(parents=True)
        raise ValueError
    assert not (tmp_path / "reports").exists()


def test_the_one_asked_for(tmp_path: Path) -> None:
    with report_folder(str(tmp_path / "here"), tmp_path / "reports") as folder:
        assert folder == tmp_path / "here"
    assert not list(tmp_path.iterdir())
