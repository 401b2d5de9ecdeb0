"""The race of networks on small ones: who is there first counts, who never is shows it."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from command_line.base_config import read_config
from comparing import study_run
from comparing.comparison_file import COMPARISONS
from comparing.study import Study, StudyRun
from comparing.study_run import num_fits, run_once
from evidence.benchmarks import networks, optional_peers
from evidence.benchmarks.row import BenchmarkRow
from evidence.benchmarks.row_cells import row_cells
from torch.nn import Parameter

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli

IRIS = {
    "study": "iris_mlp",
    "changes": {"folds": None, "seeds": [0, 1], "select": "val/loss", "data": {"class_path": "IrisDataModule"}},
    "ours": "Newton",
    "methods": {
        "Newton": {"max_epochs": 15, "optimizer": {"class_path": "Newton"}},
        "L-BFGS": {
            "max_epochs": 5,
            "optimizer": {"class_path": "torch.optim.LBFGS", "init_args": {"line_search_fn": "strong_wolfe"}},
            "tune": {"optimizer.lr": [0.5, 1.0]},
        },
        "Newton-CG": {"max_epochs": 3, "optimizer": {"class_path": "evidence.benchmarks.newton_cg.NewtonCG"}},
        "too far": {"max_epochs": 20, "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 1e200}}},
    },
}


def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *rivals: str) -> list[BenchmarkRow | str]:
    (tmp_path / "tasks.yaml").write_text(yaml.safe_dump({"Iris": IRIS | {"rivals": list(rivals)}}))
    monkeypatch.setattr(networks, "TASKS", tmp_path / "tasks.yaml")
    monkeypatch.setattr(networks, "UNFINISHED", tmp_path / "unfinished")
    return list(networks.time_to_rivals_scores(str(tmp_path)))


@pytest.mark.slow
def test_every_seed_is_timed_until_the_rivals_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = rows(tmp_path, monkeypatch, "L-BFGS")
    assert isinstance(row, BenchmarkRow)
    assert row.case.startswith("Iris: Newton to a validation loss of 0.") and row.peer == "L-BFGS, 2 trials"
    assert len(row.ours) == len(row.theirs) == 2
    assert all(0 < seconds < math.inf for seconds in row.theirs), "the rival reaches its own score"


def test_a_rival_that_diverges_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (remark,) = rows(tmp_path, monkeypatch, "too far")
    assert str(remark).startswith("Iris: too far: it diverged (the loss is ")


def test_fits_are_kept_until_all_rows_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is broken off after a row does no fit of that row again; each rival has fits of ours beside its own."""
    assert len(rows(tmp_path, monkeypatch)) == 0  # points to the folder, and fits nothing
    (tmp_path / "tasks.yaml").write_text(yaml.safe_dump({"Iris": IRIS | {"rivals": ["too far", "too far"]}}))
    fits: list[int] = []

    def counted(comparison: Any, method: Any, seed: int, fold: int) -> StudyRun:
        fits.append(seed)
        return run_once(comparison, method, seed, fold)

    monkeypatch.setattr(study_run, "run_once", counted)
    next(networks.time_to_rivals_scores(str(tmp_path)))
    (folder,) = (tmp_path / "unfinished" / "Iris").iterdir()
    assert len(fits) == len(list(folder.iterdir())) == 4, "two seeds of ours and of the rival"
    assert len(list(networks.time_to_rivals_scores(str(tmp_path)))) == 2
    assert len(fits) == 4 and not (tmp_path / "unfinished").exists()


def test_without_torchmin_one_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_peers, "find_spec", lambda name: None)
    remark = "Iris: Newton-CG: torchmin is not installed, so nothing is compared with it: pip install '.[bench]'"
    assert rows(tmp_path, monkeypatch, "Newton-CG") == [remark]


def test_newton_cg_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchmin", reason="the bench extra is not installed")
    (row,) = rows(tmp_path, monkeypatch, "Newton-CG")
    assert isinstance(row, BenchmarkRow) and row.peer == "Newton-CG, 1 trial"


