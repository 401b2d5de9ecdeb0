"""The table of the benchmark in docs/, and a run of several sections of which one fails."""

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import benchmark
import pytest
from command_line.one_line_errors import run
from evidence.benchmarks import performance
from evidence.benchmarks.certified_run import CertifiedRun
from evidence.benchmarks.performance import performance_block
from evidence.benchmarks.row import BenchmarkRow
from evidence.benchmarks.sections import SECTIONS, Given, Section
from evidence.page_tables import block

WON = BenchmarkRow("a | b", "s", "them", (1.0, 2.0, 2.0, 2.0, 3.0), (4.0,) * 5)
LOST = BenchmarkRow("c", "images/s", "them", (10.0,) * 5, (2000.0,) * 5, more_is_better=True)
NEVER = BenchmarkRow("d", "s", "them", (float("inf"),) * 5, (2.0,) * 5)
FLOOR = BenchmarkRow("e", "s", "a bare loop", (1.0,) * 5, (4.0,) * 5, role="floor")
NOISY = BenchmarkRow("f", "s", "them", (1.0, 9.0, 2.0, 3.0, 0.5), (2.0,) * 5)
FEW = BenchmarkRow("g", "s", "them", (1.0,), (2.0,))
PAGE = "x\n<!-- performance: begin, written by y -->\nold\n<!-- performance: end -->\nz\n"


