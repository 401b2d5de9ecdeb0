"""A checkpoint that names code to run is not loaded: the attack is in the file."""

import io
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line.one_line_errors import run
from fit import main

from lightning_modules import ObjectiveModule, SoftmaxRegression
from lightning_modules.training import measured_module
from tests.scripts.command_line import foreign_classes

FOREIGN = foreign_classes.__name__
IRIS = ["--data=IrisDataModule", "--model=SoftmaxRegression", "--trainer.max_epochs=1"]
HOSTILE: dict[str, tuple[str, Any]] = {
    "a command": ("optimizer", {"class_path": "subprocess.getoutput", "init_args": {"cmd": "touch ran"}}),
    "a function": ("optimizer", {"class_path": f"{FOREIGN}.factory", "init_args": {"params": []}}),
    "a function by name": ("optimizer", f"{FOREIGN}.factory"),
    "a method": ("optimizer", {"class_path": f"{FOREIGN}.Spied.method"}),
    "a class of another kind": ("optimizer", {"class_path": f"{FOREIGN}.Spied", "init_args": {"told": "ran"}}),
    "a function that makes it": ("_instantiator", f"{FOREIGN}.spy"),
    "a function deeper": ("l2", [{"class_path": f"{FOREIGN}.spy"}]),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(main, IRIS) == 0
    return next(folder.rglob("last.ckpt"))


@pytest.fixture
def checkpoint(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    foreign_classes.CALLS.clear()
    return trained


def with_setting(checkpoint: Path, name: str, value: Any) -> Path:
    content = torch.load(checkpoint, weights_only=True)
    content["hyper_parameters"][name] = value
    path = checkpoint.with_name("hostile.ckpt")
    torch.save(content, path)
    return path


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("model", [SoftmaxRegression, ObjectiveModule])
@pytest.mark.parametrize("as_file", [False, True])
def test_nothing_is_called(checkpoint: Path, kind: str, model: type[ObjectiveModule], as_file: bool) -> None:
    path = with_setting(checkpoint, *HOSTILE[kind])
    source = io.BytesIO(path.read_bytes()) if as_file else path
    with pytest.raises(ValueError, match="the checkpoint names"):
        model.load_from_checkpoint(source)
    assert not foreign_classes.CALLS and not Path("ran").exists()


@pytest.mark.parametrize("key", ["hparams", "module_arguments"])
def test_settings_by_old_names_are_refused(checkpoint: Path, tmp_path: Path, key: str) -> None:
    """Lightning makes the model of them, too."""
    content = torch.load(checkpoint, weights_only=True)
    del content["hyper_parameters"]["optimizer"]
    content[key] = {"optimizer": {"class_path": f"{FOREIGN}.spy"}}
    torch.save(content, tmp_path / "hostile.ckpt")
    with pytest.raises(ValueError, match=key):
        SoftmaxRegression.load_from_checkpoint(tmp_path / "hostile.ckpt")
    assert not foreign_classes.CALLS


def test_settings_that_are_one_argument_are_looked_at(checkpoint: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    content["hparams_name"] = "optimizer"
    content["hyper_parameters"] = {"class_path": f"{FOREIGN}.Spied", "init_args": {}}
    torch.save(content, tmp_path / "hostile.ckpt")
    with pytest.raises(ValueError, match="no optimizer"):
        SoftmaxRegression.load_from_checkpoint(tmp_path / "hostile.ckpt")
    assert not foreign_classes.CALLS


def test_what_is_given_replaces_what_the_file_names(checkpoint: Path) -> None:
    path = with_setting(checkpoint, *HOSTILE["a command"])
    adam = partial(torch.optim.Adam, lr=0.1)
    model = SoftmaxRegression.load_from_checkpoint(path, optimizer=adam)
    assert model.make_optimizer is adam and not Path("ran").exists()


def test_an_honest_one_is_loaded(checkpoint: Path) -> None:
    weights = torch.load(checkpoint, weights_only=True)["state_dict"]
    for source in (checkpoint, str(checkpoint), io.BytesIO(checkpoint.read_bytes())):
        model = SoftmaxRegression.load_from_checkpoint(source)
        assert all(torch.equal(value.float(), weights[name].float()) for name, value in model.state_dict().items())
        assert type(model.method()).__name__ == "Newton"


def test_the_look_is_what_refuses(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: without it the command is run, whatever is said afterwards."""
    monkeypatch.setattr(measured_module, "refuse_calls", lambda _: None)
    model = SoftmaxRegression.load_from_checkpoint(with_setting(checkpoint, "optimizer", {"class_path": f"{FOREIGN}.spy"}))
    with pytest.raises(ValueError, match="cannot be made"):
        model.method()
    assert foreign_classes.CALLS
