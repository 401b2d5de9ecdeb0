"""Fits on the command line whose test has no rows, or no rows of some class."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line.fit_cli import FitCLI
from command_line.fitting import fit
from command_line.one_line_errors import run
from command_line.summary import results
from comparing.comparison_file import read_comparison
from fit import main

from callbacks import ConfusionMatrix
from datamodules import ArrayDataModule, BreastCancerDataModule
from datamodules.serving.divided_rows import DividedRows
from datamodules.serving.split import split_rows
from datamodules.tables.table import Table

NO_TEST = "--data.test_fraction=0"


@pytest.mark.parametrize(
    ("args", "is_tested"),
    [
        ([NO_TEST], False),
        ([NO_TEST, "--data.val_fraction=0"], False),
        (["--trainer.limit_test_batches=0"], False),
        ([NO_TEST, "--data.folds=5"], True),  # a fold is the test, in place of the fraction
    ],
    ids=["no-test", "all-rows", "no-batches", "folds"],
)
def test_without_test_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], args: list[str], is_tested: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(main, args) == 0
    printed = capsys.readouterr()
    assert not printed.err, "no warning"
    assert ("test accuracy" in printed.out) == is_tested
    assert bool(re.search(r"test +│ +none", printed.out)) == (not is_tested)
    (path,) = tmp_path.rglob("summary.json")
    summary = json.loads(path.read_text())
    assert any(name.startswith("test/") for name in summary) == is_tested
    assert summary["status"] == "converged"
    assert list(tmp_path.rglob("last.ckpt"))


def test_whose_rows_are_fitted() -> None:
    sizes = {
        (0.2, 0.0): (455, 114, 0),
        (0.0, 0.0): (569, 0, 0),
        (0.2, 0.2): (341, 114, 114),
    }
    for (val_fraction, test_fraction), expected in sizes.items():
        data = BreastCancerDataModule(val_fraction=val_fraction, test_fraction=test_fraction)
        assert tuple(len(targets) for _, targets in data.splits.values()) == expected
        assert (data.val_dataloader() == [], data.test_dataloader() == []) == (not expected[1], not expected[2])


def test_weights_to_test_need_a_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(main, [NO_TEST, "--test_weights=best"]) == 1
    assert "there are no test rows for --test_weights=best: set data.test_fraction above 0" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_comparison_needs_test_rows(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    data = "data: {class_path: IrisDataModule, init_args: {test_fraction: %s}}"
    text = f"title: x\n{data}\nmodel: {{class_path: MLP}}\nmethods: {{a: {{max_epochs: 1}}}}\n"
    path.write_text(text % "0")
    with pytest.raises(ValueError, match="test_fraction=0 leaves no rows to compare the methods on: set it above 0"):
        read_comparison(path, None)
    path.write_text(text % "0.2")
    assert read_comparison(path, None)["title"] == "x", "control"


class LenientTable(ArrayDataModule):
    """Twenty-six rows, two of them of a class that is in training only; the test is of two classes, or of `only` one."""

    def __init__(self, only: str | None = None) -> None:
        self.only = only
        classes = ["a"] * 12 + ["b"] * 12 + ["c"] * 2
        super().__init__([[(7 * i) % 10, (i * i) % 7] for i in range(26)], classes)

    def _divide(self, table: Table) -> DividedRows:
        divided = split_rows(table, self.val_fraction, self.test_fraction, self.seed, strict=False)
        if self.only is None:
            return divided
        train, val, test = divided
        names = table.class_names or ()
        return DividedRows(train, val, test[[names[label] == self.only for label in table.targets[test]]], divided.notes)


def fitted(data_class: str, folder: Path, **options: Any) -> tuple[dict[str, Any], FitCLI]:
    config = {
        "data": {"class_path": f"{__name__}.{data_class}", "init_args": options},
        "model": {"class_path": "SoftmaxRegression", "init_args": {"l2": 0.1, "optimizer": {"class_path": "Newton"}}},
        "trainer": {"max_epochs": 20, "default_root_dir": str(folder), "enable_progress_bar": False},
    }
    cli = FitCLI(config)
    summary, _ = fit(cli)
    return summary, cli


def test_a_class_of_two_rows_is_fitted_and_the_rest_tested(tmp_path: Path) -> None:
    summary, cli = fitted("LenientTable", tmp_path)
    data = cli.datamodule
    assert data.split_table._divide(data.table).notes == ("class 'c' has 2 rows: all of them are in training",)
    (confusion,) = (callback for callback in cli.trainer.callbacks if isinstance(callback, ConfusionMatrix))
    assert confusion.counts is not None and confusion.counts.sum(1).tolist()[2] == 0
    shown = dict(results(summary))
    assert {"test loss", "test accuracy", "test f1", "test auroc"} <= set(shown)
    assert "nan" not in json.dumps(summary).lower()


def test_a_metric_that_the_test_does_not_define_is_not_shown(tmp_path: Path) -> None:
    summary, _ = fitted("LenientTable", tmp_path, only="a")
    assert set(dict(results(summary))) >= {"test loss", "test accuracy", "test f1"}
    assert "test auroc" not in dict(results(summary)) and "test/auroc" not in summary
    assert "nan" not in json.dumps(summary).lower()
