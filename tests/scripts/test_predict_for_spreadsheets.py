"""What a spreadsheet would run as a formula is shown by it instead, if that is asked for."""

import csv
from pathlib import Path

import pandas
import pyarrow as pa
import pytest
from command_line.one_line_errors import run
from predict import main
from predicting.spreadsheet_text import as_shown

from datamodules import TabularDataModule
from lightning_modules.optimizers import Newton
from tests.scripts.trained_models import train
from tests.training import make_model

FORMULAE = ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "=cmd|' /C calc'!A0", "＝1", "\r@x"]
PLAIN = ["-1.5", "+3", "-.5e-3", "1,5", "a=b", "", "x", "'=1", "−1", "5-", "a@b.c"]


def test_formulae_get_an_apostrophe_and_numbers_none() -> None:
    assert as_shown(pa.array(FORMULAE)).to_pylist() == [f"'{text}" for text in FORMULAE]
    assert as_shown(pa.array([*PLAIN, None])).to_pylist() == [*PLAIN, None]
    assert as_shown(pa.array([-1.5, 2.0])).to_pylist() == [-1.5, 2.0]


@pytest.fixture
def sheet(tmp_path: Path) -> tuple[str, Path]:
    """Classes, a kept column and its name that are formulae, and a column of negative numbers."""
    classes = ["=1+1", "@SUM(A1)"]
    frame = pandas.DataFrame({"=note": [FORMULAE[i % 4] for i in range(40)], "x": [(-1) ** (i % 3) * i % 7 for i in range(40)]})
    frame["loss"] = [f"-{i}.5" for i in range(40)]
    frame["kind"] = [classes[(i % 7 > 3) ^ (i % 11 == 0)] for i in range(40)]
    frame.to_csv(tmp_path / "sheet.csv", index=False)
    data = TabularDataModule(str(tmp_path / "sheet.csv"), "kind", exclude=["=note"])
    ckpt, _ = train(tmp_path, data, make_model(data, Newton))
    return ckpt, tmp_path / "sheet.csv"


def written(sheet: tuple[str, Path], *args: str) -> list[list[str]]:
    ckpt, table = sheet
    output = table.with_name("out.csv")
    keep = '--keep=["=note", "loss"]'
    assert run(main, [f"--ckpt={ckpt}", f"--data={table}", f"--output={output}", "--overwrite", keep, *args]) == 0
    with output.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_default_leaves_names_as_they_are_and_the_option_quotes_them(sheet: tuple[str, Path]) -> None:
    plain, safe = written(sheet), written(sheet, "--spreadsheet_safe")
    assert plain[0] == ["=note", "loss", "class", "probability =1+1", "probability @SUM(A1)"]
    assert safe[0] == ["'=note", "loss", "class", "probability =1+1", "probability @SUM(A1)"]
    assert {row[0] for row in plain[1:]} == set(FORMULAE[:4]) and {row[2] for row in plain[1:]} == {"=1+1", "@SUM(A1)"}
    for before, after in zip(plain[1:], safe[1:], strict=True):
        assert after == [f"'{before[0]}", before[1], f"'{before[2]}", *before[3:]]
    assert not any(cell.lstrip()[:1] in ("=", "@", "+") for row in safe for cell in row)


def test_parquet_files_hold_no_formulae(sheet: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    ckpt, table = sheet
    line = [f"--ckpt={ckpt}", f"--data={table}", f"--output={table.with_name('out.parquet')}", "--spreadsheet_safe"]
    assert run(main, line) == 1
    assert "--spreadsheet_safe is for .csv files" in capsys.readouterr().err
