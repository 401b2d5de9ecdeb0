"""Help on the classes of each place."""

import re

import pytest
import torch
from command_line.class_help import PLACES, explained, listed
from command_line.class_names import CLASSES, OPTIMIZERS
from command_line.one_line_errors import run
from fit import main

from lightning_modules import optimizers
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
        assert not re.search(r"\b(Union|Optional|Literal)\[|<class|`|\b(?!fit)\w+\.py\b|\(default: .*\(default: ", page), name


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--data.help"], "TabularDataModule"),
        (["--model.optimizer.help"], "SubsampledNewton"),
        (["--model.optimizer.help", "Newton"], "--model.optimizer.damping"),
        (["--model.help=lightning_modules.MLP"], "--model.widths"),
        (["--trainer.strategy.help"], "  ddp    "),
        (["--trainer.strategy.help=ddp"], "Strategy for multi-process"),
        (["--trainer.accelerator.help"], "Accelerator for CPU devices"),
        (["--model.optimizer.help=Newton"], "--model.optimizer.curvature  auto, hessian or ggn\n"),
        (["--model.optimizer.help=Newton"], "--model.optimizer.solver  auto, cholesky, cg or woodbury\n"),
        (["--model.optimizer.help=Newton"], "--model.optimizer.damping  a number or adaptive\n"),
        (["--coefficients.help"], "--coefficients.intervals  wald or profile\n"),
        (["--test_metrics.help"], "--test_metrics.every_n_epochs  a whole number\n"),
        (["--gradient_norms.help"], "--gradient_norms.every_n_steps  "),
        (["--curvature.help"], "--curvature.max_parameters  a whole number\n"),
        (["--trainer.help=max_epochs"], "--trainer.max_epochs  a whole number or null\n"),
        (["--trainer.max_epochs.help"], "--trainer.max_epochs  a whole number or null\n"),
        (["--model=TorchModel", "--model.module.help=torch.nn.PReLU"], "--model.module.num_parameters  a whole number\n"),
        (["--model=MLP", "--model.widths.help"], "--model.widths  a list of whole numbers, [1, 2]\n"),
        (["--trainer.logger.help=CSVLogger"], "version_N, the next"),
        (["--trainer.max_epochs=3", "--trainer.callbacks.help=EarlyStopping"], "--trainer.callbacks.patience"),
    ],
)
def test_from_the_command_line(capsys: pytest.CaptureFixture[str], args: list[str], says: str) -> None:
    assert run(main, args) == 0
    printed = capsys.readouterr()
    assert says in printed.out
    assert not printed.err


@pytest.mark.parametrize(
    ("arg", "says"),
    [
        ("--modl.help", "there is no --modl.help (did you mean --model.help?)"),
        ("--model.l2.help", "--model.help=CLASS explains the options of a class"),
        ("--trainer.max_epoch.help", "no option --trainer.max_epoch (did you mean max_epochs?)"),
        ("--trainer.strategy.help=dpp", "no 'dpp' (did you mean ddp?)"),
    ],
)
def test_help_that_there_is_not_is_one_line(capsys: pytest.CaptureFixture[str], arg: str, says: str) -> None:
    assert run(main, [arg]) == 2
    assert says in error_line(capsys)


def test_every_method_of_the_project_is_listed() -> None:
    kinds = [getattr(optimizers, name) for name in optimizers.__all__]
    own = {kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)}
    assert own - {"CurvatureOptimizer"} == set(OPTIMIZERS)
    assert "torch.optim.SparseAdam" not in CLASSES["optimizer"](), "no model has sparse gradients"


def test_an_unknown_class_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, ["--trainer.callbacks.help=EarlyStoping"]) == 2
    assert "no class 'EarlyStoping' (did you mean EarlyStopping?)" in error_line(capsys)
