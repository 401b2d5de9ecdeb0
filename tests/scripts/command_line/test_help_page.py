"""`fit.py --help` is one screen and names what there is; `--trainer.help` has the options of the Trainer."""

import inspect
import re
import shlex

import pytest
from command_line.class_help import GROUPS, asked_help
from command_line.class_names import CLASSES
from command_line.fit_cli import FitCLI
from command_line.help_page import EXAMPLES, OWN, WIDTH, first_help, page
from fit import main
from pytorch_lightning import Trainer

MOST_LINES = 40
# Of the parser's own, on every program of Lightning.
COMMON = {"help", "print_config", "print_shtab", "version", "config"}


def test_it_fits_on_a_screen() -> None:
    lines = page().splitlines()
    assert len(lines) <= MOST_LINES and max(map(len, lines)) <= WIDTH


def test_it_names_every_class_and_option_there_is() -> None:
    named = ["--data=IrisDataModule", "--model=SoftmaxRegression", "--model.optimizer=Newton", "--trainer.logger=false"]
    parser = FitCLI(named).parser
    options = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    own = {option.removeprefix("--") for option in options if not re.match(r"--(data|model|trainer)\b", option)}
    groups = {option for option in own if any(other.startswith(f"{option}.") for other in own)}
    listed = {option.split()[0].removeprefix("--") for option in OWN}
    asked = {option for option in own - groups - COMMON if not option.endswith((".help", "+"))}
    # Several of one group stand there as one, with a page of their own.
    grouped = {name.removesuffix(".OPTION") for name in listed if name.endswith(".OPTION")}
    assert {name for name in listed if not name.endswith(".OPTION")} == {
        option for option in asked if option.split(".")[0] not in grouped
    } | {"config"}
    assert grouped <= groups & set(GROUPS)
    assert all(name in page() for name in (*CLASSES["model"](), *CLASSES["data"]()))


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_either_flag_shows_it_and_nothing_is_run(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--data=Nonsense", flag])
    assert capsys.readouterr().out.strip() == page().strip()
    assert first_help(["--data=IrisDataModule"]) is None


def test_its_examples_are_understood() -> None:
    commands = EXAMPLES.replace("\\\n", " ").splitlines()
    assert len(commands) == 3
    # The first is looked up by its name, which has tests of its own; the second needs the reader's table.
    assert FitCLI([*shlex.split(commands[2])[1:], "--trainer.logger=false"]).config.trainer.max_epochs == 200


def test_the_trainers_options_are_all_there_with_the_defaults_of_a_run() -> None:
    text = asked_help(["--trainer.help"])
    assert text is not None
    assert all(f"--trainer.{name}" in text for name in inspect.signature(Trainer).parameters if name != "self")
    (epochs,) = re.findall(r"  --trainer\.max_epochs .*(?:\n {6,}.*)*", text)
    assert re.search(r"default:\s+100\)$", epochs)
    assert "--model" not in text and "--trainer.strategy.help" not in text
