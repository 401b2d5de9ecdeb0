"""A comparison over seeds or folds: settings chosen on validation alone, every run tested once."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from command_line.one_line_errors import run
from compare import main
from comparing.divergence import DivergedError
from comparing.study import Study, StudyRun
from comparing.study_figures import draw_study
from comparing.study_report import overtaking, write_study
from comparing.study_run import choose, grid, num_fits, run_once, study_all, trial, with_settings
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from lightning_modules.optimizers import NonFiniteLossError

pytestmark = pytest.mark.slow

ADAM = {"class_path": "torch.optim.Adam"}
NETWORK: dict[str, Any] = {
    "title": "A small study",
    "seeds": [0, 1, 2],
    "select": "val/loss",
    "data": {"class_path": "IrisDataModule"},
    "model": {"class_path": "MLP", "init_args": {"widths": [4, 5, 3], "activation": "tanh", "l2": 0.001}},
    "methods": {
        "Newton": {"max_epochs": 10, "optimizer": {"class_path": "Newton"}},
        "Adam": {"max_epochs": 10, "optimizer": ADAM, "tune": {"optimizer.lr": [1e-4, 0.05], "data.batch_size": [40, None]}},
    },
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "small.yaml").write_text(yaml.safe_dump(NETWORK, sort_keys=False))
    assert run(main, [str(folder / "small.yaml"), f"--output={folder / 'report'}"]) == 0
    return folder / "report"


def test_validation_chooses_among_all_settings(report: Path) -> None:
    found = json.loads((report / "report.json").read_text())["methods"]["Adam"]
    method = NETWORK["methods"]["Adam"]
    scores = {json.dumps(each): trial(NETWORK, with_settings(method, each), seed=0) for each in grid(method)}
    assert found["trials"] == len(scores) == 4
    assert json.dumps(found["chosen"]) == min(scores, key=scores.__getitem__)
    assert found["chosen"]["optimizer.lr"] == 0.05
    assert found["runs"][0]["val/loss"] == min(scores.values()), "the first seed's run repeats its trial"


def test_every_seed_is_run_and_tested_once(report: Path) -> None:
    methods = json.loads((report / "report.json").read_text())["methods"]
    for found in methods.values():
        assert [one["seed"] for one in found["runs"]] == [0, 1, 2]
        assert len({one["val/loss"] for one in found["runs"]}) == 3, "the seeds start at different weights"
        for one in found["runs"]:
            assert 0.5 < one["test/accuracy"] <= 1 and len(one["course"]) == 10 and one["gradient_seconds"] > 0
    assert methods["Newton"]["trials"] == 1 and methods["Newton"]["chosen"] == {}


def test_the_page_shows_table_curves_and_what_they_say(report: Path) -> None:
    page = (report / "report.html").read_text()
    for text in (
        "Medians over 3 seeds",
        "lr 0.05",
        "train loss of its worst run",
        "Newton reached Adam&#x27;s lowest validation loss",
    ):
        assert text in page
    assert page.count("data:image/png;base64,") == 2


@pytest.mark.slow
def test_folds_are_scikit_learns_and_their_mean_counts() -> None:
    comparison = {
        **NETWORK,
        "seeds": [3, 4],
        "folds": 5,
        "data": {"class_path": "IrisDataModule", "init_args": {"val_fraction": 0.0}},
        "methods": {
            "logistic": {
                "max_epochs": 50,
                "model": {"class_path": "SoftmaxRegression", "init_args": {"l2": 1 / 120}},
                "optimizer": {"class_path": "Newton"},
            }
        },
    }
    fits: list[str] = []
    (found,) = study_all(comparison, fits.append)
    x, y = load_iris(return_X_y=True)
    expected = []
    for seed in (3, 4):
        scores = []
        for rest, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
            scaler = StandardScaler().fit(x[rest])
            model = LogisticRegression(tol=1e-8, max_iter=1000).fit(scaler.transform(x[rest]), y[rest])
            scores.append(model.score(scaler.transform(x[test]), y[test]))
        expected.append(np.mean(scores))
    assert found.by_seed("test/accuracy") == pytest.approx(expected, abs=1e-12)
    assert fits == ["logistic"] * num_fits(comparison) and len(fits) == 10 and not found.has_course


def test_settings_that_diverge_are_not_chosen() -> None:
    method = {
        "max_epochs": 3,
        "optimizer": {"class_path": "GradientDescent", "init_args": {"lr": 0.1}},
        "tune": {"optimizer.lr": [1e200, 0.1]},
    }
    comparison = {**NETWORK, "seeds": [0]}
    with pytest.raises(NonFiniteLossError):
        trial(comparison, with_settings(method, {"optimizer.lr": 1e200}), seed=0)
    assert choose(comparison, method, lambda: None) == ({"optimizer.lr": 0.1}, [])
    chosen, reasons = choose(comparison, {**method, "tune": {"optimizer.lr": [1e200, 1e250]}}, lambda: None)
    assert chosen is None and len(reasons) == 2 and all(reason.startswith("the loss is ") for reason in reasons)


STEADY = {"max_epochs": 2, "optimizer": ADAM}
WILD = {"max_epochs": 3, "optimizer": {"class_path": "GradientDescent", "init_args": {"lr": 1e200}}}
UNTUNABLE = {**WILD, "tune": {"optimizer.lr": [1e200, 1e250]}}


def test_a_method_that_diverges_stops_nobody_else(tmp_path: Path) -> None:
    methods = {"steady": STEADY, "wild": WILD, "untunable": UNTUNABLE}
    comparison = {**NETWORK, "title": "Three methods", "seeds": [0], "methods": methods}
    fits: list[str] = []
    studies = study_all(comparison, fits.append)
    steady, wild, untunable = studies
    assert len(fits) == num_fits(comparison), "the progress bar gets to its end"
    assert (steady.diverged, wild.runs, untunable.runs) == ((), [], [])
    write_study(comparison, studies, draw_study(studies, "val/accuracy", tmp_path), tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert list(report["methods"]) == ["steady"] and list(report["diverged"]) == ["wild", "untunable"]
    *_, of_wild, of_untunable = report["observations"]
    assert re.fullmatch(r"wild: it diverged \(the loss is \S+ at step \d+\), so it has no row\.", of_wild)
    assert re.fullmatch(
        r"untunable: none of its 2 settings keeps the loss finite \(the loss .*\), so it has no row\.", of_untunable
    )


def test_a_study_in_which_all_diverge_is_a_result() -> None:
    """Who asks it for a number hears the reason, typed; who does not can go on."""
    (wild,) = study_all({**NETWORK, "seeds": [0, 1], "methods": {"wild": WILD}}, lambda label: None)
    assert (len(wild.diverged), wild.runs) == (2, [])
    assert wild.divergence.startswith("it diverged (the loss is ")
    for ask in (wild.median, wild.by_seed, wild.curve):
        with pytest.raises(DivergedError, match="wild: it diverged"):
            ask("test/accuracy")


def test_runs_that_are_left_do_not_speak_for_the_method() -> None:
    one = StudyRun(0, {"test/accuracy": 1.0}, [], 1.0)
    some = Study("some", "", {}, 1, [one, one], ("the loss is nan at step 3",))
    with pytest.raises(DivergedError, match=r"some: 1 of its 3 runs diverged \(the loss is nan at step 3\)"):
        some.median("test/accuracy")


@pytest.mark.parametrize("seeds", [[0], None], ids=["a study", "side by side"])
def test_a_comparison_without_a_row_is_one_line(
    seeds: list[int] | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {**NETWORK, "seeds": seeds, "methods": {"wild": WILD, "wilder": WILD}}
    content["trainer"] = {"default_root_dir": str(tmp_path / "runs")}
    (tmp_path / "wild.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    assert run(main, [str(tmp_path / "wild.yaml"), f"--output={tmp_path / 'report'}"]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "every method of the comparison diverged, try smaller steps: wild: " in error and "wilder: " in error
    assert "the loss is " in error and not (tmp_path / "report").exists()


def test_side_by_side_one_that_diverges_has_no_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = {**NETWORK, "seeds": None, "methods": {"wild": WILD, "steady": STEADY}}
    content["trainer"] = {"default_root_dir": str(tmp_path / "runs")}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    assert run(main, [str(tmp_path / "two.yaml"), f"--output={tmp_path / 'report'}"]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert list(report["runs"]) == ["steady"] and list(report["diverged"]) == ["wild"]
    assert "wild: it diverged (the loss is " in capsys.readouterr().out
    assert any(text.startswith("wild: it diverged (the loss is ") for text in report["observations"])


def test_the_best_weights_are_tested_and_all_seconds_count() -> None:
    method = {"max_epochs": 30, "data": {"batch_size": 16}, "optimizer": {**ADAM, "init_args": {"lr": 0.1}}}
    found = run_once({**NETWORK, "test_weights": "best"}, method, seed=0, fold=0)
    losses = [point["val/loss"] for point in found.course]
    assert found.summary["val/loss"] == min(losses) < losses[-1]
    assert found.summary["train_seconds"] == pytest.approx(found.course[-1]["seconds"], rel=0.1)


def made(label: str, values: list[float], seconds: list[float]) -> Study:
    course = [{"val/accuracy": value, "seconds": second} for value, second in zip(values, seconds, strict=True)]
    return Study(label, "", {}, 1, [StudyRun(0, {}, course, 1.0)])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.5, 0.9, 0.95], "A reached B's final validation accuracy of 0.9000 in 2.00 s, 0.50 of its 4.00 s."),
        ([0.1], "did not"),
    ],
)
def test_when_one_was_where_the_other_ended(values: list[float], said: str) -> None:
    other = made("B", [0.8, 0.95, 0.9], [1.0, 2.0, 4.0])
    assert said in overtaking(made("A", values, [float(i + 1) for i in range(len(values))]), other, "val/accuracy")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"select": None}, "lacks select"),
        ({"methods": {"A": {"max_epochs": 1, "optimizer": ADAM, "tune": {"lr": [1, 2]}}}}, "lr is no place for a setting"),
        ({"select": "val/beauty"}, "val/beauty"),
    ],
)
def test_bad_studies_are_refused_in_one_line(
    change: dict[str, Any], cause: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {name: value for name, value in {**NETWORK, **change}.items() if value is not None}
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    assert run(main, [str(tmp_path / "bad.yaml"), f"--output={tmp_path / 'report'}"]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error:") and cause in error
    assert not (tmp_path / "report").exists()