def test_newton_cg_step_by_step_is_torchmins_run() -> None:
    torchmin = pytest.importorskip("torchmin", reason="the bench extra is not installed")
    from evidence.benchmarks.newton_cg import NewtonCG  # noqa: PLC0415

    x, y = torch.randn(60, 3, dtype=torch.float64), torch.arange(60) % 2
    objective = GLMObjective(Bernoulli(), x, y, 0.1)
    parameter = Parameter(torch.ones(4, dtype=torch.float64))
    optimizer = NewtonCG([parameter])

    def closure() -> torch.Tensor:
        point = objective.at(parameter)
        parameter.grad = point.gradient.clone()
        return point.value

    for _ in range(3):
        optimizer.step(closure=closure, objective=objective)
    at_once = torchmin.minimize(objective.value, torch.ones(4, dtype=torch.float64), "newton-cg", max_iter=3, tol=0.0)
    torch.testing.assert_close(parameter.detach(), at_once.x, rtol=0, atol=1e-12)
    assert float(objective.at(parameter.detach()).gradient.norm()) < 0.1 * float(
        objective.at(torch.ones(4).double()).gradient.norm()
    )
    with pytest.raises(ValueError, match=r"NewtonCG\(lr=0\): the step size must be a positive number"):
        NewtonCG([parameter], lr=0)


def made(label: str, select: str, *courses: list[float], tested: list[float] | None = None, diverged: int = 0) -> Study:
    runs = [
        StudyRun(seed, {select: end}, [{select: value, "seconds": i + 1.0} for i, value in enumerate(course)], 1.0)
        for seed, (course, end) in enumerate(zip(courses, tested or [course[-1] for course in courses], strict=True))
    ]
    return Study(label, "", {}, 6, runs, ("the loss is nan at step 3",) * diverged)


def test_the_score_is_what_all_runs_of_the_rival_reach() -> None:
    theirs = made("B", "val/accuracy", [0.5, 0.9, 0.92], [0.7, 0.8, 0.9])
    ours = made("A", "val/accuracy", [0.9, 0.95, 0.99], [0.6, 0.7, 0.8])
    row = networks.compared("a task", ours, theirs, "val/accuracy")
    assert row.case == "a task: A to a validation accuracy of 0.9000" and row.peer == "B, 6 trials"
    assert row.theirs == (2.0, 3.0) and row.ours == (1.0, math.inf)
    assert row_cells(row)[1] == "∞ s (1 … ∞)"


def test_a_score_that_somebody_else_has_set_may_be_reached_by_nobody() -> None:
    theirs = made("B", "val/accuracy", [0.5, 0.9], [0.7, 0.8], [0.7, 0.8])
    ours = made("A", "val/accuracy", [0.95, 0.96], [0.6, 0.7], [0.9, 0.9])
    row = networks.compared("a task", ours, theirs, "val/accuracy", 0.9)
    assert "of 0.9000" in row.case
    assert row.ours == (1.0, math.inf, 1.0) and row.theirs == (2.0, math.inf, math.inf) and row.ratios == (0.5, 1.0, 0.0)


def test_a_run_of_ours_that_diverges_never_arrives_and_one_of_theirs_is_told_of() -> None:
    once, twice = (
        made("A", "val/accuracy", [0.9], diverged=1),
        made("B", "val/accuracy", [0.9], [0.9]),
    )
    assert networks.compared("a task", once, twice, "val/accuracy").ours == (1.0, math.inf)
    row = networks.compared("a task", twice, once, "val/accuracy")
    assert row.ours == row.theirs == (1.0,) and row.peer == "A, 6 trials, 1 of 2 runs diverged"


def test_of_an_error_less_is_better() -> None:
    """And the weights that are tested count, here those of the best epoch."""
    theirs = made("B", "val/mae", [0.5, 0.3, 0.4], [0.4, 0.35, 0.2], tested=[0.3, 0.2])
    row = networks.compared("a task", made("A", "val/mae", [0.4, 0.29, 0.5], [0.3, 0.1, 0.1]), theirs, "val/mae")
    assert "of 0.3000" in row.case and row.theirs == (2.0, 3.0) and row.ours == (2.0, 1.0)


def test_what_is_listed_are_methods_of_the_studies_and_budgets_are_equal() -> None:
    tasks = read_config(networks.TASKS)
    assert sum(len(task["rivals"]) for task in tasks.values()) == networks.NUM_ROWS
    for task in tasks.values():
        study = read_config(COMPARISONS / f"{task['study']}.yaml")
        methods = study["methods"] | task["methods"]
        fits = {name: num_fits({"seeds": [0], "methods": {name: methods[name]}}) for name in (task["ours"], *task["rivals"])}
        assert fits.pop(task["ours"]) == 1, "ours is not tuned"
        assert len(set(fits.values())) == 1, "every rival may try as many settings"
