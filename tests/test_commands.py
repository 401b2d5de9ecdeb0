"""The commands of the README and of docs/ are understood by the programs they call, and their tables name what there is."""

import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
from command_line.base_config import with_base
from command_line.class_help import asked_help
from command_line.class_names import CLASSES, NO_OPTIMIZERS
from command_line.fit_cli import FitCLI
from command_line.one_line_errors import run
from comparing.comparison_file import comparison_titles
from evidence.titles import SECTION_TITLES, SYSTEM_TITLES

from lightning_modules.optimizers.verdict import Status
from tests.conftest import ROOT
from tests.test_examples import PAGES

NAMES = {"compare": comparison_titles(), "reproduce": {**SYSTEM_TITLES, "all": ""}, "benchmark": {**SECTION_TITLES, "all": ""}}
LEFT_OUT = "…"  # what the reader has to fill in


def commands(text: str) -> set[tuple[str, str]]:
    """Programs of scripts/ with their arguments as text, of the blocks of a page and of its prose."""
    lines = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)).replace("\\\n", " ").splitlines()
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]
    found = [re.search(r"(?:^|scripts/)(\w+)\.py (.+)", line) for line in lines]
    return {(match[1], match[2]) for match in found if match and (ROOT / "scripts" / f"{match[1]}.py").exists()}


ALL = sorted({command for page in PAGES for command in commands(page.read_text(encoding="utf-8"))})


def arguments(typed: str) -> list[str]:
    return [word for word in shlex.split(typed, comments=True) if word != LEFT_OUT]


@pytest.fixture
def no_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options are read in this folder, and nothing is made of them: the table is the reader's, and so is the module."""
    (tmp_path / "my_package.py").write_text(
        "import torch\n\n\nclass Net(torch.nn.Module):\n    def __init__(self, width: int): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(ROOT)
    for makes in ("before_instantiate_classes", "instantiate_classes"):
        monkeypatch.setattr(FitCLI, makes, lambda cli: None)


@pytest.mark.usefixtures("no_objects")
@pytest.mark.parametrize("typed", [typed for program, typed in ALL if program == "fit"])
def test_a_fit_understands(typed: str) -> None:
    args = arguments(typed)
    if asked_help(args) is None:
        FitCLI(with_base(args))


@pytest.mark.parametrize(("program", "typed"), [command for command in ALL if command[0] != "fit"])
def test_a_program_has_the_options(program: str, typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(import_module(program).main, ["--help"])
    known = set(re.findall(r"^  (--\w+)", capsys.readouterr().out, re.MULTILINE))
    for position, word in enumerate(arguments(typed)):
        if word.startswith("--"):
            assert word.partition("=")[0] in known
        elif position == 0 and program in NAMES:
            assert word in NAMES[program]


def test_commands_are_found() -> None:
    """Negative control of the tests above."""
    assert {program for program, _ in ALL} > {"fit", "predict", "export", "compare", "reproduce", "benchmark"}
    assert len(ALL) > 30


@pytest.mark.parametrize("page", ["README.md", "docs/command_line.md"])
def test_the_tables_of_parts_name_every_class(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for place in ("data", "model"):
        (row,) = re.findall(rf"^\| `--{place}` \|.*$", text, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", row)) >= set(CLASSES[place]())
    (row,) = re.findall(r"^\| `--model.optimizer` \|.*$", text, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", row))
    assert named - NO_OPTIMIZERS <= {name.rpartition(".")[2] for name in CLASSES["optimizer"]()}
    assert named >= {name for name in CLASSES["optimizer"]() if "." not in name}


@pytest.mark.parametrize("page", ["README.md", "docs/verdicts.md"])
def test_the_tables_of_endings_name_every_status(page: str) -> None:
    table = (ROOT / page).read_text(encoding="utf-8").partition("| status | means |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(get_args(Status))
