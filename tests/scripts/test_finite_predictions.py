"""A row that the model makes nan of has no class: it is refused by its number, and nothing is written."""

from pathlib import Path

import numpy as np
import predict
import pytest
from command_line.one_line_errors import run
from fit import main
from predicting.finite_predictions import refuse_not_finite_predictions

from datamodules import IrisDataModule


@pytest.mark.parametrize("model", ["SoftmaxRegression", "MLP"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_cells_beyond_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str, suffix: str
) -> None:
    """The attack: 1e39 is infinite in the model's precision, and the largest of three nan is the first class."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{number % 7},{number % 5},{'abc'[number % 3]}" for number in range(60)]
    Path("table.csv").write_text("\n".join(["u,v,y", *rows]) + "\n")
    table = ["--data=TabularDataModule", "--data.path=table.csv", "--data.target=y", "--trainer.precision=32-true"]
    widths = ["--model.widths=[2,4,3]", "--model.activation=relu"] if model == "MLP" else []
    adam = ["--model.optimizer=torch.optim.Adam", "--model.optimizer.lr=0.1", "--trainer.max_epochs=2"]
    assert run(main, [*table, f"--model={model}", *widths, *adam]) == 0
    (ckpt,) = tmp_path.rglob("last.ckpt")
    Path("new.csv").write_text("u,v\n1,2\n3,1e39\n1,1\n")
    capsys.readouterr()
    output = tmp_path / f"predicted.{suffix}"
    assert run(predict.main, ["--data=new.csv", f"--ckpt={ckpt}", f"--output={output}"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "new.csv: no finite number comes out for row 2: its 'v' is 1e+39" in said
    assert not output.exists() and not list(tmp_path.glob("*.partial"))
    Path("new.csv").write_text("u,v\n1,2\n3,1e3\n1,1\n")
    assert run(predict.main, ["--data=new.csv", f"--ckpt={ckpt}", f"--output={output}"]) == 0


def test_bfloat16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which numpy does not have."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{number % 7},{number % 5},{'abc'[number % 3]}" for number in range(60)]
    Path("table.csv").write_text("\n".join(["u,v,y", *rows]) + "\n")
    table = ["--data=TabularDataModule", "--data.path=table.csv", "--data.target=y", "--model=SoftmaxRegression"]
    adam = ["--model.optimizer=torch.optim.Adam", "--model.optimizer.lr=0.1", "--trainer.max_epochs=2"]
    assert run(main, [*table, *adam, "--trainer.precision=bf16-true"]) == 0
    (ckpt,) = tmp_path.rglob("last.ckpt")
    assert run(predict.main, ["--data=table.csv", f"--ckpt={ckpt}", "--output=predicted.csv"]) == 0
    assert len(Path("predicted.csv").read_text().splitlines()) == 61


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_are_counted_from_the_start_of_the_file(value: float) -> None:
    preprocessing = IrisDataModule().preprocessing
    features = np.tile(preprocessing.mean, (5, 1))
    features[3, 2] = -1e300
    predictions = np.zeros((5, 3))
    refuse_not_finite_predictions(Path("rows.csv"), predictions, features, preprocessing, 100)
    predictions[3:, 1] = value
    with pytest.raises(ValueError, match=r"rows\.csv: .* row 104: its 'petal length \(cm\)' is -1e\+300"):
        refuse_not_finite_predictions(Path("rows.csv"), predictions, features, preprocessing, 100)