def section(*given: Given, error: Exception | None = None) -> Callable[[str], Iterator[Given]]:
    def measure(_: str) -> Iterator[Given]:
        yield from given
        if error is not None:
            raise error

    return measure


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "performance.md").write_text(PAGE)
    monkeypatch.setattr(performance, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(performance, "PERFORMANCE", tmp_path / "performance.json")
    for name in set(SECTIONS) - {"glm", "gpu", "memory"}:
        monkeypatch.delitem(SECTIONS, name)
    for name, rows in (("glm", (WON, "a remark")), ("gpu", ("skipped",)), ("memory", (LOST, NEVER, FLOOR, NOISY, FEW))):
        monkeypatch.setitem(SECTIONS, name, Section(section(*rows), len(rows), ("scikit-learn", "no-such-library")))
    return tmp_path


def test_losses_are_in_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(benchmark.main, ["all", "--update_docs", "--debug"]) == 0
    assert "glm: a remark" in capsys.readouterr().out
    text = (folder / "performance.md").read_text()
    for line in (
        "| case | ours | theirs | peer | ours ÷ theirs | by CPU time | both answers |",
        "| **glm** |  |  |  |  |  |  |",
        "| a \\| b | **2 s (1 … 3)** | 4 s (4 … 4) | them | 0.5 (0.25 … 0.75) | – | – |",
        "| c | 10 images/s (10 … 10) | **2,000 images/s (2,000 … 2,000)** | them | 0.005 (0.005 … 0.005) | – | – |",
        "| d | ∞ s (∞ … ∞) | **2 s (2 … 2)** | them | ∞ (∞ … ∞) | – | – |",
        "| e | 1 s (1 … 1) | 4 s (4 … 4) | a bare loop (a floor) | 0.25 (0.25 … 0.25) | – | – |",
        "| f | 2 s (0.5 … 9) | 2 s (2 … 2) | them | too noisy | – | – |",
        "| g | 1 s (1 … 1) | 2 s (2 … 2) | them | 0.5, of 1 pair | – | – |",
        "Of 5 rows beside rivals ours is better in 1 and worse in 2, in 0 the interval of the ratio holds 1, and 2 are not "
        "counted: 1 too noisy, 1 of fewer than five pairs. 1 rows beside floors",
        "`docs/performance.json` has every measurement.",
        "- glm: a remark",
    ):
        assert line in text
    assert text.startswith("x\n") and text.endswith("<!-- performance: end -->\nz\n") and "gpu" not in text
    kept = json.loads((folder / "performance.json").read_text())["sections"]
    assert kept["glm"]["rows"][0]["ours"] == [1.0, 2.0, 2.0, 2.0, 3.0]
    assert all(kept["glm"][name] for name in ("machine", "date", "commit"))
    assert set(kept["glm"]["versions"]) == {"python", "torch", "pytorch-lightning", "scikit-learn"}


def test_runs_with_a_certified_answer_are_a_table_of_their_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = CertifiedRun("p", "A | B", 7.0, True, 3, 9), CertifiedRun("q", "A | B", 1.0, True, 5, 11)
    monkeypatch.setitem(SECTIONS, "memory", Section(section(*given, "what counts"), 2))
    assert run(benchmark.main, ["all", "--update_docs", "--debug"]) == 0
    text = (folder / "performance.md").read_text()
    headings = "| method | ≥ 6 digits, of 2 | < 4 digits though it reports success | median steps | median evaluations |"
    assert f"(`memory`):\n\n{headings}\n| --- | --- | --- | --- | --- |\n| A \\| B | 1 | 1 | 4 | 10 |\n" in text
    assert (
        "Of 1 rows beside rivals ours is better in 1 and" in text
        and "- memory: what counts" in text
        and "**memory**" not in text
    )
    kept = json.loads((folder / "performance.json").read_text())["sections"]
    assert [found["digits"] for found in kept["memory"]["runs"]] == [7.0, 1.0] and "runs" not in kept["glm"]


def test_a_section_measured_alone_replaces_its_own_rows_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(benchmark.main, ["all", "--update_docs"]) == 0
    monkeypatch.setitem(SECTIONS, "memory", Section(section(WON), 1))
    assert run(benchmark.main, ["memory", "--update_docs"]) == 0
    text = (folder / "performance.md").read_text()
    assert "**glm**" in text and "images/s" not in text and "Of 2 rows beside rivals ours is better in 2 and" in text


def test_what_fails_does_not_keep_the_others_from_being_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SECTIONS, "glm", Section(section(WON, error=ArithmeticError("they differ")), 2))
    assert run(benchmark.main, ["all", "--json=numbers.json", "--update_docs"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: glm stopped: they differ"
    numbers = json.loads((folder / "numbers.json").read_text())["sections"]
    assert len(numbers["memory"]["rows"]) == 5 and numbers["gpu"]["remarks"] == ["skipped"]
    assert "**glm**" not in (folder / "performance.md").read_text(), "half a section is not shown"


def test_one_section_that_fails_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SECTIONS, "glm", Section(section(WON, error=OSError("no data")), 2))
    assert run(benchmark.main, ["glm", "--json=numbers.json", "--update_docs"]) == 1
    assert [path.name for path in folder.iterdir()] == ["performance.md"] and (folder / "performance.md").read_text() == PAGE


def test_nothing_to_show_leaves_the_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(benchmark.main, ["gpu", "--update_docs"]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == "error: docs/performance.md stays as it is: no section ran to its end with rows to show"
    assert [path.name for path in folder.iterdir()] == ["performance.md"] and (folder / "performance.md").read_text() == PAGE


def test_a_page_without_the_block_is_refused_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "performance.md").write_text("x\n")
    monkeypatch.setitem(SECTIONS, "glm", Section(section(error=AssertionError("it was run")), 2))
    with pytest.raises(ValueError, match="there must be one"):
        benchmark.main(["glm", "--update_docs"])


def test_warnings_of_other_libraries_do_not_stand_between_the_tables(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def measure(_: str) -> Iterator[Given]:
        warnings.warn("a library has something to say", stacklevel=1)
        yield WON

    monkeypatch.setitem(SECTIONS, "glm", Section(measure, 1))
    assert run(benchmark.main, ["glm"]) == 0
    assert "something to say" not in "".join(capfd.readouterr())


def test_each_place_day_and_commit_is_named() -> None:
    entry = {"rows": [WON.plain()], "remarks": [], "machine": "2 cores", "date": "2025-01-01"}
    later = {**entry, "commit": "abc", "versions": {"torch": "2.9", "python": "3.13"}}
    shown = performance_block({"glm": entry, "memory": entry, "gpu": later})
    assert (
        "Measured: glm, memory on 2 cores, 2025-01-01, before commits were recorded; "
        "gpu on 2 cores, 2025-01-01, commit abc (python 3.13)." in shown
    )


def test_the_page_shows_what_was_measured() -> None:
    """`python scripts/benchmark.py all --data_dir data --update_docs` writes both."""
    sections = json.loads(performance.PERFORMANCE.read_text(encoding="utf-8"))["sections"]
    text = performance.PAGE.read_text(encoding="utf-8")
    assert block(text, "performance") == performance_block(sections)
    sections["glm"]["commit"] = "another"
    assert block(text, "performance") != performance_block(sections), "negative control: another commit is another block"
