"""A class that does not exist is refused before torch is imported, in the words of the fit; what exists is left to the fit."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from command_line.base_config import with_base
from command_line.class_names import CLASSES, NO_CALLBACKS, NO_OPTIMIZERS
from command_line.exported_names import exported
from command_line.fit_cli import FitCLI
from command_line.one_line_errors import one_line
from command_line.unknown_classes import refuse_unknown_classes
from pytorch_lightning import Callback, LightningDataModule, callbacks, loggers, profilers
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.loggers import Logger

from lightning_modules import ObjectiveModule
from tests.scripts.without_torch import started_without_torch

MISTYPED = "data: {class_path: IrisDataModule}\nmodel: {class_path: MLP, init_args: {optimizer: {class_path: Neton}}}\n"
REFUSED = {
    "data": (["--data=Irsi"], "--data: there is no class 'Irsi' (did you mean IrisDataModule?); choose among Breast"),
    "model": (["--model", "LogisticRegresion"], "'LogisticRegresion' (did you mean LogisticRegression?); choose among CNN"),
    "model's path": (["--model.class_path=Logistic"], "'Logistic' (did you mean LogisticRegression?)"),
    "mapping": (["--model={class_path: MPL}"], "--model: there is no class 'MPL' (did you mean MLP?)"),
    "method": (["--model.optimizer=Neton"], "--model.optimizer: there is no class 'Neton' (did you mean Newton?)"),
    "torch's method": (["--model.optimizer=Adm"], "'Adm' (did you mean torch.optim.Adam?)"),
    "callback": (["--trainer.callbacks=EarlyStoping"], "'EarlyStoping' (did you mean EarlyStopping?)"),
    "logger": (["--trainer.logger", "CSVLoger"], "'CSVLoger' (did you mean CSVLogger?)"),
    "configuration": (["--config=mistyped.yaml"], "--model.optimizer: there is no class 'Neton' (did you mean Newton?)"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mistyped.yaml").write_text(MISTYPED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("args", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_before_torch_in_the_words_of_the_fit(folder: Path, args: list[str], says: str) -> None:
    done = started_without_torch("fit.py", args, folder)
    assert says in done.stderr
    with pytest.raises(ValueError) as later:
        FitCLI(with_base(args))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {one_line(later.value)}\n")


LEFT = {
    "right": ["--data=IrisDataModule", "--model=MLP", "--model.optimizer=SGD", "--trainer.callbacks=Timer"],
    "path": ["--model=mine.Modle"],
    "no class": ["--trainer.logger=false"],
    "several": ["--trainer.callbacks=[EarlyStoping]"],
    "settings of the trainer": ["--trainer.callbacks={class_path: EarlyStoping}"],
    "help": ["--model=Modle", "--model.help"],
    "help on a class": ["--data=Irsi", "--model.help=MLP"],
    "version": ["--model=Modle", "--version"],
    "empty": ["--trainer.callbacks"],
}


@pytest.mark.parametrize("args", LEFT.values(), ids=LEFT.keys())
def test_what_is_not_sure_is_left_to_the_fit(args: list[str]) -> None:
    refuse_unknown_classes(with_base(args))


def descendants(of: type) -> Iterator[type]:
    for each in of.__subclasses__():
        yield each
        yield from descendants(each)


BASES = {
    "--data": LightningDataModule,
    "--model": ObjectiveModule,
    "--model.optimizer": torch.optim.Optimizer,
    "--trainer.callbacks": Callback,
    "--trainer.logger": Logger,
}


@pytest.mark.parametrize("option", BASES)
def test_no_class_is_refused_that_the_parser_finds_by_its_name(option: str) -> None:
    """All that importing the fit has defined."""
    shipped = ("datamodules", "lightning_modules", "callbacks", "command_line", "pytorch_lightning", "torch")
    # Lightning makes a class around every optimizer that it is given.
    known = (each for each in descendants(BASES[option]) if not issubclass(each, LightningOptimizer))
    found = {each.__name__ for each in known if each.__module__.split(".")[0] in shipped}
    assert len(found) > 5
    for name in found:
        refuse_unknown_classes(with_base([f"{option}={name}"]))


def test_names_that_are_read_as_text_are_those_of_the_packages() -> None:
    of_torch = {name for name, kind in vars(torch.optim).items() if inspect.isclass(kind)} - NO_OPTIMIZERS
    assert {name.rpartition(".")[2] for name in CLASSES["optimizer"]() if name.startswith("torch.")} == of_torch
    assert set(CLASSES["callbacks"]()) == set(callbacks.__all__) - NO_CALLBACKS
    assert set(exported("pytorch_lightning.loggers")) == set(loggers.__all__)
    assert set(exported("pytorch_lightning.profilers")) == set(profilers.__all__)
