"""The published systems run again: what is printed, written, compared, refused."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from command_line.one_line_errors import run
from evidence import systems
from evidence.page_tables import block
from evidence.systems import SYSTEMS, Claim, Context, Data, Outcome, System, results_file
from evidence.systems.expectation import rounded
from evidence.systems.results_file import results_block
from evidence.titles import SYSTEM_TITLES
from reproduce import main

from tests.idx_files import write_mnist

NUMBERS = [f"S{number}" for number in range(1, 17)]


def made_up(number: str, obtained: float) -> System:
    claim = Claim("a number", "3.14", rounded("3.14"), obtained)
    return System(number, lambda context: Outcome([claim]), wrong="It was 3.", is_exact=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_sixteen_are_there_in_order() -> None:
    assert [system.number for system in SYSTEMS] == NUMBERS


PICTURES = {"S2": 1, "S3": 5, "S7": 5, "S8": 7, "S9": 7, "S10": 5, "S12": 2, "S13": 1, "S14": 1, "S15": 1, "S16": 1}


NEEDING_DATA = [system.number for system in SYSTEMS if system.needs is not None]
# Several seconds each, for their many small fits.
SLOW = {"S3", "S7", "S8", "S9", "S10"}


def checked_page(folder: Path, number: str) -> None:
    """Hold what a quick run of one system left in a folder against what the system says of itself."""
    (system,) = (system for system in SYSTEMS if system.number == number)
    (result,) = json.loads((folder / "results.json").read_text())["systems"].values()
    page = (folder / "index.html").read_text()
    assert result["number"] == number and result["figures"], result["verdict"]
    assert {figure["verdict"] for figure in result["figures"]} == {"ok" if system.is_exact else "–"}
    assert f"<h2>{number} " in page and html.escape(system.wrong) in page
    # A run may have pictures of its own, beside its logs.
    pictures = [path.name for path in (folder / number).rglob("*.png") if "logs" not in path.parts]
    assert len(pictures) == PICTURES.get(number, 0)
    assert set(system.page_pictures) <= set(pictures)
    drawn, said = [name for name in pictures if name != "overview.png"], re.findall(r'alt="([^"]*)"', page)
    assert len(said) == len(drawn) and all(len(text) > 20 for text in said), "what each shows, not what its file is called"
    assert "<title>1 published system, run again</title>" in page and "\x1b" not in page
    assert not re.search(r"(src|href)=\"(?!data:)", page), "the page needs no other file"


@pytest.mark.parametrize(
    "number", [pytest.param(number, marks=pytest.mark.slow if number in SLOW else ()) for number in NUMBERS if number != "S12"]
)
def test_quick_run(number: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every system's short form, on files like MNIST's."""
    write_mnist(folder / "data")
    assert run(main, [number, "--quick", "--output=out"]) == 0, capsys.readouterr().err
    checked_page(folder / "out", number)
    assert {path.name for path in folder.iterdir()} == {"data", "out"}, "logs stay with the page"


@pytest.mark.slow
@pytest.mark.parametrize("number", NEEDING_DATA)
def test_quick_run_on_the_real_data(number: str, folder: Path, data_dir: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, [number, "--quick", f"--data_dir={data_dir}", "--output=out"]) == 0, capsys.readouterr().err
    checked_page(folder / "out", number)
    figures = json.loads((folder / "out" / "results.json").read_text())["systems"][number]["figures"]
    if number == "S12":
        values = {figure["name"]: figure["value"] for figure in figures}
        assert values["test MAE of the training median"] == pytest.approx(0.8826, abs=5e-5)


