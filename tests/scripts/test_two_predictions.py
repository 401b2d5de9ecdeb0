"""Two predictions into one file at the same instant: it is one of them, whole, and the other is told."""

from pathlib import Path

import pytest

from tests.scripts.killed_programs import Job, finish, start

TABLE = ("--data=TabularDataModule", "--data.path=table.csv", "--data.target=y", "--model=SoftmaxRegression")


@pytest.mark.slow
def test_one_output(tmp_path: Path) -> None:
    """The attack: two real processes, ten times."""
    rows = [f"{row % 7 + row % 3},{row % 5},{'abc'[row % 3]}" for row in range(30_000)]
    (tmp_path / "table.csv").write_text("\n".join(["u,v,y", *rows]) + "\n")
    finish(tmp_path, Job("fit", (*TABLE, "--model.l2=0.01"), ""))
    (ckpt,) = tmp_path.rglob("last.ckpt")
    predicting = ("--data=../table.csv", f"--ckpt={ckpt}", "--output=../p.csv")
    folders = [tmp_path / name for name in "ab"]  # of what each says
    for folder in folders:
        folder.mkdir()
    output = tmp_path / "p.csv"
    finish(folders[0], Job("predict", predicting, ""))
    whole = output.read_bytes()
    for more in ([], ["--overwrite"]):
        for _ in range(10):
            output.unlink()
            both = [start(folder, Job("predict", predicting, ""), *more) for folder in folders]
            for process in both:
                process.join(100)
            assert sorted(process.exitcode for process in both) == ([0, 0] if more else [0, 1])
            assert output.read_bytes() == whole
            assert not list(tmp_path.glob("*.partial"))
            said = "".join((folder / "output.txt").read_text() for folder in folders)
            assert more or "has been written by another program meanwhile" in said or "p.csv exists" in said
