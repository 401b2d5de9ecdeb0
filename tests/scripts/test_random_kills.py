"""Programs killed at random moments: what is there is whole, and the same command, given again, comes to the same end.

KILLS and KILLS_SEED say how many, and which.
"""

import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.scripts.killed_programs import SIGNALS, Job, check_tidy, check_whole, end, finish, result

KILLS, SEED = int(os.environ.get("KILLS", "200")), int(os.environ.get("KILLS_SEED", "0"))
TABLE = ("--data=TabularDataModule", "--data.path=table.csv", "--data.target=y", "--model=SoftmaxRegression")
ADAM = ("--model.optimizer=torch.optim.Adam", "--model.optimizer.lr=0.1")
CKPT = "trained/checkpoints/last.ckpt"
STEPS = ("--data.batch_size=100", "--trainer.max_epochs=15", "--checkpoint_every_n_steps=1")
JOBS = {
    "fit": Job("fit", (*TABLE, *ADAM, *STEPS), "last.ckpt"),
    "newton": Job("fit", (*TABLE, "--model.l2=0.01"), "last.ckpt"),
    "conversion": Job("fit", (*TABLE, *ADAM, "--data.path=large.csv", "--data.memory_map=mapped", "--data.batch_size=9000",
                              "--trainer.max_epochs=1"), "last.ckpt"),
    "predict": Job("predict", ("--data=large.csv", f"--ckpt={CKPT}", "--output=predictions.csv"), "predictions.csv"),
    "export": Job("export", (f"--ckpt={CKPT}", "--output=model.pt2"), "model.pt2"),
    "compare": Job("compare", ("comparison.yaml",), "report.json"),
}  # fmt: skip
COMPARISON = {
    "title": "two methods",
    "data": {"class_path": "IrisDataModule"},
    "model": {"class_path": "SoftmaxRegression", "init_args": {"l2": 0.01}},
    "methods": {
        "Newton": {"max_epochs": 9, "optimizer": {"class_path": "Newton"}},
        "descent": {"max_epochs": 20, "optimizer": {"class_path": "GradientDescent", "init_args": {"lr": 0.1}}},
    },
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the jobs read."""
    folder = tmp_path_factory.mktemp("inputs")
    for name, count in (("table.csv", 600), ("large.csv", 150_000)):
        rows = [f"{row % 7 + row % 3},{row % 5},{'abc'[row % 3]}" for row in range(count)]
        (folder / name).write_text("\n".join(["u,v,y", *rows]) + "\n")
    (folder / "comparison.yaml").write_text(yaml.safe_dump(COMPARISON))
    finish(folder, Job("fit", (*TABLE, "--model.l2=0.01"), ""))
    (log_dir,) = folder.rglob("version_0")
    log_dir.rename(folder / "trained")
    shutil.rmtree(folder / "logs")
    (folder / "output.txt").unlink()
    return folder


def killed_again_and_again(inputs: Path, tmp_path: Path, kills: int, seed: int) -> Counter[str]:
    """Each job in turn, ended at a random moment, then done; how often it was ended, by what it left."""
    draw, counts = random.Random(seed), Counter[str]()
    times, expected = {}, {}
    for name, job in JOBS.items():
        whole = tmp_path / name
        shutil.copytree(inputs, whole)
        times[name] = finish(whole, job)
        expected[name] = result(whole, job)
        shutil.rmtree(whole)
    for number in range(kills):
        name = list(JOBS)[number % len(JOBS)]
        job, folder = JOBS[name], tmp_path / f"{number}_{name}"
        shutil.copytree(inputs, folder)
        for _ in range(draw.choice((1, 1, 2))):
            status = end(folder, job, draw.choice(SIGNALS), draw.uniform(0, times[name]), *again(folder, job))
            output = folder / "output.txt"  # opened as the last thing before the program begins
            assert status in (0, -9, 130) or not output.exists() or not output.read_text(), output.read_text()
            check_whole(folder)
            is_done = bool(list(folder.rglob(job.results)))
            counts[f"{name}: {'ended before' if status == 0 else 'with results' if is_done else 'without'}"] += 1
        finish(folder, job, *again(folder, job))
        check_whole(folder)
        check_tidy(folder)
        assert result(folder, job) == expected[name], name
        shutil.rmtree(folder)
    return counts


def again(folder: Path, job: Job) -> list[str]:
    """What the same command needs beside itself if it was begun before."""
    if job.program == "fit":
        return ["--ckpt_path=last"] if list(folder.glob("logs/**/last.ckpt")) else []
    return ["--overwrite"] if list(folder.glob(job.results)) else []


@pytest.mark.slow
def test_a_few(inputs: Path, tmp_path: Path) -> None:
    assert killed_again_and_again(inputs, tmp_path, len(JOBS), SEED).total() >= len(JOBS)


@pytest.mark.slow
def test_many(inputs: Path, tmp_path: Path) -> None:
    counts = killed_again_and_again(inputs, tmp_path, KILLS, SEED + 1)
    print(f"\n{counts.total()} ended from outside: {dict(sorted(counts.items()))}")