def test_what_lacks_its_data_lets_the_others_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, ["S12", "S14", "--quick", "--output=out"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "S12 A network on California housing: needs California housing, which is not in data" in out
    assert "S14 Functions as ReLU networks: all 2 ok" in out
    results = json.loads((folder / "out" / "results.json").read_text())["systems"]
    assert {number: bool(result["figures"]) for number, result in results.items()} == {"S12": False, "S14": True}
    assert "No numbers." in (folder / "out" / "index.html").read_text()


def test_a_number_that_is_wrong_fails_the_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(systems, "SYSTEMS", (made_up("S1", 3.141), made_up("S2", 3.2), made_up("S3", float("nan"))))
    assert run(main, ["S1"]) == 0
    assert run(main, ["all"]) != 0
    out, error = capsys.readouterr()
    assert f"S1 {SYSTEM_TITLES['S1']}: all 1 ok" in out and f"S2 {SYSTEM_TITLES['S2']}: 1 of 1 NOT ok" in out
    assert "It was 3." in out, "what was wrong stands beside its row"
    assert error.strip() == "error: not as expected: S2 a number: 3.2000; S3 a number: nan"
    assert "NOT ok" in (folder / "reports/reproduce/version_1/index.html").read_text()


def test_a_system_that_stops_lets_the_others_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(context: Context) -> Outcome:
        raise ValueError("the file is damaged")

    monkeypatch.setattr(systems, "SYSTEMS", (replace(made_up("S1", 3.14), run=stop), made_up("S2", 3.14)))
    assert run(main, ["all"]) != 0
    out, error = capsys.readouterr()
    assert f"S2 {SYSTEM_TITLES['S2']}: all 1 ok" in out
    assert error.strip() == "error: not as expected: S1 stopped: the file is damaged"


@pytest.mark.parametrize(
    ("args", "cause"),
    [
        (["S17"], "there is no system 'S17' "),
        (["--quick"], "systems"),
        (["S3", "--data_dir=nowhere"], "--data_dir=nowhere: there is no such folder"),
        (["S9"], "nothing could be run: S9 needs MNIST, which is not in data"),
        (["S3", "--quick", "--long"], "--quick and --long exclude each other"),
        (["S3", "--quick", "--update_docs"], "exclude each other"),
        (["S3", "--fast"], "there is no option --fast"),
    ],
)
def test_refusals_are_one_line(args: list[str], cause: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, args) != 0
    error = capsys.readouterr().err
    assert cause in error
    assert error.strip().count("\n") == 0


def test_update_merges_into_results_and_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    markers = "before\n<!-- results: begin, written by x -->\nold\n<!-- results: end -->\nafter\n"
    for name, value in (("PAGE", folder / "results.md"), ("DOCS", folder), ("RESULTS", folder / "results.json")):
        monkeypatch.setattr(results_file, name, value)
    Path("results.md").write_text(markers)
    made = tuple(made_up(number, 3.14) for number in ("S1", "S2"))
    monkeypatch.setattr(systems, "SYSTEMS", made)
    for name in ("S2", "S1"):
        assert run(main, [name, "--update_docs"]) == 0
    results = json.loads(Path("results.json").read_text())
    assert list(results["systems"]) == ["S1", "S2"]
    text = Path("results.md").read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert block(text, "results") == results_block(results)
    needing = replace(made[0], needs=Data.MNIST)
    monkeypatch.setattr(systems, "SYSTEMS", (needing, made[1]))
    assert run(main, ["all", "--update_docs"]) != 0
    assert "docs/results.md stays as it is: S1 needs MNIST" in capsys.readouterr().err
    assert Path("results.md").read_text() == text


def test_the_page_shows_what_the_results_are() -> None:
    """`python scripts/reproduce.py all --data_dir data --update_docs` writes both."""
    results, text = json.loads(results_file.RESULTS.read_text(encoding="utf-8")), results_file.PAGE.read_text(encoding="utf-8")
    assert block(text, "results") == results_block(results)
    assert list(results["systems"]) == NUMBERS
    pictures = {file for system in results["systems"].values() for file in system["pictures"]}
    assert pictures and pictures == {path.name for path in results_file.DOCS.glob("systems_*.png")}
    figure = results["systems"]["S3"]["figures"][0]
    figure["obtained"] = "0.1153"
    assert block(text, "results") != results_block(results), "negative control: another number is another block"
