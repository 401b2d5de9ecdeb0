"""Weights, offsets and exposures from the command line to the summary, and on to predictions of new rows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from command_line.one_line_errors import run
from export import main as export
from fit import main as fit
from predict import main as predict

from tests.datamodules.weights.weighted_tables import columns, repeated, written

COMMON = ["--data=TabularDataModule", "--data.val_fraction=0", "--model.optimizer=Newton"]


def fitted(folder: Path, *args: str) -> dict[str, Any]:
    """The summary of a run."""
    assert run(fit, [*COMMON, f"--trainer.default_root_dir={folder}", "--trainer.max_epochs=40", *args]) == 0
    (path,) = folder.rglob("summary.json")
    summary: dict[str, Any] = json.loads(path.read_text())
    return summary


def checkpoint_of(folder: Path) -> str:
    (path,) = folder.rglob("last.ckpt")
    return str(path)


def table(folder: Path, name: str, of_table: Any = lambda contents: contents) -> list[str]:
    train, test = (written(folder / f"{name}_{seed}.csv", of_table(columns(seed))) for seed in (0, 1))
    return [f"--data.path={train}", f"--data.test_path={test}"]


MODELS = {
    "logistic": ["--model=LogisticRegression", "--data.target=y", "--data.offset=shift", "--data.exclude=[day,years,n,z,w]"],
    "softmax": ["--model=SoftmaxRegression", "--data.target=y", "--data.exclude=[day,shift,years,n,z,w]"],
    "linear": ["--model=LinearRegression", "--data.target=z", "--data.exclude=[day,shift,years,n,y,w]"],
    "negative binomial": [
        *("--model=NegativeBinomialRegression", "--data.target=n", "--data.exposure=years"),
        "--data.exclude=[day,shift,y,z,w]",
    ],
    "probit": [
        "--model=LogisticRegression",
        "--model.link=probit",
        "--data.target=y",
        "--data.exclude=[day,shift,years,n,z,w]",
    ],
    "poisson": ["--model=PoissonRegression", "--data.target=n", "--data.exposure=years", "--data.exclude=[day,shift,y,z,w]"],
}


@pytest.mark.parametrize("place", ["in memory", pytest.param("mapped", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", MODELS)
def test_a_row_of_weight_two_is_two_rows_in_all_that_comes_out(name: str, place: str, tmp_path: Path) -> None:
    args = [*MODELS[name], *([f"--data.memory_map={tmp_path / 'maps'}"] if place == "mapped" else [])]
    with_weights = [*(arg.replace(",w]", "]") for arg in args), "--data.weights=w"]
    one = fitted(tmp_path / "one", *table(tmp_path, "weighted"), *with_weights)
    two = fitted(tmp_path / "two", *table(tmp_path, "repeated", repeated), *args)
    assert one["status"] == two["status"] == "converged"
    assert one["coefficients"].keys() == two["coefficients"].keys() != set()
    assert not {"shift", "years", "w"} & {coefficient for coefficient in one["coefficients"]}
    for coefficient, scales in one["coefficients"].items():
        for scale, numbers in scales.items():
            assert numbers == pytest.approx(two["coefficients"][coefficient][scale], rel=1e-12, abs=1e-12)
            assert None not in numbers.values()
    metrics = {key: value for key, value in one.items() if key.startswith("test/")}
    assert metrics == pytest.approx({key: value for key, value in two.items() if key.startswith("test/")}, rel=1e-12)
    assert one["table"]["columns"]["w"] == "the weights of the rows"


@pytest.mark.parametrize("weights", ["balanced", "{no: 1, yes: 4}"])
def test_weights_by_class(weights: str, tmp_path: Path) -> None:
    args = [*table(tmp_path, "t"), *MODELS["softmax"]]
    weighted = fitted(tmp_path / "one", *args, f"--data.class_weight={weights}")
    plain = fitted(tmp_path / "two", *args)
    assert weighted["status"] == "converged" and weighted["coefficients"] != plain["coefficients"]


def test_new_rows_need_the_exposure_and_not_the_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = [arg.replace(",w]", "]") for arg in MODELS["poisson"]]
    fitted(
        tmp_path / "run", *table(tmp_path, "t"), *args, "--data.weights=w", "--data.offset=shift", "--data.exclude=[day,y,z]"
    )
    contents = columns(2)
    new = [f"--ckpt={checkpoint_of(tmp_path / 'run')}", f"--data={tmp_path / 'new.csv'}", "--overwrite"]
    written(tmp_path / "new.csv", {name: contents[name] for name in ("years", "colour", "x", "shift")})
    assert run(predict, new) == 0
    found = pandas.read_csv(tmp_path / "new_predictions.csv")
    written(tmp_path / "new.csv", contents | {"years": [2 * t for t in contents["years"]], "shift": [0.0] * len(contents["y"])})
    assert run(predict, new) == 0
    doubled = pandas.read_csv(tmp_path / "new_predictions.csv")
    np.testing.assert_allclose(doubled, found * 2 / np.exp(np.array(contents["shift"]))[:, None], rtol=1e-12)
    capsys.readouterr()
    for cells, words in (
        ({name: contents[name] for name in ("x", "colour", "shift")}, "has no column 'years', which the model was trained on"),
        (contents | {"years": [0.0, *contents["years"][1:]]}, "'years' (exposure) is 0 in row 1, and every row needs a finite"),
        (contents | {"shift": [None, *contents["shift"][1:]]}, "'shift' (offset) is empty in row 1"),
    ):
        written(tmp_path / "new.csv", cells)
        assert run(predict, new) != 0
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1


def test_a_program_takes_the_offset_as_its_last_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fitted(tmp_path / "run", *table(tmp_path, "t"), *MODELS["poisson"])
    capsys.readouterr()
    ckpt, program = checkpoint_of(tmp_path / "run"), tmp_path / "model.pt2"
    assert run(export, [f"--ckpt={ckpt}", f"--output={program}"]) == 0
    assert "features, unscaled and, as the last column, the offset, to values" in capsys.readouterr().out
    extra = {"features": "", "offset": ""}
    module = torch.export.load(program, extra_files=extra).module()
    names = json.loads(extra["features"])
    assert names[-1] == "offset" and json.loads(extra["offset"])["exposure"]["name"] == "years"
    rows = torch.randn(5, len(names), dtype=torch.float64)
    more = rows + torch.eye(len(names), dtype=torch.float64)[-1]
    torch.testing.assert_close(module(more), module(rows) * np.e)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--data.weights=ww", "--model=LogisticRegression"], "no column 'ww' (weights)"),
        (["--data.offset=shift", "--model=MLP", "--model.widths=[7,3,2]"], "MLP takes no offset"),
        (["--data.weights=w", "--model=MLP", "--model.widths=[7,3,2]"], "MLP takes no weights of rows"),
        (["--data.class_weight=balanced", "--model=MLP", "--model.widths=[7,3,2]"], "MLP takes no weights of rows"),
        (["--data.class_weight={maybe: 2}", "--model=LogisticRegression"], "class_weight names no class by 'maybe'"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    args: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = ["--data.target=y", "--data.exclude=[day,n,z]", f"--trainer.default_root_dir={tmp_path / 'run'}"]
    assert run(fit, [*COMMON, *table(tmp_path, "t"), *rest, *args]) != 0
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert not (tmp_path / "run").exists()
