"""The benchmark of growing rows, processes and features, in little."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from evidence.benchmarks import by_features, by_parameters, by_processes, by_rows, glm
from evidence.benchmarks.apart import apart
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.problems import Problem, drawn
from evidence.benchmarks.row import BenchmarkRow

LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells of a process's memory")


def test_another_process_returns_what_a_function_returns() -> None:
    assert apart(textwrap.shorten, "one two", 6) == "[...]"
    with pytest.raises(ChildProcessError, match=r"shorten\(5,\) failed in its own process: TypeError"):
        apart(textwrap.shorten, 5)


@LINUX
@pytest.mark.slow
def test_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    once = Budget(1, 1)
    for name, value in (("SIZES", (1000, 3000)), ("PASSES", once), ("FITS", once), ("LEAST_ROWS", 3000), ("PIECE", 700)):
        monkeypatch.setattr(by_rows, name, value)
    passes, memory = by_rows.measure_mapped_tables()
    assert (passes.case, passes.peer) == ("3 000 × 20 on disk: value and gradient, each row", "1 000 × 20")
    assert min(*passes.ours, *passes.theirs) > 0
    assert memory.unit == "MiB" and len(memory.ours) == len(memory.theirs) == 1


@LINUX
def test_a_fit_to_a_mapped_table_reaches_the_optimum(tmp_path: Path) -> None:
    by_rows.write_table(str(tmp_path), 2000, 4)
    assert len(list(tmp_path.glob("2000-*/features.npy"))) == 1, "the table is mapped"
    largest, mebibytes = by_rows.fit_mebibytes(str(tmp_path), 2000)
    assert largest <= by_rows.TOLERANCE and mebibytes >= 0
    assert 1975 <= len(by_rows.data_module(str(tmp_path), 2000).splits["train"][1]) <= 1985, "as good as all rows"


def test_too_small_a_disk_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_rows, "SIZES", (10, 10**15))
    with pytest.raises(OSError, match=r"the tables of this section take 3\.36e\+08 GB and .* GB are free: make room"):
        by_rows.refuse_full(tmp_path)


def test_a_fit_that_does_not_arrive_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_rows, "apart", lambda *_: (1e-3, 5.0))
    with pytest.raises(ArithmeticError, match=r"10 rows: Newton ended at a gradient of 1\.0e-03, not 1e-8"):
        by_rows.fit_apart("", 10)
    monkeypatch.setattr(by_processes, "apart", lambda *_, **__: (1e-3, [[5.0, 5.0]]))
    with pytest.raises(ArithmeticError, match=r"Newton by 2 processes ended at a gradient of 1\.0e-03, not 1e-8"):
        by_processes.fit_apart("Newton", 2, [])


@pytest.mark.slow
def test_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ROWS", 5000), ("FEATURES", 4), ("BUDGET", Budget(1, 1)), ("FITS", 2)):
        monkeypatch.setattr(by_processes, name, value)
    rows = list(by_processes.time_processes())
    assert [(row.unit, row.peer) for row in rows] == [("s", "1 process")] * 2
    assert all(len(row.ours) == len(row.theirs) == 1 and row.our_cpu and row.role == "ourselves" for row in rows)


def test_features(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ROWS", 300), ("DIMENSIONS", (2, 9)), ("BUDGET", Budget(2, 2))):
        monkeypatch.setattr(by_features, name, value)
    *rows, remark = by_features.time_solvers()
    assert all(isinstance(row, BenchmarkRow) and len(row.ours) == 2 for row in rows) and len(rows) == 2
    assert isinstance(remark, str) and remark.startswith("300 rows: conjugate gradients win")


def test_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ROWS", 20), ("BUDGET", Budget(2, 2)), ("CASES", ((6, "cholesky", "Newton, Cholesky"),))):
        monkeypatch.setattr(by_parameters, name, value)
    (row,) = by_parameters.time_wide_networks()
    assert (row.case, row.peer) == ("439 parameters, 20 rows: Newton, Woodbury", "Newton, Cholesky")
    assert len(row.ours) == len(row.theirs) == 2
    monkeypatch.setattr(by_parameters, "MOST_STEPS", 1)
    with pytest.raises(ArithmeticError, match="439 parameters: woodbury ended at a loss of"):
        list(by_parameters.time_wide_networks())


def test_two_solvers_are_compared_not_one_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Newton's default for so many parameters is."""
    seen: list[str] = []

    def bare(method: Any, problem: Problem) -> torch.Tensor:
        seen.append(method([torch.nn.Parameter(torch.zeros(1))]).param_groups[0]["solver"])
        return glm.bare(method, problem)

    monkeypatch.setattr(by_features, "bare", bare)
    monkeypatch.setattr(by_features, "BUDGET", Budget(2, 2))
    by_features.both(drawn(300, 4))
    assert seen == ["cg", "cholesky", "cholesky", "cg"]


def test_a_wrong_solution_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_features, "bare", lambda method, problem: torch.zeros(5, dtype=torch.float64))
    with pytest.raises(ArithmeticError, match="300 × 4: conjugate gradients ended at a gradient of"):
        by_features.both(drawn(300, 4))


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ({10: 2.0, 100: 0.9, 1000: 1.1, 2000: 0.8, 5000: 0.5}, "win from 2000 features on"),
        ({10: 0.5, 100: 0.9}, "win from 10 features on"),
        ({10: 0.5, 100: 1.9}, "win at no number of features up to 100"),
    ],
)
def test_who_wins_from_where_on(ratios: dict[int, float], said: str) -> None:
    assert by_features.winner(ratios).endswith(said)
