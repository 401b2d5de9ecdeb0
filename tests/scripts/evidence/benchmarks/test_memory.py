"""The benchmark of memory, in little: what a piece of work takes is found, whoever does it."""

import gc
from pathlib import Path

import pytest
import torch
from evidence.benchmarks import memory, optional_peers
from evidence.benchmarks.glm import TOLERANCE
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.peak_memory import own_mebibytes, peak_mebibytes

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells of a process's memory"),
    pytest.mark.filterwarnings("ignore"),  # as in a section, where other libraries are not heard
]


def test_the_peak_is_found_though_it_is_over() -> None:
    gc.collect()  # what others have left would be given back while it is looked
    peak = peak_mebibytes(lambda: torch.ones(2**25, dtype=torch.float64).sum())
    assert peak == pytest.approx(256, rel=0.1)
    assert peak_mebibytes(lambda: torch.ones(2**10)) < 8


def test_pages_of_a_mapped_file_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(2**26))
    assert peak_mebibytes(lambda: torch.from_file(str(tmp_path / "zeros"), size=2**23, dtype=torch.float64).sum()) < 8


def test_work_that_fails_is_not_watched_on() -> None:
    with pytest.raises(ZeroDivisionError):
        peak_mebibytes(lambda: 1 / 0)
    assert own_mebibytes() > 1


@pytest.mark.parametrize("side", [*memory.METHODS, *memory.SOLVERS])
def test_a_fit_of_each_reaches_the_optimum(side: str) -> None:
    largest, mebibytes = memory.fit_mebibytes(side, 5000, 4)
    assert largest <= TOLERANCE and mebibytes >= 0


def test_rows_pair_every_method_with_every_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes are not started: that is tested by test_scaling.py."""
    monkeypatch.setattr(memory, "apart", lambda measurement, *arguments: measurement(*arguments))
    monkeypatch.setattr(optional_peers, "find_spec", lambda name: None)
    for name, value in (("ROWS", 500), ("FEATURES", 3), ("BUDGET", Budget(1, 1))):
        monkeypatch.setattr(memory, name, value)
    *rows, remark = memory.measure_peaks("")
    assert [(row.case, row.peer) for row in rows if not isinstance(row, str)] == [
        (f"500 × 3: {method} by Trainer.fit", f"scikit-learn {solver}")
        for method in ("Newton", "Newton, every row at every step")
        for solver in ("lbfgs", "newton-cholesky")
    ]
    assert remark == "BackPACK is not installed, so nothing is compared with it: pip install '.[bench]'"


def test_a_fit_that_does_not_arrive_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "apart", lambda *_: (1e-3, 5.0))
    with pytest.raises(ArithmeticError, match=r"Newton ended at a gradient of 1\.0e-03, not 1e-8"):
        next(memory.measure_peaks(""))


@pytest.mark.parametrize("side", ["ours", "BackPACK"])
@pytest.mark.parametrize("diagonal", memory.DIAGONALS)
def test_diagonals_of_both_sides(side: str, diagonal: str) -> None:
    if side == "BackPACK":
        pytest.importorskip("backpack", reason="the bench extra is not installed")
    assert memory.diagonal_mebibytes(side, "784-64-64-10", diagonal, 32) >= 0
