"""A run that is killed and resumed is the run that was not: the same bytes, the same curves."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from tests.conftest import ROOT
from tests.idx_files import write_mnist
from tests.scripts.command_line.resumed_run import fit_in_process, left, same

SGD = ["--model.optimizer=torch.optim.SGD", "--model.optimizer.lr=0.1", "--model.optimizer.momentum=0.9"]
METHODS = {
    "newton": ["--model.optimizer=Newton"],
    "newton_cg": ["--model.optimizer=Newton", "--model.optimizer.solver=cg"],
    "diagonal_newton": ["--model.optimizer=DiagonalNewton"],
    "gradient_descent": ["--model.optimizer=GradientDescent", "--model.optimizer.lr=0.1"],
    "adam": ["--model.optimizer=torch.optim.Adam", "--model.optimizer.lr=0.01"],
    "nesterov": [*SGD, "--model.optimizer.nesterov=true"],
    "lbfgs": ["--model.optimizer=torch.optim.LBFGS", "--model.optimizer.max_iter=3"],
}
FIRST_ORDER = ("adam", "nesterov")
TABLE = ["--data=TabularDataModule", "--data.path=table.csv", "--data.target=y", "--data.batch_size=30"]
WEIGHTED = [*TABLE, "--data.path=weighted.csv", "--data.weights=w", "--data.offset=b", "--model=PoissonRegression"]
DIGITS = ["--data=DigitsDataModule", "--data.batch_size=300"]
SIMCLR = ["--model=SimCLR", "--model.channels=8", "--model.features=8", "--trainer.precision=32-true"]
IRIS = ["--data=IrisDataModule", "--data.batch_size=20"]
SOFTMAX = ["--model=SoftmaxRegression", "--model.l2=0.01"]
LOGISTIC = ["--model=LogisticRegression", "--model.l2=0.01"]
MNIST = ["--data.data_dir=.", "--data.batch_size=60", "--data.val_fraction=0.2"]
PLAIN_LOADER = "tests.scripts.command_line.resumed_run.PlainLoaderData"
VIEWS = ["--data=MNISTTwoViewDataModule", *MNIST]


class Problem(NamedTuple):
    args: list[str]
    steps: int  # in the four epochs of a run
    methods: tuple[str, ...] = tuple(METHODS)
    within_epochs: bool = True


def mlp(name: str, widths: str, schedule: str = "constant") -> list[str]:
    return [f"--model={name}", f"--model.widths={widths}", f"--model.schedule={schedule}", "--model.l2=0.001"]


PROBLEMS = {
    "logistic, full batch": Problem(["--data=BreastCancerDataModule", *LOGISTIC], 4),
    "logistic": Problem(["--data=BreastCancerDataModule", "--data.batch_size=100", *LOGISTIC], 16),
    "softmax": Problem([*IRIS, *SOFTMAX], 20),
    "linear": Problem([*TABLE, "--model=LinearRegression"], 12),
    "weighted": Problem(WEIGHTED, 12),
    "mlp": Problem([*IRIS, *mlp("MLP", "[4,6,3]", "cosine")], 20),
    "residual": Problem([*IRIS, *mlp("ResidualMLP", "[4,5,5,3]")], 20),
    "digits": Problem([*DIGITS, *mlp("MLP", "[64,16,10]", "cosine")], 16, ("diagonal_newton", "adam")),
    "mnist": Problem(["--data=MNISTDataModule", *MNIST, *SOFTMAX], 16, ("newton_cg", "diagonal_newton", "adam")),
    "views": Problem([*VIEWS, *SOFTMAX], 16, ("diagonal_newton", *FIRST_ORDER)),
    "views, per sample": Problem([*VIEWS, "--data.augmentation=per_sample", *SOFTMAX], 16, FIRST_ORDER),
    "simclr": Problem([*VIEWS, *SIMCLR], 16, FIRST_ORDER),
    "plain loader": Problem([f"--data={PLAIN_LOADER}", "--data.batch_size=20", *SOFTMAX], 20, within_epochs=False),
}  # fmt: skip


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders to run in, with the data."""
    both = tmp_path / "whole", tmp_path / "killed"
    generator = random.Random(0)
    rows = [[generator.gauss(0, 1) for _ in range(3)] for _ in range(130)]
    table = "a,b,c,y\n" + "".join(f"{a},{b},{c},{a - 2 * b + c * c}\n" for a, b, c in rows)
    weighted = "a,b,c,w,y\n" + "".join(f"{a},{b},{c},{1 + i % 3},{i % 4}\n" for i, (a, b, c) in enumerate(rows))
    for folder in both:
        folder.mkdir()
        (folder / "table.csv").write_text(table)
        (folder / "weighted.csv").write_text(weighted)
        write_mnist(folder)
    return both


