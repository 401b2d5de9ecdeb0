"""Predictions of a user's table are those of the model in the training."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from command_line.one_line_errors import run
from predict import main
from sklearn.datasets import load_breast_cancer, load_digits, load_iris

from datamodules import ArrayDataModule, BreastCancerDataModule, DigitsDataModule, IrisDataModule, TabularDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import Newton
from tests.scripts.trained_models import make_mlp, train
from tests.training import make_model


def predicted(path: Path, *args: str) -> pandas.DataFrame:
    output = path.parent / "out.parquet"
    assert run(main, [f"--data={path}", f"--output={output}", "--overwrite", *args]) == 0
    return pandas.read_parquet(output)


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert run(main, list(args)) != 0
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


BUNDLED: dict[str, tuple[Any, Any]] = {
    "breast cancer": (BreastCancerDataModule, load_breast_cancer),
    "iris": (IrisDataModule, load_iris),
}


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_data_set_as_a_table(tmp_path: Path, name: str) -> None:
    """All rows, in another order of columns: what the test rows had in the training is among them.

    To rounding, as that depends on how many rows are predicted at a time.
    """
    make, load = BUNDLED[name]
    data = make()
    ckpt, model = train(tmp_path, data)
    frame = load(as_frame=True).data
    frame[frame.columns[::-1]].to_parquet(tmp_path / "new.parquet")
    found = predicted(tmp_path / "new.parquet", f"--ckpt={ckpt}")
    expected = model.predict(data.scaled(frame.to_numpy())).detach().numpy()
    probabilities = found[[f"probability {name}" for name in data.class_names]].to_numpy()
    equal = partial(np.testing.assert_allclose, rtol=1e-13, atol=1e-16)
    equal(probabilities[:, 1] if expected.ndim == 1 else probabilities, expected)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-15)
    assert found["class"].tolist() == [data.class_names[k] for k in probabilities.argmax(1)]
    in_training = model.evaluate(data.splits["test"])["preds"].detach().numpy()
    equal(expected[data.rows["test"]], in_training)


def test_images_as_columns_of_pixels(tmp_path: Path) -> None:
    data = DigitsDataModule(normalize=True)
    ckpt, model = train(tmp_path, data, make_mlp(data), precision="32-true")
    pandas.DataFrame(load_digits().data[:20], columns=data.feature_names).to_csv(tmp_path / "new.csv", index=False)
    found = predicted(tmp_path / "new.csv", f"--ckpt={ckpt}")
    images, _ = data.convert((torch.from_numpy(load_digits().data[:20]), torch.zeros(20)), torch.float32)
    np.testing.assert_allclose(found.iloc[:, 1:], model.predict(images).detach(), rtol=1e-5, atol=1e-6)


@pytest.fixture
def fruit(tmp_path: Path) -> tuple[str, Path, Any]:
    """A regression on numbers and categories, with targets of two columns' making."""
    frame = pandas.DataFrame(
        {"id": [f"{i:02d}" for i in range(50)], "size": range(50), "colour": [("red", "blue")[i % 2] for i in range(50)]}
    )
    frame["price"] = 3.5 * frame["size"] + (frame["colour"] == "red") + 0.01 * (frame["size"] % 5)
    frame.to_csv(tmp_path / "fruit.csv", index=False)
    data = TabularDataModule(str(tmp_path / "fruit.csv"), "price", exclude=["id"])
    ckpt, model = train(tmp_path, data, make_model(data, Newton, l2=0.0))
    return ckpt, tmp_path / "fruit.csv", model.predict(data.scaled(data.table.features)).detach().numpy()


def test_values_beside_kept_columns(fruit: tuple[str, Path, Any]) -> None:
    ckpt, table, expected = fruit
    found = predicted(table, f"--ckpt={ckpt}", "--keep=[id,colour]")
    assert list(found) == ["id", "colour", "value"]
    assert found["id"].tolist()[:2] == ["00", "01"]
    np.testing.assert_array_equal(found["value"], expected[:, 0])
    assert abs(found["value"] - pandas.read_csv(table)["price"]).max() < 0.05


def test_csv_holds_the_same_numbers(fruit: tuple[str, Path, Any]) -> None:
    ckpt, table, expected = fruit
    assert run(main, [f"--ckpt={ckpt}", f"--data={table}"]) == 0
    found = pandas.read_csv(table.with_name("fruit_predictions.csv"))
    np.testing.assert_array_equal(found["value"], expected[:, 0])


def test_nothing_is_half_written_or_replaced(fruit: tuple[str, Path, Any], capsys: pytest.CaptureFixture[str]) -> None:
    ckpt, table, _ = fruit
    table.write_text(table.read_text() + "99,oops,red,1\n")
    before = sorted(table.parent.iterdir())
    out = table.with_name("out.csv")
    assert "'oops' in row 51" in refused(capsys, f"--ckpt={ckpt}", f"--data={table}", f"--output={out}")
    assert sorted(table.parent.iterdir()) == before
    out.write_text("precious")
    assert "--overwrite" in refused(capsys, f"--ckpt={ckpt}", f"--data={table}", f"--output={out}")
    refused(capsys, f"--ckpt={ckpt}", f"--data={table}", f"--output={out}", "--overwrite")
    assert out.read_text() == "precious"


