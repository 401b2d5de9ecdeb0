"""A program that was told nothing lists what can be named, each with its title."""

from collections.abc import Callable
from types import ModuleType

import compare
import pytest
import reproduce
from command_line.one_line_errors import run
from comparing.comparison_file import COMPARISONS, comparison_titles
from evidence.systems import SYSTEMS


@pytest.mark.parametrize(
    "program, titles",
    [(compare, comparison_titles), (reproduce, lambda: {system.number: system.title for system in SYSTEMS})],
    ids=["compare", "reproduce"],
)
def test_bare_they_list_names_with_titles(
    program: ModuleType, titles: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(program.main, []) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "--help lists the options" in lines[-1] and max(map(len, lines)) <= 80
    found = dict(line.split(maxsplit=1) for line in lines[1:-1])
    assert found == titles()


def test_every_comparison_has_a_title() -> None:
    assert comparison_titles().keys() == {path.stem for path in COMPARISONS.glob("*.yaml")}