def said(folder: Path) -> str:
    return (folder / "output.txt").read_text(encoding="utf-8")


def killed_and_resumed(
    folders: tuple[Path, Path], args: list[str], step: int, place: str, times: int = 1, forget: bool = False
) -> bool:
    """Whether both folders hold the same after a whole run, and after one that was killed so many times."""
    whole, killed = folders
    assert fit_in_process(whole, args, forget) == 0, said(whole)
    killer = ["--trainer.callbacks=tests.scripts.command_line.resumed_run.Killer", f"--trainer.callbacks.place={place}"]
    for time in range(times):
        resume = ["--ckpt_path=last"] if list(killed.rglob("last.ckpt")) else []
        at = f"--trainer.callbacks.step={step + 3 * time}"
        assert fit_in_process(killed, [*args, *resume, *killer, at], forget) == -signal.SIGKILL, said(killed)
    began_again = not list(killed.rglob("last.ckpt"))
    if began_again:  # killed before the first checkpoint: there is nothing to resume, and that is said
        assert fit_in_process(killed, [*args, "--ckpt_path=last"]) == 1
        assert "there is no checkpoint in" in said(killed)
        return True
    assert fit_in_process(killed, [*args, "--ckpt_path=last"], forget) == 0, said(killed)
    (summary, again) = (json.loads(next(folder.rglob("summary.json")).read_text()) for folder in folders)
    kept = {key: value for key, value in summary.items() if key != "train_seconds"}
    (expected, curves), (found, found_curves) = map(left, folders)
    return (
        same(found, expected)
        and found_curves == curves
        and kept == {key: value for key, value in again.items() if key != "train_seconds"}
    )


def run_of(problem: str, method: str, every: int | None) -> list[str]:
    within = [f"--checkpoint_every_n_steps={every}"] if every else []
    quick = ["--trainer.max_epochs=4", "--trainer.accelerator=cpu"]
    return [*PROBLEMS[problem].args, *METHODS[method], *quick, *within]


QUICK = [
    ("softmax", "newton", 2, 7, "batch_start"),
    pytest.param("weighted", "newton", 2, 7, "batch_start", marks=pytest.mark.slow),
    ("mlp", "diagonal_newton", 3, 13, "batch_start"),  # with a schedule, within an epoch
    pytest.param("views, per sample", "adam", 1, 6, "batch_end", marks=pytest.mark.slow),
    ("plain loader", "nesterov", None, 12, "validation"),
]


@pytest.mark.parametrize(("problem", "method", "every", "step", "place"), QUICK)
def test_resumed_to_the_last_byte(
    folders: tuple[Path, Path], problem: str, method: str, every: int | None, step: int, place: str
) -> None:
    assert killed_and_resumed(folders, run_of(problem, method, every), step, place)


