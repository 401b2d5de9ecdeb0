"""Every shipped experiment runs."""

from pathlib import Path

import pytest
import yaml
from command_line.one_line_errors import run
from fit import main
from jsonargparse import ArgumentParser

from lightning_modules import optimizers
from tests.conftest import ROOT
from tests.idx_files import write_mnist

CONFIGS = sorted((ROOT / "scripts" / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_runs(path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    args = [f"--config={path}", "--trainer.fast_dev_run=true"]
    if "California" in path.read_text():
        args.append(f"--data.data_dir={request.getfixturevalue('data_dir')}")
    if "MNIST" in path.read_text():
        write_mnist(tmp_path)
        args.append(f"--data.data_dir={tmp_path}")
    if "MNISTDataModule" in path.read_text() and "widths" not in path.read_text():  # a network's widths say how many digits
        args.append("--data.digits=[0,1,2]")
    assert run(main, args) == 0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_states_every_setting_of_its_method(path: Path) -> None:
    """A setting left out would be inherited from whatever class stood there before."""
    optimizer = yaml.safe_load(path.read_text())["model"]["init_args"]["optimizer"]
    if optimizer["class_path"].startswith("torch."):
        assert "lr" in optimizer["init_args"]
        return
    parser = ArgumentParser()
    parser.add_class_arguments(_class(optimizer["class_path"]), skip={"params"})
    assert set(optimizer["init_args"]) == set(parser.get_defaults().as_dict())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_is_named_for_what_it_holds(path: Path) -> None:
    config = yaml.safe_load(path.read_text())
    words = path.stem.replace("_", "")
    data = config["data"]["class_path"].removesuffix("DataModule").removesuffix("Housing").lower()
    model = config["model"]["class_path"].removesuffix("Regression").lower()
    method = config["model"]["init_args"]["optimizer"]["class_path"].rpartition(".")[2].lower()
    assert words == data + model + method


def _class(name: str) -> type:
    return getattr(optimizers, name)
