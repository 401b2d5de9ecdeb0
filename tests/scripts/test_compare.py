"""The comparison of methods."""

import base64
import json
import re
from pathlib import Path

import pytest
import yaml
from command_line.one_line_errors import run
from compare import main
from comparing import comparison_file
from comparing.comparison_file import COMPARISONS
from comparing.run import log_seldom, make_cli, read_history
from fit import main as fit_main


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(main, ["breast_cancer"]) == 0
    return folder / "reports" / "breast_cancer" / "version_0"


def test_breast_cancer_reproduces_s3(report: Path) -> None:
    runs = json.loads((report / "report.json").read_text())["runs"]
    found = {label: (round(run["test/loss"], 4), round(run["test/accuracy"], 4), run["epochs"]) for label, run in runs.items()}
    assert found == {
        "gradient descent": (0.1152, 0.9708, 60),
        "Newton": (0.1455, 0.9825, 20),
        "diagonal Newton": (0.0466, 0.9825, 60),
    }


def test_page_holds_table_plots_and_observations(report: Path) -> None:
    page = (report / "report.html").read_text()
    for text in ("0.1152", "0.1455", "0.0466", "diagonal Newton", "What the numbers say", "Lowest test loss at the end"):
        assert text in page
    images = re.findall(r"data:image/png;base64,([^\"]+)", page)
    assert len(images) >= 3
    assert all(base64.b64decode(image).startswith(b"\x89PNG") for image in images)
    assert not re.search(r"(src|href)=\"(?!data:)", page), "the page needs no other file"


def test_pictures(report: Path) -> None:
    names = {path.stem for path in report.glob("*.png")}
    assert {"overview", "test_loss", "test_accuracy", "runtime"} <= names
    assert all(path.stat().st_size > 10_000 for path in report.glob("*.png"))


@pytest.mark.parametrize(
    ("batch_size", "limit", "every"), [(1, 1.0, 50), (10, 1.0, 9), (10, 4, 4), (10, 0.5, 4), (None, 1.0, 1), (1, 0, 1)]
)
def test_a_fit_logs_every_50th_step_or_the_last_of_an_epoch(batch_size: int | None, limit: float, every: int) -> None:
    """Iris has 90 rows of training. Lightning warns of an interval that is longer than an epoch."""
    comparison = {"data": {"class_path": "IrisDataModule"}, "model": {"class_path": "SoftmaxRegression"}}
    method = {"max_epochs": 1, "data": {"batch_size": batch_size}, "optimizer": {"class_path": "DiagonalNewton"}}
    cli = make_cli(comparison, method, {"limit_train_batches": limit, "logger": False, "enable_checkpointing": False})
    log_seldom(cli)
    assert cli.trainer.log_every_n_steps == every


def test_runs_share_split_and_start(report: Path) -> None:
    """Every method's first objective is that of weights 0: log 2."""
    paths = list((report.parents[2] / "logs").rglob("metrics.csv"))
    assert len(paths) == 3
    for path in paths:
        assert read_history(path)["train/objective"][0] == pytest.approx(0.6931471805599453)


@pytest.mark.parametrize("path", sorted(COMPARISONS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_comparison_is_whole(path: Path) -> None:
    comparison = yaml.safe_load(path.read_text())
    assert {"title", "data", "model", "methods"} <= set(comparison)
    for method in comparison["methods"].values():
        assert set(method) - {"data", "model", "model_options", "tune", "group"} == {"max_epochs", "optimizer"}
        assert set(method.get("data", {})) <= {"batch_size"}, "another split would be another task"
        assert all(comparison.get("seeds") or not method.get(key) for key in ("tune", "group"))
    assert bool(comparison.get("seeds")) is ("select" in comparison)


def test_a_method_can_have_its_own_batch_size() -> None:
    comparison = yaml.safe_load((COMPARISONS / "iris.yaml").read_text())
    method = next(iter(comparison["methods"].values()))
    full, batches = (make_cli(comparison, method | own, {}) for own in ({}, {"data": {"batch_size": 16}}))
    assert (full.datamodule.batch_size, batches.datamodule.batch_size) == (None, 16)
    assert full.datamodule.test_fraction == batches.datamodule.test_fraction == 0.3
    assert "batch_size" not in comparison["data"]["init_args"], "the next method starts from the common options"


def test_without_a_rivals_package_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the other methods have run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(comparison_file, "find_spec", lambda name: None)
    assert run(main, ["mnist_mlp"]) != 0
    error = capsys.readouterr().err
    assert "SOAP is of pytorch_optimizer, which is not installed: pip install '.[bench]'" in error
    assert error.count("\n") == 1 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("class_path", ["pytorch_optimizer.SOAP", "pytorch_optimizer.ScheduleFreeAdamW", "torch.optim.Muon"])
def test_a_rival_fits(class_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one of another package, and one that has modes for steps and for evaluation."""
    pytest.importorskip(class_path.partition(".")[0], reason="the bench extra is not installed")
    monkeypatch.chdir(tmp_path)
    names = [f"--model.optimizer={class_path}", "--data=IrisDataModule", "--data.batch_size=30", "--model=MLP"]
    assert run(fit_main, [*names, "--model.widths=[4,10,3]", "--model.optimizer.lr=0.05", "--trainer.max_epochs=40"]) == 0
    (summary,) = Path("logs").rglob("summary.json")
    assert json.loads(summary.read_text())["test/accuracy"] > 0.8, "it learns"


@pytest.mark.parametrize(
    ("content", "cause"),
    [(None, "no comparison"), ("title: x\n", "lacks data, model, methods"), ("[1, 2]", "holds no settings")],
)
def test_bad_comparisons(
    content: str | None, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_text(content)
    assert run(main, [str(path)]) != 0
    error = capsys.readouterr().err
    assert cause in error
    assert error.count("\n") == 1
    assert {item.name for item in tmp_path.iterdir()} <= {"mine.yaml"}