def test_empty_cells_and_unknown_categories_are_counted(
    fruit: tuple[str, Path, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    ckpt, table, _ = fruit
    new = table.with_name("new.csv")
    new.write_text("colour,size\nviolet,1\n,2\nred,\nred,3\n")
    assert run(main, [f"--ckpt={ckpt}", f"--data={new}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("missing values: ") and "'colour' (1, as 'blue', the reference)" in lines[0]
    assert "'size' (1, as the median" in lines[0]
    assert lines[1].startswith("categories that no training row has: 'colour' (1, as ")
    assert lines[2].startswith("4 rows: ")
    assert len(pandas.read_csv(new.with_name("new_predictions.csv"))) == 4


@pytest.mark.parametrize("is_learnt_in_german", [True, False])
def test_a_german_version_of_an_english_table_and_the_reverse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], is_learnt_in_german: bool
) -> None:
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"age": rng.uniform(20, 90, 60).round(1), "dose": rng.uniform(0, 5, 60).round(3)})
    frame["when"] = pandas.Timestamp("2020-01-01") + pandas.to_timedelta(rng.integers(0, 900, 60), "D")
    frame["y"] = frame["age"] / 7 + frame["dose"] + rng.normal(size=60)
    paths = [tmp_path / "english.csv", tmp_path / "german.csv"]
    frame.to_csv(paths[0], index=False)
    frame.to_csv(paths[1], index=False, sep=";", decimal=",", date_format="%d.%m.%Y")
    own, other = reversed(paths) if is_learnt_in_german else paths
    data = TabularDataModule(str(own), "y")
    ckpt, _ = train(tmp_path, data, make_model(data, Newton, l2=0.1))
    expected = predicted(own, f"--ckpt={ckpt}")
    assert "decimal" not in capsys.readouterr().out
    pandas.testing.assert_frame_equal(predicted(other, f"--ckpt={ckpt}"), expected, check_exact=True)
    said = capsys.readouterr().out.splitlines()
    sign, form = ("points", "ISO 8601") if is_learnt_in_german else ("commas", "%d.%m.%Y")
    assert said[:2] == [f"numbers with decimal {sign}: 'age', 'dose'", f"dates by {form}: 'when'"]


def test_requests_that_make_no_sense(fruit: tuple[str, Path, Any], capsys: pytest.CaptureFixture[str]) -> None:
    ckpt, table, _ = fruit
    data = f"--data={table}"
    assert "would replace the data" in refused(capsys, f"--ckpt={ckpt}", data, f"--output={table}", "--overwrite")
    assert ".csv or .parquet" in refused(capsys, f"--ckpt={ckpt}", data, "--output=out.xlsx")
    assert "no column 'idd' to keep" in refused(capsys, f"--ckpt={ckpt}", data, "--keep=[idd]")
    assert "there is no checkpoint none.ckpt: check --ckpt\n" in refused(capsys, "--ckpt=none.ckpt", data)
    assert "there is no file none.csv" in refused(capsys, f"--ckpt={ckpt}", "--data=none.csv")
    assert "did you mean --output" in refused(capsys, f"--ckpt={ckpt}", data, "--outptu=x.csv")


def test_a_checkpoint_that_knows_too_little_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ArrayDataModule(np.random.default_rng(0).normal(size=(40, 3)), [0, 1] * 20)
    ckpt, _ = train(tmp_path, data)
    (tmp_path / "new.csv").write_text("x0,x1,x2\n1,2,3\n")
    assert len(predicted(tmp_path / "new.csv", f"--ckpt={ckpt}")) == 1
    content = torch.load(ckpt, weights_only=True)
    torch.save({k: v for k, v in content.items() if k != "ArrayDataModule"}, ckpt)
    assert "holds no preprocessing" in refused(capsys, f"--ckpt={ckpt}", f"--data={tmp_path}/new.csv")
    torch.save(content | {"model_class": "os.system"}, ckpt)
    assert "is of the model 'os.system'" in refused(capsys, f"--ckpt={ckpt}", f"--data={tmp_path}/new.csv")


def test_networks_from_python_keep_what_they_need(tmp_path: Path) -> None:
    data = IrisDataModule()
    ckpt, model = train(tmp_path, data, make_mlp(data, activation="tanh"))
    load_iris(as_frame=True).data.to_csv(tmp_path / "new.csv", index=False)
    assert isinstance(model, MLP)
    found = predicted(tmp_path / "new.csv", f"--ckpt={ckpt}")
    np.testing.assert_allclose(found.iloc[:, 1:], model.predict(data.scaled(load_iris().data)).detach(), rtol=1e-12, atol=0)
