"""Other libraries beside ours: the same rows, and so the same numbers."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from command_line.one_line_errors import run
from compare import main
from comparing.comparison_file import COMPARISONS
from comparing.peer_runs import read_peers
from comparing.run import Run, make_cli
from comparing.side_by_side import fit_side_by_side
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, recall_score

from tests.idx_files import write_mnist

pytestmark = pytest.mark.slow

PEERS: dict[str, Any] = {
    "library layer": {"class_path": "LibraryLayer", "init_args": {"like": "SGD"}},
    "scikit-learn": {"class_path": "ScikitLearn", "init_args": {"solver": "newton-cg", "tol": 1e-8}},
}
COMPARISON: dict[str, Any] = {
    "title": "SGD and Newton",
    "model": {"class_path": "SoftmaxRegression", "init_args": {"l2": 0.001}},
    "data": {"class_path": "DigitsDataModule", "init_args": {"val_fraction": 0.0, "test_fraction": 0.2}},
    "methods": {
        "SGD": {
            "max_epochs": 3,
            "data": {"batch_size": 64},
            "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
        },
        "Newton": {"max_epochs": 30, "optimizer": {"class_path": "Newton"}},
    },
    "peers": PEERS,
}
BINARY = {
    "model": {"class_path": "LogisticRegression", "init_args": {"l2": 0.01}},
    "data": {"class_path": "BreastCancerDataModule", "init_args": {"val_fraction": 0.0, "test_fraction": 0.3}},
}


def runs_of(comparison: dict[str, Any]) -> dict[str, Run]:
    return fit_side_by_side(comparison, read_peers(comparison)).by_label()


@pytest.fixture(scope="module", params=["softmax", "logistic"])
def comparison(request: pytest.FixtureRequest) -> dict[str, Any]:
    return COMPARISON | (BINARY if request.param == "logistic" else {})


@pytest.fixture(scope="module")
def runs(comparison: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("peers"))
        return runs_of(comparison)


def test_the_library_layer_is_the_hand_written_one(runs: dict[str, Run]) -> None:
    library, ours, newton = (runs[label] for label in ("library layer", "SGD", "Newton"))
    assert library.summary["model"] != ours.summary["model"]
    assert library.objectives == pytest.approx(ours.objectives, abs=1e-12)
    assert library.history["train/objective"] == pytest.approx(ours.history["train/objective"], abs=1e-12), "batch by batch"
    assert library.history["test/loss"] == pytest.approx(ours.history["test/loss"], abs=1e-12)
    assert library.predictions is not None
    assert ours.predictions is not None
    assert newton.predictions is not None
    assert library.predictions.differences(ours.predictions).max() < 1e-12
    assert library.predictions.differences(newton.predictions).min() > 1e-3, "negative control: another method differs"


def test_the_library_layer_in_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs = runs_of(COMPARISON | {"trainer": {"precision": "32-true"}, "peers": {"library layer": PEERS["library layer"]}})
    library, ours = runs["library layer"].predictions, runs["SGD"].predictions
    assert library is not None
    assert ours is not None
    assert library.probabilities.dtype == torch.float32
    assert library.differences(ours).max() < 2e-6


def test_newton_reaches_scikit_learns_optimum(comparison: dict[str, Any], runs: dict[str, Run]) -> None:
    ours, theirs = runs["Newton"], runs["scikit-learn"]
    assert ours.summary["status"] == theirs.summary["status"] == "converged"
    assert ours.objective == pytest.approx(theirs.objective, abs=1e-12)
    assert ours.objective < runs["SGD"].objective - 1e-3, "SGD stops short of it"
    # The peer is scikit-learn as anyone would call it, on the training rows of the data module.
    method = comparison["methods"]["Newton"]
    cli = make_cli(comparison, method, {"logger": False, "enable_checkpointing": False})
    cli.trainer.fit(cli.model, cli.datamodule)
    (x, y), (x_test, y_test) = (cli.trainer.strategy.batch_to_device(cli.datamodule.splits[part]) for part in ("train", "test"))
    model = LogisticRegression(C=1 / (len(y) * cli.model.l2), solver="newton-cg", tol=1e-8).fit(x.double(), y)
    assert theirs.summary["test/accuracy"] == pytest.approx(model.score(x_test.double(), y_test))
    assert theirs.predictions is not None
    assert theirs.predictions.probabilities.numpy() == pytest.approx(model.predict_proba(x_test.double()), abs=1e-9)


def test_newton_reaches_scikit_learns_optimum_with_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = {"class_path": "BreastCancerDataModule", "init_args": {"class_weight": {"malignant": 3.0}, "val_fraction": 0.0}}
    methods = {"Newton": COMPARISON["methods"]["Newton"]}
    weighted = COMPARISON | BINARY | {"data": data, "methods": methods, "peers": {"scikit-learn": PEERS["scikit-learn"]}}
    ours, theirs = runs_of(weighted).values()
    assert ours.summary["status"] == theirs.summary["status"] == "converged"
    assert ours.objective == pytest.approx(theirs.objective, abs=1e-12)


def test_confusion_and_accuracy_by_class(runs: dict[str, Run]) -> None:
    for each in runs.values():
        predicted = each.predictions
        assert predicted is not None
        choices = predicted.probabilities.argmax(1)
        assert predicted.confusion.sum() == len(predicted.labels) == len(choices)
        assert (predicted.confusion.numpy() == confusion_matrix(predicted.labels, choices)).all()
        assert predicted.class_accuracy.numpy() == pytest.approx(recall_score(predicted.labels, choices, average=None))
        share = predicted.confusion.diagonal().sum() / predicted.confusion.sum()
        assert each.summary["test/accuracy"] == pytest.approx(float(share))


def test_the_objective_of_a_run_is_that_of_all_training_rows(runs: dict[str, Run]) -> None:
    assert len({each.objectives[0] for each in runs.values()}) == 1, "weights 0"
    assert all(len(each.objectives) == each.epochs + 1 for each in runs.values())
    newton = runs["Newton"]
    assert newton.objectives[:-1] == pytest.approx(newton.history["train/objective"], abs=1e-15), "full batch, before the step"
    assert newton.summary["train/gradient_max"] < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist_zero_one", "mnist_softmax"])
def test_shipped_comparisons_on_small_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_mnist(tmp_path / "data")
    assert run(main, [name, "--data_dir=data", "--output=report"]) == 0
    page = (tmp_path / "report" / "report.html").read_text()
    for text in ("Test set by class", "library layer against SGD in batches of 64", "iterations of", "training objective"):
        assert text in page
    pictures = {path.stem for path in (tmp_path / "report").glob("*.png")}
    assert {"overview", "objective", "confusion", "class_accuracy"} <= pictures


@pytest.mark.parametrize("path", sorted(COMPARISONS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_peers_are_whole(path: Path) -> None:
    comparison = yaml.safe_load(path.read_text())
    for peer in read_peers(comparison).values():
        method = peer.method(comparison)
        assert set(method) - {"data", "model"} == {"max_epochs", "optimizer"}
        assert set(method.get("data", {})) <= {"batch_size"}, "another split would be another task"


def test_a_regression_has_no_classes_to_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = ["size,price"] + [f"{i},{3.5 * i + 0.01 * (i % 5)}" for i in range(50)]
    Path("fruit.csv").write_text("\n".join(rows) + "\n")
    Path("fruit.yaml").write_text(yaml.safe_dump(regression()))
    assert run(main, ["fruit.yaml", "--output=report"]) == 0
    assert "by class" not in Path("report/report.html").read_text()
    assert not {"confusion.png", "class_accuracy.png"} & {path.name for path in Path("report").iterdir()}


def regression() -> dict[str, Any]:
    data = {"class_path": "TabularDataModule", "init_args": {"path": "fruit.csv", "target": "price"}}
    methods = {"Newton": {"max_epochs": 5, "optimizer": {"class_path": "Newton"}}}
    return {"title": "fruit", "data": data, "model": {"class_path": "LinearRegression"}, "methods": methods}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"peers": [1]}, "it maps labels to a class_path"),
        ({"peers": {"SGD": PEERS["scikit-learn"]}}, "'SGD' is named like a method"),
        ({"peers": {"x": {"class_path": "ScikitLaern"}}}, "did you mean ScikitLearn?"),
        ({"peers": {"x": {"class_path": "ScikitLearn", "init_args": {"solver": "lbfgs"}}}}, "peer 'x'.tol is missing"),
        ({"peers": {"x": {"class_path": "LibraryLayer"}}}, "peer 'x'.like is missing"),
        ({"peers": {"x": {"class_path": "LibraryLayer", "init_args": {"like": "Adam"}}}}, "choose among SGD, Newton"),
        ({"peers": {"x": {"class_path": "LibraryLayer", "init_args": {"like": "Newton"}}}}, "not an optimiser of torch.optim"),
        ({"peers": {"x": {"class_path": "LibraryLayer", "init_args": {"like": "SGD", "lr": 1}}}}, "'x'.lr does not exist"),
        (
            {"peers": {"x": {"class_path": "ScikitLearn", "init_args": {"solver": "saga", "tol": 1}}}},
            "solver=saga does not fit",
        ),
        ({"peers": {"x": {"class_path": "ScikitLearn", "init_args": {"solver": "lbfgs", "tol": 0}}}}, "give a tol > 0"),
        ({"model": {"class_path": "SoftmaxRegression"}}, "l2 > 0"),
        (regression() | {"peers": {"x": PEERS["scikit-learn"]}}, "no counterpart of LinearRegression"),
        (regression() | {"peers": {"x": PEERS["library layer"]}}, "no counterpart of LinearRegression"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_bad_peers_are_one_line(
    change: dict[str, Any], cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(yaml.safe_dump(COMPARISON | change, sort_keys=False))
    assert run(main, ["mine.yaml"]) != 0
    error = capsys.readouterr().err
    assert cause in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"], "refused before anything is computed"
