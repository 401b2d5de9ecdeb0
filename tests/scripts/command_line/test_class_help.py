"""Help on the classes of each place."""

import re

import pytest
from command_line.class_help import PLACES, explained, listed
from command_line.class_names import CLASSES
from command_line.one_line_errors import run
from fit import main

from tests.scripts.command_line.printed import error_line


@pytest.mark.parametrize("place", PLACES)
def test_a_bare_help_lists_what_can_be_named(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = listed(place)
    names = [name.rpartition(".")[2] for name in CLASSES[place.rpartition(".")[2]]()]
    assert re.findall(r"^  (\w+) +\S", page, re.MULTILINE) == names, "each with what it is"
    assert max(map(len, page.splitlines())) <= 80
    assert not re.search(r"Abstract|[`<>]|:class:", page)


@pytest.mark.parametrize("place", PLACES)
def test_each_class_is_explained_by_the_options_that_are_typed(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in CLASSES[place.rpartition(".")[2]]():
        page = explained(place, name)
        options = re.findall(r"^  (--\S+)", page, re.MULTILINE)
        assert all(option.startswith(f"--{place}.") for option in options), name
        assert not {"--model.num_features", "--trainer.logger.purge_step", "--model.optimizer.params"} & set(options)
        assert "init_args" not in page and "known subclasses" not in page
        assert max(map(len, page.splitlines()[2:])) <= 80


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--data.help"], "TabularDataModule"),
        (["--model.optimizer.help"], "SubsampledNewton"),
        (["--model.optimizer.help", "Newton"], "--model.optimizer.damping"),
        (["--model.help=lightning_modules.MLP"], "--model.widths"),
        (["--trainer.strategy.help"], "NAME is one of auto, ddp,"),
        (["--trainer.accelerator.help"], "NAME is one of auto, "),
        (["--trainer.logger.help=CSVLogger"], "version_N, the next"),
        (["--trainer.max_epochs=3", "--trainer.callbacks.help=EarlyStopping"], "--trainer.callbacks.patience"),
    ],
)
def test_from_the_command_line(capsys: pytest.CaptureFixture[str], args: list[str], says: str) -> None:
    assert run(main, args) == 0
    printed = capsys.readouterr()
    assert says in printed.out
    assert not printed.err


def test_an_unknown_class_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, ["--trainer.callbacks.help=EarlyStoping"]) == 2
    assert "no class 'EarlyStoping' (did you mean EarlyStopping?)" in error_line(capsys)
