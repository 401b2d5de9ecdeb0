"""What is taken from the environment that a run is started in."""

import pytest
from command_line.environment import LAUNCHERS, default_devices
from command_line.fit_cli import FitCLI


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LAUNCHERS:
        monkeypatch.delenv(name, raising=False)


def test_a_run_takes_one_device_however_many_there_are() -> None:
    assert default_devices() == 1
    named = ["--data=IrisDataModule", "--model=SoftmaxRegression", "--model.optimizer=Newton", "--trainer.logger=false"]
    assert FitCLI(named).config.trainer.devices == 1
    assert FitCLI([*named, "--trainer.devices=auto"]).config.trainer.devices == "auto"


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_what_a_launcher_has_started_takes_all(launcher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(launcher, "1")
    assert default_devices() == "auto"
