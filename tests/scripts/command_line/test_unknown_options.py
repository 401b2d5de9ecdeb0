"""Options that do not exist are refused at once, in the words of the parser of the fit; all that it knows are passed."""

import inspect
from pathlib import Path

import pytest
from command_line.fit_cli import FitCLI
from command_line.one_line_errors import CommandLineError
from command_line.unknown_options import refuse_unknown_options, trainer_options
from pytorch_lightning import Trainer

from tests.scripts.without_torch import started_without_torch

WRONG = {
    "--nosuch=3": "there is no option --nosuch; --help lists them",
    "--modle=MLP": "there is no option --modle (did you mean --model?); --help lists them",
    "--seed_everythin=1": "there is no option --seed_everythin (did you mean --seed_everything?); --help lists them",
    "--trainer.max_epoch=3": "there is no option --trainer.max_epoch (did you mean --trainer.max_epochs?); --help lists them",
}
RIGHT = [
    *("--debug", "--config=a.yaml", "--model.optimizer.lr=1", "--data.nosuch=1", "--print_config", "--version"),
    *("--trainer.callbacks=[]", "--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/loss"),
    *("--trainer.logger.init_args.name=--x", "--trainer.help", "--model.help=MLP"),
]


@pytest.mark.parametrize("option", WRONG)
def test_a_wrong_option_is_refused_before_torch(option: str, tmp_path: Path) -> None:
    done = started_without_torch("fit.py", [option], tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {WRONG[option]}\n")


@pytest.mark.parametrize("option", WRONG)
def test_the_parser_of_the_fit_has_the_same_words(option: str) -> None:
    with pytest.raises(CommandLineError) as found:
        FitCLI(["--data=IrisDataModule", "--model=SoftmaxRegression", option])
    assert str(found.value) == WRONG[option]


@pytest.mark.parametrize("option", RIGHT)
def test_what_may_exist_is_left_to_the_parser(option: str) -> None:
    refuse_unknown_options([option])
    refuse_unknown_options(["--ckpt_path", "--strange"])


def test_the_options_of_the_trainer_are_those_that_it_takes() -> None:
    assert trainer_options() == list(inspect.signature(Trainer.__init__).parameters)[1:]
