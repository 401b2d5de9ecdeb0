"""Lightning's loggers by name: where they write, what they share, and how a run goes on in them."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from command_line.named_loggers import ours
from command_line.one_line_errors import run
from fit import main
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger

from callbacks.resuming.run_folder import run_folder

QUICK = ["--trainer.max_epochs=2", "--trainer.accelerator=cpu"]
PLACE = Path("logs/BreastCancerDataModule/LogisticRegression/Newton")
KEPT = {"checkpoints/best.ckpt", "checkpoints/last.ckpt", "config.yaml", "summary.json"}
CSV, BOARD = "metrics.csv", "events"
FORMS = {
    "csv": (["--trainer.logger=CSVLogger"], {CSV}),
    "csv-by-path": (["--trainer.logger=pytorch_lightning.loggers.CSVLogger"], {CSV}),
    "csv-as-mapping": (["--trainer.logger={class_path: CSVLogger}"], {CSV}),
    "board": (["--trainer.logger", "TensorBoardLogger"], {BOARD}),
    "list": (["--trainer.logger=[CSVLogger,TensorBoardLogger]"], {CSV, BOARD}),
    "appended": (["--trainer.logger=TensorBoardLogger", "--trainer.logger+=CSVLogger"], {CSV, BOARD}),
    "file": (["--config=breast_cancer_logistic_newton", "--config=mapping.yaml"], {CSV}),
    "file-with-list": (["--config=breast_cancer_logistic_newton", "--config=list.yaml"], {CSV, BOARD}),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mapping.yaml").write_text("trainer: {logger: {class_path: CSVLogger}}")
    Path("list.yaml").write_text("trainer: {logger: [{class_path: CSVLogger}, {class_path: TensorBoardLogger}]}")
    return tmp_path


def left(place: Path) -> set[str]:
    """What is in the folder of a run, TensorBoard's files under one name."""
    names = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    return {BOARD if name.startswith("events.out") else name for name in names} - {"hparams.yaml"}


@pytest.mark.parametrize(("args", "files"), FORMS.values(), ids=FORMS.keys())
def test_a_run_has_one_folder_whatever_logs_it(folder: Path, args: list[str], files: set[str]) -> None:
    assert run(main, [*args, *QUICK]) == 0
    assert left(PLACE / "version_0") == KEPT | files
    assert [path.name for path in PLACE.iterdir()] == ["version_0"]


def test_name_place_and_version_can_be_chosen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = ["--trainer.logger=CSVLogger", "--trainer.logger.save_dir=here", "--trainer.logger.name=mine"]
    for version, name in ((["--trainer.logger.version=three"], "three"), ([], "version_0"), ([], "version_1")):
        assert run(main, [*here, *version, *QUICK]) == 0
        assert left(folder / "here" / "mine" / name) == {*KEPT, CSV}
    assert not (folder / "logs").exists()
    capsys.readouterr()
    before = Path("here/mine/three/metrics.csv").read_bytes()
    assert run(main, [*here, "--trainer.logger.version=three", *QUICK]) == 1
    assert "there is a run in here/mine/three" in capsys.readouterr().err
    assert Path("here/mine/three/metrics.csv").read_bytes() == before


def rows() -> list[dict[str, str]]:
    with (PLACE / "version_0" / "metrics.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if "seconds" not in name} for row in csv.DictReader(file)]


def test_a_run_goes_on_in_its_own_file(folder: Path) -> None:
    """The rows before are kept, those after the checkpoint counted no more: as of a run that was not interrupted."""
    assert run(main, ["--trainer.logger=CSVLogger", "--trainer.max_epochs=4"]) == 0
    whole = rows()
    PLACE.rename("whole")
    assert run(main, ["--trainer.logger=CSVLogger", "--trainer.max_epochs=2"]) == 0
    assert run(main, ["--trainer.logger=CSVLogger", "--trainer.max_epochs=4", "--ckpt_path=last"]) == 0
    fitted = [row for row in rows() if not row["test/loss"]]
    assert len(fitted) > 8 and [row for row in whole if not row["test/loss"]] == fitted


def test_the_saved_configuration_names_the_logger_and_no_folder(folder: Path) -> None:
    """So that it repeats the run in another folder."""
    assert run(main, ["--trainer.logger=CSVLogger", *QUICK]) == 0
    config = PLACE / "version_0" / "config.yaml"
    assert yaml.safe_load(config.read_text())["trainer"]["logger"]["init_args"]["save_dir"] is None
    assert run(main, [f"--config={config}", "--trainer.default_root_dir=other"]) == 0
    assert left(Path("other") / PLACE / "version_0") == {*KEPT, CSV}


def test_without_a_logger_a_run_goes_on_from_its_checkpoint(folder: Path) -> None:
    assert run(main, ["--trainer.logger=false", *QUICK]) == 0
    assert run(main, ["--trainer.logger=false", "--trainer.max_epochs=3", "--ckpt_path=last"]) == 0
    assert {path.name for path in folder.rglob("*.ckpt")} == {"best.ckpt", "last.ckpt"}


class ServiceLogger(Logger):
    """Like those to services: its folder is that of all runs, and its version is known when it has begun."""

    def __init__(self, save_dir: str = "service") -> None:
        super().__init__()
        self._save_dir = save_dir
        self._id: str | None = None

    @property
    def experiment(self) -> Any:
        self._id = self._id or f"id{len(list(Path(self._save_dir).glob('*/*')))}"
        return self

    @property
    def name(self) -> str:
        return "project"

    @property
    def version(self) -> str | None:
        return self._id

    @property
    def save_dir(self) -> str:
        return self._save_dir

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None: ...

    def log_hyperparams(self, params: Any, *args: Any) -> None: ...


def test_a_logger_to_a_service_has_a_folder_for_each_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = [f"--trainer.logger={__name__}.ServiceLogger", *QUICK]
    for number in range(2):
        assert run(main, args) == 0
        assert left(folder / "service" / "project" / f"id{number}") == KEPT
    assert json.loads(Path("service/project/id0/summary.json").read_text())["epochs"] == 2
    capsys.readouterr()
    assert run(main, [*args, "--ckpt_path=last"]) == 1
    assert "does not know where ServiceLogger put the run" in capsys.readouterr().err
    assert run(main, [*args, "--ckpt_path=service/project/id0/checkpoints/best.ckpt"]) == 0


def test_lightnings_folder_of_all_runs_is_another(tmp_path: Path) -> None:
    """Negative control: the file of one run would replace that of another."""
    trainer = Trainer(logger=ServiceLogger(str(tmp_path)), accelerator="cpu", enable_progress_bar=False)
    assert trainer.log_dir == str(tmp_path)
    assert run_folder(trainer) == tmp_path / "project" / "id0"


def test_other_loggers_keep_their_names() -> None:
    for spec in ("WandbLogger", "mine.CSVLogger", True, None, SimpleNamespace()):
        assert ours(spec) is spec
