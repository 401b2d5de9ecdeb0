"""The benchmark of generalised linear models on small ones: both sides end at one optimum, and what does not is out."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import benchmark
import pytest
import torch
from command_line.one_line_errors import run
from evidence.benchmarks import dense_solvers, glm
from evidence.benchmarks.fastest_peer import Peer, fastest, gradient_goal
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.problems import Problem, bundled, drawn
from torch import Tensor

from lightning_modules.optimizers import Newton

# As in a section: who stops before the tolerance says so, and the gradient is looked at instead.
pytestmark = pytest.mark.filterwarnings("ignore")
PROBLEMS = {"binary": partial(drawn, 12_000, 4), "classes": partial(drawn, 300, 3, 3)}


def peer_of(problem: Problem) -> Peer:
    return fastest("a", dense_solvers.dense_solvers(problem), glm.TOLERANCES[:3], gradient_goal(problem.objective(), 1e-8))


@pytest.mark.parametrize("problem", [drawn(5000, 4), drawn(400, 3, 4), bundled("Iris")], ids=["binary", "classes", "Iris"])
def test_both_sides_reach_the_same_optimum(problem: Problem) -> None:
    theirs = peer_of(problem).fit()
    assert glm.gradient_max(problem, theirs) <= glm.TOLERANCE
    objective = problem.objective()
    for ours in (glm.bare(Newton, problem), glm.by_trainer(Newton, problem), glm.bare(glm.METHODS[glm.EVERY_ROW], problem)):
        assert glm.gradient_max(problem, ours) <= glm.TOLERANCE
        assert float(objective.value(ours)) == pytest.approx(float(objective.value(theirs)), abs=1e-13)
        z, expected = ((problem.features @ w.T + b).softmax(1) for w, b in map(objective.layout.split, (ours, theirs)))
        torch.testing.assert_close(z, expected, rtol=0, atol=1e-5)


def test_every_way_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(glm, "PROBLEMS", PROBLEMS)
    monkeypatch.setattr(glm, "BUDGET", Budget(2, 2))
    monkeypatch.setattr(glm, "SMALL_BUDGET", Budget(2, 2))
    monkeypatch.setattr(glm, "time_to_optimum_of_counts", lambda: iter(()))
    monkeypatch.setattr(glm, "time_to_optimum_of_categories", lambda: iter(()))
    monkeypatch.setattr(glm, "time_to_sparse_optimum", lambda: iter(()))
    assert run(benchmark.main, ["glm", f"--json={tmp_path / 'numbers.json'}", "--debug"]) == 0
    assert "classes: Newton by Trainer.fit" in capsys.readouterr().out
    rows = json.loads((tmp_path / "numbers.json").read_text())["sections"]["glm"]["rows"]
    assert [row["case"] for row in rows] == [
        "binary: Newton",
        "binary: Newton by Trainer.fit",
        "binary: Newton, every row at every step",
        "classes: Newton",
        "classes: Newton by Trainer.fit",
    ]
    for row in rows:
        assert row["peer"] in (*(f"scikit-learn {name}" for name in dense_solvers.SCIKIT), "glum", "skglm")
        assert row["agreement"]["kind"] == "gradient" and row["agreement"]["value"] <= 1e-8
        assert len(row["ours"]) == len(row["theirs"]) == 2 and min(*row["ours"], *row["theirs"]) > 0


def test_a_wrong_answer_of_ours_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: an answer that is off by little."""
    right = glm.bare

    def wrong(*args: Any, **options: Any) -> Tensor:
        return right(*args, **options) + 1e-6

    monkeypatch.setattr(glm, "bare", wrong)
    with pytest.raises(
        ArithmeticError, match=r"a case: Newton ended at a gradient of .*, not 1e-08, so no time means anything"
    ):
        next(glm.compared("a case", drawn(300, 3)))


def test_a_solver_that_does_not_arrive_is_out(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = drawn(300, 5)
    monkeypatch.setattr(dense_solvers, "has", lambda module: False)
    monkeypatch.setattr(dense_solvers, "SCIKIT", {"lbfgs": 1, "newton-cholesky": 50})
    assert peer_of(problem).name == "scikit-learn newton-cholesky"
    monkeypatch.setattr(dense_solvers, "SCIKIT", {"lbfgs": 1})
    with pytest.raises(ArithmeticError, match="a: no peer reaches a gradient of 1e-08"):
        peer_of(problem)


@pytest.mark.parametrize("module", ["glum", "skglm"])
def test_other_libraries_reach_the_optimum(module: str) -> None:
    pytest.importorskip(module, reason="the bench extra is not installed")
    problem = drawn(2000, 4)
    assert glm.gradient_max(problem, dense_solvers.dense_solvers(problem)[module](1e-10)) <= glm.TOLERANCE
    assert module not in dense_solvers.dense_solvers(drawn(300, 3, 4)), "they have two classes"
