"""A program that was told nothing lists what can be named, each with its title, and all it says at once needs no torch."""

from pathlib import Path

import pytest
from comparing.comparison_file import COMPARISONS, comparison_titles
from evidence.benchmarks.sections import SECTIONS
from evidence.systems import SYSTEMS
from evidence.titles import SECTION_TITLES, SYSTEM_TITLES

from tests.scripts.without_torch import started_without_torch

TITLES = {"compare.py": comparison_titles(), "reproduce.py": SYSTEM_TITLES, "benchmark.py": SECTION_TITLES}


@pytest.mark.parametrize("program", TITLES)
def test_bare_they_list_names_with_titles(program: str, tmp_path: Path) -> None:
    done = started_without_torch(program, [], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "--help lists the options" in lines[-1] and max(map(len, lines)) <= 80
    assert dict(line.split(maxsplit=1) for line in lines[1:-1]) == TITLES[program]


USAGES = {"benchmark.py": "usage: benchmark.py [SECTION] [OPTION ...]\n", "compare.py": "usage: compare.py NAME [OPTION ...]\n"}


@pytest.mark.parametrize("program", [*TITLES, "fit.py", "predict.py", "export.py"])
def test_help_needs_no_torch(program: str, tmp_path: Path) -> None:
    done = started_without_torch(program, ["--help"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(USAGES.get(program, f"usage: {program} ")) and "--debug" in done.stdout


REFUSED = {
    "compare.py": (
        "irsi",
        1,
        "there is no comparison 'irsi' (did you mean iris?): choose among algoperf_mnist, breast_cancer, ",
    ),
    "reproduce.py": ("S33", 2, "there is no system 'S33' (did you mean S3?): choose among S1, "),
    "benchmark.py": ("memroy", 2, "there is no section 'memroy' (did you mean memory?): choose among glm, "),
}


@pytest.mark.parametrize("program", REFUSED)
def test_a_name_that_there_is_not_is_refused_before_torch(program: str, tmp_path: Path) -> None:
    name, code, says = REFUSED[program]
    done = started_without_torch(program, [name], tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"error: {says}") and done.stderr.count("\n") == 1


def test_each_has_a_title() -> None:
    assert comparison_titles().keys() == {path.stem for path in COMPARISONS.glob("*.yaml")}
    assert list(SECTION_TITLES) == list(SECTIONS)
    assert list(SYSTEM_TITLES) == [system.number for system in SYSTEMS]
