"""What the README says is measured is what the files of the measurements hold, written beside the tables of docs/."""

import json
import re
from typing import Any

from tests.conftest import ROOT

README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
PERFORMANCE = json.loads((ROOT / "docs" / "performance.json").read_text(encoding="utf-8"))["sections"]
RESULTS = json.loads((ROOT / "docs" / "results.json").read_text(encoding="utf-8"))["systems"]
WORDS = ("no", "one", "two", "three", "four", "five")


def ratio(section: str, case: str, peer: str = "") -> float:
    (row,) = (row for row in PERFORMANCE[section]["rows"] if row["case"] == case and row["peer"].startswith(peer))
    found: float = row["ratio"]
    return found


def test_linear_models() -> None:
    large = ratio("glm", "1 000 000 × 50: Newton")
    assert f"1 000 000 × 50 in {large:.2f} of the time of scikit-learn's fastest solver" in README
    iris, cancer = (WORDS[round(ratio("glm", f"{name}: Newton"))] for name in ("Iris", "breast cancer"))
    times = f"about {iris}" if iris == cancer else f"{iris} to {cancer}"
    assert f"such as Iris and breast cancer scikit-learn is {times} times as fast as the bare optimiser" in README


def test_least_squares() -> None:
    runs: list[dict[str, Any]] = PERFORMANCE["nist"]["runs"]

    def reached(method: str) -> int:
        return sum(run["method"] == method and run["digits"] >= 6 for run in runs)

    newton, loose, tight = map(reached, ("Newton, Gauss–Newton matrix", "scipy lm", "scipy lm, tight"))
    assert newton == sum(run["method"] == "scipy lm" for run in runs), "all of them"
    assert f"At least six digits in all {newton} of NIST's certified runs; SciPy's `lm` reaches {loose} at its" in README
    assert f"and {tight} with tight tolerances" in README


def test_diagonals() -> None:
    rows = [row for row in PERFORMANCE["diagonal"]["rows"] if row["case"].startswith("Gauss–Newton, ")]
    convolutional = [row for row in rows if "32 × 32" in row["case"]]
    dense = [row for row in rows if row not in convolutional]

    def ratios(rows: list[dict[str, Any]], peer: str) -> tuple[float, float]:
        found = [row["ratio"] for row in rows if row["peer"] == peer]
        return min(found), max(found)

    assert "through dense networks for two to three gradients, in five to six tenths of BackPACK's time" in README
    (fewest, most), (least, longest) = ratios(dense, "one gradient"), ratios(dense, "BackPACK")
    assert 1.5 < fewest < most < 3 and 0.45 < least < longest < 0.65
    assert "through convolutions for five to seven, in five to nine tenths of it" in README
    (fewest, most), (least, longest) = ratios(convolutional, "one gradient"), ratios(convolutional, "BackPACK")
    assert 5 <= fewest < most < 7.5 and 0.45 < least < longest < 0.95


def test_systems() -> None:
    figures = [figure for system in RESULTS.values() for figure in system["figures"]]
    assert all(figure["verdict"] == "ok" for figure in figures) and len(RESULTS) == 16
    assert f"Sixteen were run again; all {len(figures)} figures are as expected" in README


def test_networks() -> None:
    """Of the tables in docs/comparisons.md, the dense network's first."""
    text = (ROOT / "docs" / "comparisons.md").read_text(encoding="utf-8")
    dense, convolutional = (
        100 * float(score) for score in re.findall(r"^\| \*\*Kronecker Newton\*\* \| \**(0\.\d+)", text, re.MULTILINE)
    )
    assert f"reaches {convolutional:.2f} % with a small convolutional network" in README
    assert f"{dense:.1f} % with 784-64-64-10" in README
