"""The help of every program is a screen of 80 columns, in plain words, and said before anything heavy is imported."""

import re
from pathlib import Path

import pytest
from command_line.one_line_errors import CommandLineError
from command_line.program_parser import ProgramParser

from tests.conftest import ROOT
from tests.scripts.without_torch import started_without_torch

# What these list comes from modules that import torch.
HEAVY = ("benchmark.py", "reproduce.py")
LIGHT = sorted({path.name for path in (ROOT / "scripts").glob("*.py")} - set(HEAVY))


@pytest.mark.parametrize("program", LIGHT)
def test_help_is_said_at_once(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = started_without_torch(program, ["--help"], tmp_path)
    assert ran.returncode == 0 and not ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[0].startswith(f"usage: {program} ")
    assert max(map(len, lines)) <= 80 and len(lines) <= 40
    assert not re.search(r"type: |null\)|False|True|SUPPRESS|lists the options", ran.stdout)


@pytest.mark.parametrize("program", ["predict.py", "export.py"])
def test_bare_a_program_that_needs_files_shows_its_help(program: str, tmp_path: Path) -> None:
    ran = started_without_torch(program, [], tmp_path)
    assert ran.returncode == 0 and ran.stdout.startswith(f"usage: {program} --ckpt CKPT ")


@pytest.mark.parametrize("program", sorted(set(LIGHT) - {"fit.py"}))
def test_an_unknown_option_is_refused_at_once(program: str, tmp_path: Path) -> None:
    ran = started_without_torch(program, ["--outputs=x"], tmp_path)
    assert ran.returncode == 2 and ran.stderr.startswith("error: ") and len(ran.stderr.splitlines()) == 1


def made() -> ProgramParser:
    parser = ProgramParser("bake.py", "Bake bread. `--help` lists the options.\n\nFor those who read the code.")
    parser.add_argument("flour", help="What of.")
    parser.add_argument("--heat", type=int, required=True, help="Of the oven.")
    parser.add_argument("--form", choices=["loaf", "roll"], default="loaf", help="How.")
    parser.add_argument("--seeds", type=list[str], default=[], help="Above.")
    parser.add_argument("--salt", action="store_true", help="Well-known.")
    return parser


def test_what_is_needed_comes_first_and_defaults_are_told_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "66")
    text = made().format_help()
    assert re.sub(r" {2,}", "  ", text).splitlines() == [
        "usage: bake.py FLOUR --heat HEAT [OPTION ...]",
        "",
        "Bake bread.",
        "",
        "  FLOUR  What of.",
        "  --heat HEAT  Of the oven.",
        "  --form NAME  How. One of loaf, roll. (default: loaf)",
        "  --seeds [ITEM,...]  Above.",
        "  --salt  Well-known.",
        "  --help  Show this page.",
        "  --version  Show the version.",
    ]


@pytest.mark.parametrize(("args", "said"), [([], "flour and --heat"), (["rye"], "--heat"), (["--heat=3"], "flour")])
def test_what_is_missing_is_named_as_it_is_typed(args: list[str], said: str) -> None:
    with pytest.raises(CommandLineError, match=f"^{said} (is|are) missing; --help explains what to give$"):
        made().parse_args(args)
