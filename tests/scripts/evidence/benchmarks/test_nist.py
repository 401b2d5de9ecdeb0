"""The benchmark of certified curves: a problem from its file, digits, and tables that tell right from wrong."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import benchmark
import pytest
import torch
from command_line.one_line_errors import run
from evidence.benchmarks import nist, optional_peers
from evidence.benchmarks.certified_run import CertifiedRun
from evidence.benchmarks.certified_tables import run_cell, summary_cells, summary_headings
from evidence.benchmarks.curve_fitters import OURS, SCIPY, TORCH_LM, Fit, Fitter, by_scipy
from evidence.benchmarks.nist_problems import NistProblem, nist_problem
from evidence.benchmarks.row import BenchmarkRow
from torch import Tensor

# Made up: y = 2 x^1.5 without noise, in the format of NIST's files, whose data begin in line 61.
HEADER = """NIST/ITL StRD
Dataset Name:  DanWood           (DanWood.dat)

               y = b1*x**b2  +  e

          Starting values                  Certified Values

        Start 1     Start 2           Parameter     Standard Deviation
  b1 =   1           1.9           2.0000000000E+00  1.8281973860E-02
  b2 =   5           1.4           1.5000000000E+00  1.0000000000E-02

Residual Sum of Squares:                    1.0000000000E-12
"""


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder with one problem."""
    lines = HEADER.splitlines()
    rows = [f"  {2 * x**1.5:.15e}  {x:.3f}" for x in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)]
    (tmp_path / "nist").mkdir()
    (tmp_path / "nist" / "DanWood.dat").write_text("\n".join(lines + [""] * (60 - len(lines)) + rows) + "\n")
    monkeypatch.setattr(nist, "MODELS", ["DanWood"])
    return str(tmp_path)


def test_a_problem_is_read_from_its_file(data_dir: str) -> None:
    problem = nist_problem(data_dir, "DanWood")
    assert problem.x.shape == problem.y.shape == (6,) and problem.y.dtype == torch.float64
    assert problem.starts.tolist() == [[1.0, 5.0], [1.9, 1.4]]
    assert problem.certified.tolist() == [2.0, 1.5] and problem.sum_of_squares == 1e-12
    assert float(problem.residuals(problem.certified).abs().max()) < 1e-13


def test_digits_are_those_of_the_worst_parameter(data_dir: str) -> None:
    problem = nist_problem(data_dir, "DanWood")
    assert problem.digits(problem.certified) == 11.0
    assert problem.digits(torch.tensor([2.0, 1.5 * (1 + 1e-6)]).double()) == pytest.approx(6.0, abs=0.02)
    for wrong in ([2.0, 4.0], [2.0, float("nan")], [-2.0, 1.5]):
        assert problem.digits(torch.tensor(wrong).double()) == 0.0


def test_every_method_runs_and_both_tables_are_shown(data_dir: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(benchmark.main, ["nist", f"--data_dir={data_dir}", f"--json={tmp_path / 'numbers.json'}", "--debug"]) == 0
    printed = capsys.readouterr().out
    assert "DanWood, start 1" in printed and "≥ 6 digits, of 2" in printed
    section = json.loads((tmp_path / "numbers.json").read_text())["sections"]["nist"]
    methods = [*OURS, *SCIPY, *(TORCH_LM if optional_peers.has("torch_levenberg_marquardt") else ())]
    assert [found["method"] for found in section["runs"]] == 2 * methods
    for found in section["runs"]:
        assert found["digits"] >= 6 and found["reports_success"] and found["message"] == "", found
        assert 0 < found["steps"] <= found["evaluations"]
    assert [row["peer"] for row in section["rows"]] == methods[len(OURS) :]
    assert all(len(row["ours"]) == len(row["theirs"]) == 2 for row in section["rows"])


def test_without_the_rival_one_line_says_how_to_get_it(data_dir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_peers, "find_spec", lambda module: None)
    given = list(nist.fit_certified_curves(data_dir))
    remark = "torch-levenberg-marquardt is not installed, so nothing is compared with it: pip install '.[bench]'"
    assert remark in given
    assert {found.method for found in given if isinstance(found, CertifiedRun)} == {*OURS, *SCIPY}


def stuck(problem: NistProblem, start: Tensor) -> Fit:
    """Looks once and calls the start the answer."""
    problem.residuals(start)
    return Fit(start, True, 1)


def broken(problem: NistProblem, start: Tensor) -> Fit:
    raise RuntimeError("it is singular\nand more")


def test_what_is_wrong_is_told(data_dir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative controls: a method that calls a wrong answer right, and one that ends with an error."""
    rivals: dict[str, Fitter] = {"stuck": stuck, "broken": broken, "scipy": partial(by_scipy, method="lm")}
    monkeypatch.setattr(nist, "SCIPY", rivals)
    monkeypatch.setattr(nist, "has", lambda module: False)
    given = list(nist.fit_certified_curves(data_dir))
    runs = [found for found in given if isinstance(found, CertifiedRun)]
    lines = {cells[0]: cells[1:] for cells in summary_cells(runs)}
    assert lines["stuck"] == ("0", "2", "1", "1") and lines["broken"] == ("0", "0", "0", "0")
    assert lines["scipy"][:2] == lines["Newton, Hessian"][:2] == ("2", "0")
    assert {found.message for found in runs if found.method == "broken"} == {"RuntimeError: it is singular"}
    assert [found.peer for found in given if isinstance(found, BenchmarkRow)] == ["scipy"], "no time of a wrong answer"
    assert sum("stuck are right on no problem together" in str(found) for found in given) == 1


def test_the_tables_of_runs() -> None:
    plain: dict[str, Any] = {"method": "A", "digits": 7.25, "reports_success": True, "steps": 3, "evaluations": 9}
    runs = [CertifiedRun(problem="p", **plain), CertifiedRun(problem="q", **plain | {"digits": 1.0, "evaluations": 10})]
    assert summary_headings(runs)[1] == "≥ 6 digits, of 2"
    assert summary_cells(runs) == [("A", "1", "1", "3", "9.5")]
    assert run_cell(runs[0]) == "7.2 (3/9)"
    assert run_cell(CertifiedRun(problem="p", **plain | {"reports_success": False})) == "7.2? (3/9)"


def test_files_that_are_not_there_end_the_section(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(benchmark.main, ["nist", f"--data_dir={tmp_path}"]) == 1
    assert "Misra1a.dat" in capsys.readouterr().err.splitlines()[-1]
