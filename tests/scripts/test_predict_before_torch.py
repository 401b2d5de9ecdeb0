"""What is wrong with the files of predict.py is said before torch is imported."""

from pathlib import Path

import pytest

from tests.scripts.without_torch import started_without_torch

REFUSED = {
    "data": (["--ckpt=any.ckpt", "--data=none.csv"], "there is no file none.csv: check --data"),
    "checkpoint": (["--ckpt=none.ckpt", "--data=new.csv"], "there is no checkpoint none.ckpt: check --ckpt"),
    "output": (["--ckpt=any.ckpt", "--data=new.csv", "--output=out.xlsx"], "predictions are written as .csv or .parquet"),
    "output is data": (["--ckpt=any.ckpt", "--data=new.csv", "--output=new.csv"], "would replace the data"),
    "output is there": (["--ckpt=any.ckpt", "--data=new.csv", "--output=old.csv"], "old.csv exists: choose another --output"),
    "kind": (["--ckpt=any.ckpt", "--data=any.ckpt"], "only text files"),
    "delimiter": (["--ckpt=any.ckpt", "--data=new.csv", "--delimiter=ab"], "delimiter='ab'"),
    "option": (["--ckpt=any.ckpt", "--data=new.csv", "--outptu=x.csv"], "did you mean --output"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("any.ckpt", "new.csv", "old.csv"):
        (tmp_path / name).write_text("x,y\n1,2\n")
    return tmp_path


@pytest.mark.parametrize(("args", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_before_torch(folder: Path, args: list[str], says: str) -> None:
    done = started_without_torch("predict.py", args, folder)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert (folder / "old.csv").read_text() == "x,y\n1,2\n"


def test_files_that_are_there_are_read_with_torch(folder: Path) -> None:
    """Negative control."""
    done = started_without_torch("predict.py", ["--ckpt=any.ckpt", "--data=new.csv", "--overwrite"], folder)
    assert "imports " in done.stderr


def test_ctrl_c_while_torch_is_imported_is_a_line(folder: Path) -> None:
    done = started_without_torch("predict.py", ["--ckpt=any.ckpt", "--data=new.csv"], folder, "KeyboardInterrupt")
    assert done.returncode == 130
    assert done.stderr.startswith("interrupted") and done.stderr.count("\n") == 1
