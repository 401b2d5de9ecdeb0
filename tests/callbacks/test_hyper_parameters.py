"""Runs of all data and methods stand in one table: every run has the same columns, and draws no chart for them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line.one_line_errors import run
from fit import main
from pytorch_lightning.loggers import TensorBoardLogger
from sklearn.datasets import load_diabetes
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from torch.utils.tensorboard.summary import hparams

from callbacks import ConvergenceStatus, HyperParameters
from callbacks.hyper_parameter_header import RESULTS, column, header
from callbacks.hyper_parameters import columns
from datamodules import ArrayDataModule
from lightning_modules import LinearRegression
from lightning_modules.optimizers import Newton
from tests.training import make_trainer

ADAM = ["--model.optimizer=Adam", "--model.optimizer.lr=0.1", "--model.optimizer.betas=[0.8,0.9]", "--data.batch_size=50"]
EPOCHS = 2  # that Newton's method needs for least squares: to be there, and to see that it is
SHORT = ["--trainer.max_epochs=2"]
RUNS = {
    "newton": [],
    "adam": ["--data=IrisDataModule", "--model=MLP", "--model.widths=[4,3,3]", *ADAM],
    "no test": ["--data=IrisDataModule", "--model=SoftmaxRegression", "--model.optimizer=Newton", "--data.test_fraction=0"],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, EventAccumulator]]:
    found = {}
    for name, line in RUNS.items():
        folder = tmp_path_factory.mktemp("runs")
        assert run(main, [*line, *SHORT, f"--trainer.default_root_dir={folder}"]) == 0
        (summary,) = folder.rglob("summary.json")
        found[name] = summary.parent, EventAccumulator(str(summary.parent)).Reload()
    found["regression"] = of_regression(tmp_path_factory.mktemp("runs"))
    return found


def of_regression(folder: Path) -> tuple[Path, EventAccumulator]:
    """From Python, with Lightning's own logger, which draws a dot for settings that are logged by themselves."""
    x, y = load_diabetes(return_X_y=True)
    data, model = ArrayDataModule(x, y, task="regression"), LinearRegression(10, optimizer=Newton)
    callbacks = [ConvergenceStatus(), HyperParameters({"method": "Newton", "lr": 1.0})]
    trainer = make_trainer(5, *callbacks, logger=TensorBoardLogger(folder, "", ""))
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    assert trainer.current_epoch == EPOCHS
    return folder, EventAccumulator(str(folder)).Reload()


def content(events: EventAccumulator, tag: str) -> bytes:
    held: bytes = events.summary_metadata[tag].plugin_data.content
    return held


def settings(events: EventAccumulator) -> dict[str, Any]:
    start = metadata.parse_session_start_info_plugin_data(content(events, metadata.SESSION_START_INFO_TAG))
    return {name: value.number_value or value.string_value for name, value in start.hparams.items()}


def test_every_run_has_the_same_header(runs: dict[str, tuple[Path, EventAccumulator]]) -> None:
    headers = {content(events, metadata.EXPERIMENT_TAG) for _, events in runs.values()}
    (experiment,) = map(metadata.parse_experiment_plugin_data, headers)
    shown = [info.display_name for info in sorted(experiment.hparam_infos, key=lambda info: info.name)]
    assert shown[:5] == ["method", "lr", "damping", "l2", "model"] and all(info.differs for info in experiment.hparam_infos)
    results = [info.display_name for info in experiment.metric_infos]
    assert results[-3:] == ["seconds", "epochs", "status (1 = converged)"] and {"MAE", "R²", "accuracy"} <= set(results)
    known = {info.name for info in experiment.hparam_infos}
    for _, events in runs.values():
        assert set(settings(events)) <= known, "every setting has its column"
    one, other = (hparams(values, {})[0] for values in ({"lr": 1.0}, {"momentum": 1.0}))
    assert one != other and header() == header(), "negative control: torch's header is of the run alone"


def test_results_are_the_ends_of_curves(runs: dict[str, tuple[Path, EventAccumulator]]) -> None:
    for name, (_, events) in runs.items():
        scalars = set(events.Tags()["scalars"])
        assert not [tag for tag in scalars if tag.startswith("hp")]
        assert {tag for tag in scalars if tag.startswith("test/")} <= set(RESULTS)
        assert {"epoch", "train/converged"} <= scalars
        assert events.Scalars("epoch")[-1].value == (EPOCHS if name == "regression" else 2)
        assert metadata.SESSION_END_INFO_TAG in events.summary_metadata
    assert {"test/mae", "test/r2"} <= set(runs["regression"][1].Tags()["scalars"])
    ends = {name: events.Scalars("train/converged")[-1].value for name, (_, events) in runs.items()}
    assert ends == {"newton": 0, "adam": 0, "no test": 0, "regression": 1}


def test_what_was_chosen_is_written(runs: dict[str, tuple[Path, EventAccumulator]]) -> None:
    folder, events = runs["adam"]
    written = yaml.safe_load((folder / "hparams.yaml").read_text())
    assert written["betas"] == "[0.8, 0.9]" and written["widths"] == "[4, 3, 3]" and written["batch_size"] == 50
    assert not {"data_dir", "num_features", "eps", "optimizer"} & set(written), "neither places nor defaults"
    row = settings(events)
    assert (row[column("method")], row[column("lr")], row[column("batch_size")]) == ("Adam", 0.1, "50")
    assert row[column("other settings")] == "betas=[0.8, 0.9], widths=[4, 3, 3]"
    assert settings(runs["newton"][1])[column("damping")] == "adaptive"
    assert all((folder / "hparams.yaml").stat().st_size > 3 for folder, _ in runs.values())


def test_a_value_is_of_the_type_of_its_column() -> None:
    row = columns({"lr": "by schedule", "damping": 1e-3, "seed": True, "l2": 1})
    assert row == {column("damping"): "0.001", column("l2"): 1.0, column("other settings"): "lr=by schedule, seed=True"}


def test_other_loggers_are_given_the_settings(tmp_path: Path) -> None:
    assert run(main, ["--trainer.logger=CSVLogger", *SHORT, f"--trainer.default_root_dir={tmp_path}"]) == 0
    (written,) = tmp_path.rglob("hparams.yaml")
    assert yaml.safe_load(written.read_text())["method"] == "Newton"


def test_a_table_is_told_by_the_name_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fruit.csv").write_text("x,y\n" + "".join(f"{i % 7},{i % 5}.5\n" for i in range(60)))
    line = ["--data=TabularDataModule", f"--data.path={tmp_path / 'fruit.csv'}", "--data.target=y", "--model=LinearRegression"]
    assert run(main, [*line, *SHORT]) == 0
    (written,) = tmp_path.rglob("hparams.yaml")
    assert yaml.safe_load(written.read_text())["data"] == "TabularDataModule fruit.csv"
    assert str(tmp_path) not in written.read_text()
