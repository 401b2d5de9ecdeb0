"""l1 on the command line: what is printed and kept, the choice with its curve, mapped tables, several processes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas
import pytest
from command_line.one_line_errors import run
from fit import main as fit
from predict import main as predict
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

FIT = Path(__file__).parents[2] / "scripts" / "fit.py"
ROWS = 160


def written(folder: Path) -> list[str]:
    """A table for training and one for the test, and how they are named."""
    for name, seed in (("train", 0), ("test", 1)):
        rng = np.random.default_rng(seed)
        table = pandas.DataFrame({f"x{j}": rng.normal(size=ROWS) for j in range(8)})
        table["year"] = 2000 + 3 * rng.normal(size=ROWS)
        table["town"] = rng.choice(["Oslo", "Paris", "Rome"], ROWS)
        z = table["x0"] - table["x1"] + 0.2 * (table["year"] - 2000) + (table["town"] == "Rome")
        table["y"] = np.where(z + rng.logistic(size=ROWS) > 0, "yes", "no")
        table["n"] = rng.poisson(np.exp(0.3 * z))
        table.to_csv(folder / f"{name}.csv", index=False)
    return ["--data=TabularDataModule", f"--data.path={folder / 'train.csv'}", f"--data.test_path={folder / 'test.csv'}"]


CLASSES = ["--model=LogisticRegression", "--data.target=y", "--data.exclude=[n]", "--data.val_fraction=0"]
COUNTS = ["--model=PoissonRegression", "--data.target=n", "--data.exclude=[y]", "--data.val_fraction=0"]


def summary_of(folder: Path) -> dict[str, Any]:
    (path,) = folder.rglob("summary.json")
    summary: dict[str, Any] = json.loads(path.read_text())
    return summary


def fitted(folder: Path, *args: str) -> dict[str, Any]:
    assert run(fit, [*args, f"--trainer.default_root_dir={folder}"]) == 0
    return summary_of(folder)


def estimates(summary: dict[str, Any]) -> dict[str, float]:
    return {name: row["own_units"]["estimate"] for name, row in summary["coefficients"].items()}


def test_the_summary_says_gap_zeros_and_why_there_are_no_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = written(tmp_path)
    summary = fitted(tmp_path / "run", *table, *CLASSES, "--model.l1=0.05", "--model.penalty_weights={town: 0}")
    assert summary["status"] == "converged" and 0 <= summary["duality_gap"] < 1e-10
    assert (summary["l1"], summary["l1_chosen_by"], summary["num_coefficients"]) == (0.05, None, 11)
    told = estimates(summary)
    zeros = [name for name, value in told.items() if value == 0]
    assert len(zeros) == summary["zero_coefficients"] > 0 and not {"town=Paris", "town=Rome", "intercept"} & {*zeros}
    assert all(row["own_units"]["standard_error"] is None for row in summary["coefficients"].values())
    printed = capsys.readouterr().out
    for words in (
        f"{len(zeros)} of 11 coefficients are 0",
        "│ duality gap ",
        "a penalty, l1 = 0.05, leaves no standard errors",
        f"{len(zeros)} that are 0 are left out",
    ):
        assert words in printed, words
    (checkpoint,) = (tmp_path / "run").rglob("last.ckpt")
    assert run(predict, [f"--ckpt={checkpoint}", f"--data={tmp_path / 'test.csv'}"]) == 0
    assert len(pandas.read_csv(tmp_path / "test_predictions.csv")) == ROWS


def test_the_choice_keeps_its_curve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = fitted(tmp_path / "run", *written(tmp_path), *COUNTS, "--model.l1=cv-1se", "--model.folds=3", "--model.l2=0.001")
    assert summary["status"] == "converged" and summary["l1_chosen_by"] == "cv-1se"
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"penalty l1 {summary['l1']:.6g}, chosen by cross-validation: the largest penalty whose deviance" in printed
    (folder,) = {path.parent for path in (tmp_path / "run").rglob("summary.json")}
    curve = pandas.read_csv(folder / "penalty_curve.csv")
    assert list(curve) == ["l1", "held_out_deviance", "standard_error", "features"] and len(curve) == 100
    place = int(np.flatnonzero(curve["l1"] == summary["l1"])[0])
    best = int(curve["held_out_deviance"].idxmin())
    limit = curve["held_out_deviance"][best] + curve["standard_error"][best]
    assert place < best and curve["held_out_deviance"][place] <= limit < curve["held_out_deviance"][place - 1]
    assert curve["features"][place] == 11 - summary["zero_coefficients"]
    assert mpl.image.imread(folder / "penalty_curve.png").shape[:2] == (600, 960)
    assert "train/penalty" in EventAccumulator(str(folder), size_guidance={"images": 0}).Reload().Tags()["images"]


@pytest.mark.parametrize("l1", ["0.03", pytest.param("cv", marks=pytest.mark.slow)])
def test_a_mapped_table_is_one_in_memory(l1: str, tmp_path: Path) -> None:
    args = [*written(tmp_path), *CLASSES, f"--model.l1={l1}"]
    one = fitted(tmp_path / "one", *args)
    two = fitted(tmp_path / "two", *args, f"--data.memory_map={tmp_path / 'maps'}")
    assert one["status"] == two["status"] == "converged" and one["l1"] == pytest.approx(two["l1"], rel=1e-12)
    assert estimates(one) == pytest.approx(estimates(two), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--model.l1=0.1", "--model.penalty_weights={age: 0}"], "there is no feature 'age'; there are 'x0'"),
        (["--model.l1=0.1", "--model.penalty_weights=[1, 1]"], "2 for 11 features"),
        (["--model.l1=-1"], "l1=-1.0): give a finite number ≥ 0"),
        (["--model.l1=.nan"], "l1=nan): give"),
        (["--model.l1=0.1", "--model.optimizer=DiagonalNewton"], "DiagonalNewton cannot step"),
        (["--model.l1=cv", "--model.optimizer=torch.optim.Adam"], "Adam cannot step"),
        (["--model.l1=cv", "--data.batch_size=20"], "on mini-batches"),
        (["--model.l1=cv", "--model.folds=161"], "folds=161: give a whole number from 2 to the number of rows"),
    ],
)
def test_one_line_and_nothing_left(args: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, runs = written(tmp_path), tmp_path / "runs"
    assert run(fit, [*table, *CLASSES, *args, f"--trainer.default_root_dir={runs}"]) == 1
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert not [path for path in runs.rglob("*") if path.is_file()]


def test_columns_that_nothing_scales(tmp_path: Path) -> None:
    """A year beside others, whose coefficient is in its own unit."""
    summary = fitted(tmp_path / "run", *written(tmp_path), *CLASSES, "--model.l1=0.03", "--data.standardize=false")
    assert summary["status"] == "converged" and estimates(summary)["year"] != 0


@pytest.mark.slow
@pytest.mark.parametrize("args", [[*CLASSES, "--model.l1=0.03"], [*COUNTS, "--model.l1=cv"]], ids=["given", "chosen"])
def test_two_processes_are_one(args: list[str], tmp_path: Path) -> None:
    args = [*written(tmp_path), *args, "--trainer.accelerator=cpu"]
    one = fitted(tmp_path / "one", *args)
    command = [sys.executable, str(FIT), *args, f"--trainer.default_root_dir={tmp_path / 'two'}"]
    done = subprocess.run(
        [*command, "--trainer.devices=2", "--trainer.strategy=ddp"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    two = summary_of(tmp_path / "two")
    assert one["status"] == two["status"] == "converged" and one["l1"] == pytest.approx(two["l1"], rel=1e-12)
    assert estimates(one) == pytest.approx(estimates(two), rel=1e-12, abs=1e-12)
