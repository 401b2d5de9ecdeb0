"""A configuration makes objects of the classes that belong at each place, and calls nothing else."""

from pathlib import Path

import compare
import pytest
import yaml
from command_line.configured_classes import refuse_other_than_classes
from command_line.one_line_errors import CommandLineError, run
from command_line.one_line_parser import OneLineParser
from fit import main
from jsonargparse import Namespace

from lightning_modules.training.made_optimizer import OptimizerCallable
from tests.scripts.command_line import foreign_classes

FOREIGN = foreign_classes.__name__
IRIS = ["--data=IrisDataModule", "--model=SoftmaxRegression", "--trainer.max_epochs=1"]


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    foreign_classes.CALLS.clear()


# What stands in the place of an optimizer: functions, methods, objects, classes of other kinds.
OPTIMIZERS = {
    "subprocess.getoutput": {"cmd": "touch ran"},
    "os.system": {"command": "touch ran"},
    "os.getcwd": {},
    "subprocess.Popen": {"args": ["touch", "ran"]},
    "builtins.exec": {},
    "webbrowser.open": {"url": "ran"},
    f"{FOREIGN}.spy": {},
    f"{FOREIGN}.factory": {"params": []},
    f"{FOREIGN}.Spied": {"told": "ran"},
    f"{FOREIGN}.Spied.method": {},
    f"{FOREIGN}.INSTANCE": {},
}


@pytest.mark.parametrize("path", OPTIMIZERS)
@pytest.mark.parametrize("settings", ["init_args", "dict_kwargs", None])
def test_optimizer_is_not_called_before_it_is_refused(
    path: str, settings: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = {"class_path": path, **({settings: OPTIMIZERS[path]} if settings else {})}
    file = tmp_path / "hostile.yaml"
    model = {"class_path": "SoftmaxRegression", "init_args": {"optimizer": spec}}
    file.write_text(yaml.safe_dump({"data": {"class_path": "IrisDataModule"}, "model": model}))
    assert run(main, [f"--config={file}"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "--model.optimizer" in said and "unexpected" not in said
    assert not foreign_classes.CALLS and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("path", OPTIMIZERS)
def test_optimizer_of_the_command_line(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, [*IRIS, f"--model.optimizer={path}"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "--model.optimizer" in said and "unexpected" not in said and "Callable" not in said
    assert not foreign_classes.CALLS and not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", OPTIMIZERS)
def test_optimizer_of_a_comparison(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    method = {"max_epochs": 1, "optimizer": {"class_path": path, "init_args": OPTIMIZERS[path]}}
    comparison = {
        "title": "hostile",
        "data": {"class_path": "IrisDataModule"},
        "model": {"class_path": "SoftmaxRegression"},
        "methods": {"hostile": method, "other": {"max_epochs": 1, "optimizer": {"class_path": "Newton"}}},
    }
    file = tmp_path / "hostile.yaml"
    file.write_text(yaml.safe_dump(comparison))
    assert run(compare.main, [str(file)]) == 2
    assert capsys.readouterr().err.strip().count("\n") == 0
    assert not foreign_classes.CALLS and list(tmp_path.iterdir()) == [file]


PLACES = [
    "data", "model", "trainer.callbacks", "trainer.logger", "trainer.profiler", "trainer.strategy", "trainer.accelerator",
    "trainer.plugins",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("path", ["spy", "Spied", "Spied.method", "INSTANCE"])
@pytest.mark.parametrize("form", ["{}", "{{class_path: {}}}", "[{{class_path: {}}}]"])
def test_every_other_place(place: str, path: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, [*IRIS, f"--{place}={form.format(f'{FOREIGN}.{path}')}"])
    assert capsys.readouterr().err.strip().count("\n") == 0
    assert not foreign_classes.CALLS and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "spec",
    [
        "StochasticWeightAveraging, init_args: {{swa_lrs: 0.1, avg_fn: {}.spy}}",
        "StochasticWeightAveraging, init_args: {{swa_lrs: 0.1, avg_fn: os.system}}",
        "StochasticWeightAveraging, init_args: {{swa_lrs: 0.1, avg_fn: {{class_path: {}.Spied}}}}",
        "LambdaCallback, init_args: {{on_train_start: {}.spy}}",
    ],
)
def test_functions_within_classes(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    named = ("{{class_path: pytorch_lightning.callbacks." + spec + "}}").format(FOREIGN)
    assert run(main, [*IRIS, f"--trainer.callbacks=[{named}]"])
    assert capsys.readouterr().err.strip().count("\n") == 0 and not foreign_classes.CALLS


def test_functions_within_a_strategy(capsys: pytest.CaptureFixture[str]) -> None:
    spec = f"{{class_path: pytorch_lightning.strategies.DDPStrategy, init_args: {{ddp_comm_hook: {FOREIGN}.spy}}}}"
    assert run(main, [*IRIS, f"--trainer.strategy={spec}", "--trainer.accelerator=cpu"]) == 2
    assert "--trainer.strategy.ddp_comm_hook would call a function" in capsys.readouterr().err
    assert not foreign_classes.CALLS


def test_option_of_any_value_makes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Further settings of a logger are of no type."""
    logger = f"{{class_path: TensorBoardLogger, dict_kwargs: {{comment: {{class_path: {FOREIGN}.Spied}}}}}}"
    assert run(main, [*IRIS, f"--trainer.logger={logger}"]) == 0
    assert not foreign_classes.CALLS


def test_own_optimizer(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, [*IRIS, f"--model.optimizer={FOREIGN}.OwnSGD", "--trainer.logger=false"]) == 0
    assert "by OwnSGD" in capsys.readouterr().out


def test_check_is_what_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the function is called: the parser alone would not refuse."""
    spec = Namespace(a=[Namespace(class_path=f"{FOREIGN}.spy", init_args=Namespace())])
    with pytest.raises(CommandLineError, match=r"--a: .*spy is no class"):
        refuse_other_than_classes(spec)
    monkeypatch.setattr("command_line.one_line_parser.refuse_other_than_classes", lambda _: None)
    file = {"class_path": f"{FOREIGN}.spy", "dict_kwargs": {"x": 1}}
    parser = OneLineParser()
    parser.add_argument("--optimizer", type=OptimizerCallable)
    parser.instantiate(parser.parse_object({"optimizer": file}))
    assert foreign_classes.CALLS