def draw(seed: int) -> tuple[str, str, int | None, int, str]:
    """A problem, a method, when checkpoints are written, and when and where the process dies."""
    generator = random.Random(seed)
    problem = list(PROBLEMS)[seed % len(PROBLEMS)]
    method = generator.choice(PROBLEMS[problem].methods)
    steps = PROBLEMS[problem].steps
    every = generator.choice([1, 2, 3, None]) if PROBLEMS[problem].within_epochs else None
    # Not before the first checkpoint, and validation comes after the last step of an epoch.
    step = generator.randrange(steps // 4 + 1, steps)
    return (
        problem,
        method,
        every,
        step,
        generator.choice(["batch_start", "batch_end", "writing"] + ["validation"] * (step < steps)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_resumed_to_the_last_byte_at_random(folders: tuple[Path, Path], seed: int) -> None:
    problem, method, every, step, place = draw(seed)
    assert killed_and_resumed(folders, run_of(problem, method, every), step, place), draw(seed)


@pytest.mark.slow
def test_killed_again_and_again(folders: tuple[Path, Path]) -> None:
    assert killed_and_resumed(folders, run_of("mlp", "adam", 2), 4, "batch_end", times=4)


def test_without_the_random_states_the_run_is_another(folders: tuple[Path, Path]) -> None:
    """Negative control: the order of torch's own loader comes from the global generator."""
    assert not killed_and_resumed(folders, run_of("plain loader", "adam", None), 12, "batch_end", forget=True)


def test_killed_before_the_first_checkpoint(folders: tuple[Path, Path]) -> None:
    assert killed_and_resumed(folders, run_of("softmax", "newton", None), 2, "batch_end")


@pytest.mark.slow
def test_a_finished_run_is_not_repeated(folders: tuple[Path, Path]) -> None:
    """Resumed after its last epoch, or after its method was done, it is only tested again."""
    folder, _ = folders
    for args in (run_of("softmax", "newton", 2), ["--trainer.max_epochs=100"]):
        assert fit_in_process(folder, args) == 0, said(folder)
        (log_dir,) = {path.parents[1] for path in folder.rglob("last.ckpt")}
        before = torch.load(log_dir / "checkpoints" / "last.ckpt", weights_only=True)
        first = json.loads((log_dir / "summary.json").read_text())
        assert fit_in_process(folder, [*args, "--ckpt_path=last"]) == 0, said(folder)
        after = torch.load(log_dir / "checkpoints" / "last.ckpt", weights_only=True)
        assert same(after["state_dict"], before["state_dict"])
        assert after["global_step"] == before["global_step"]
        again = json.loads((log_dir / "summary.json").read_text())
        assert {k: v for k, v in again.items() if k != "train_seconds"} == {
            k: v for k, v in first.items() if k != "train_seconds"
        }
        for path in sorted(folder.glob("logs/*")):
            path.rename(folder / f"done_{path.name}")
            for checkpoint in (folder / f"done_{path.name}").rglob("*.ckpt"):
                checkpoint.unlink()


def test_more_epochs_go_on_with_the_same_run(folders: tuple[Path, Path]) -> None:
    whole, extended = folders
    args = run_of("softmax", "adam", None)
    assert fit_in_process(whole, args) == 0
    assert fit_in_process(extended, [*args, "--trainer.max_epochs=2"]) == 0
    assert fit_in_process(extended, [*args, "--ckpt_path=last"]) == 0
    (expected, _), (found, _) = map(left, folders)
    assert same(found, expected)
    assert "ckpt_path: null" in next(extended.rglob("config.yaml")).read_text()


IN_PROCESSES = [*VIEWS, "--data.augmentation=per_sample", "--data.num_workers=2", *SOFTMAX, *METHODS["adam"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "args",
    [[*IRIS, *SOFTMAX, *METHODS["diagonal_newton"], "--trainer.max_epochs=30"], [*IN_PROCESSES, "--trainer.max_epochs=6"]],
)
def test_from_the_shell(folders: tuple[Path, Path], args: list[str]) -> None:
    """The command of the manual, killed from outside as soon as it has a checkpoint; with loader processes, too."""
    whole, killed = folders
    command = [sys.executable, str(ROOT / "scripts" / "fit.py"), *args, "--checkpoint_every_n_steps=1"]
    subprocess.run(command, cwd=whole, stdout=subprocess.DEVNULL, check=True, timeout=200)
    with subprocess.Popen(command, cwd=killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not list(killed.rglob("last.ckpt")):
            assert process.poll() is None
        process.kill()
    assert process.returncode == -signal.SIGKILL
    subprocess.run([*command, "--ckpt_path=last"], cwd=killed, stdout=subprocess.DEVNULL, check=True, timeout=200)
    (expected, curves), (found, found_curves) = map(left, folders)
    assert same(found, expected)
    assert found_curves == curves
