"""What was done to a table is said in the terminal, in summary.json, in TensorBoard and in the checkpoint."""

import json
from pathlib import Path

import pytest
import torch
from command_line.one_line_errors import run
from command_line.table_report import markdown
from fit import main
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROWS = 80


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lines = ["id;weight [kg];town;day;centre;y"]
    for i in range(ROWS):
        weight = "NA" if i % 9 == 0 else f"{50 + i % 7},{i % 10}"
        town, day = ("Oslo", "Voss", f"hut {i}")[min(i % 10, 2)], f"{1 + i % 28}.{1 + i % 3}.2020"
        lines.append(f"{i + 1};{weight};{town};{day};A;{i * 3 % 11},5")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


LINE = ["--data=TabularDataModule", "--data.path=table.csv", "--data.target=y", "--model=LinearRegression"]


def test_it_is_said_everywhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, LINE) == 0
    printed = capsys.readouterr().out
    summary = json.loads(next(folder.rglob("summary.json")).read_text())
    table = summary["table"]
    assert table["rows"] == {"read": ROWS, "training": 48, "validation": 16, "test": 16}
    assert set(table["columns"]) == {"id", "weight [kg]", "town", "day", "centre", "y"}
    assert table["columns"]["id"].startswith("left out")
    assert table["columns"]["weight [kg]"].startswith("a number; 2 features; 9 missing, as the median ")
    for line in table["lines"]:
        words = line.split()
        assert all(word in printed for word in words), "no sign of a name is taken for markup"
    assert max(map(len, printed.splitlines()[: len(table["lines"])])) <= 80
    assert printed.index("what was done to the table") < printed.index("test mse")
    accumulator = EventAccumulator(str(next(folder.rglob("version_0")))).Reload()
    text = accumulator.Tensors("table/text_summary")[0].tensor_proto.string_val[0].decode()
    assert text == markdown(table) and r"weight \[kg\]" in text
    held = torch.load(next(folder.rglob("last.ckpt")), weights_only=True)
    (report,) = [state["report"] for state in held.values() if isinstance(state, dict) and "report" in state]
    assert report["rows"] == table["rows"] and report["columns"] == table["columns"]


def test_nothing_is_said_of_bundled_data_or_a_plain_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, ["--data=IrisDataModule", "--model=SoftmaxRegression", "--model.l2=0.1", "--trainer.max_epochs=1"]) == 0
    (folder / "table.csv").write_text("x,y\n" + "".join(f"{i % 7},{i % 5}.5\n" for i in range(ROWS)))
    assert run(main, LINE) == 0
    printed = capsys.readouterr().out
    assert "what was done" not in printed
    assert printed.count("table of 80 rows: 48 for training, 16 for validation, 16 for test") == 1


def test_strict_refuses_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, [*LINE, "--data.strict=true"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (folder / "logs").exists()


def test_the_model_says_the_task(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0.0 and 1.0 are classes for one and numbers for the other, and so are whole numbers."""
    for values, names in ((("0.0", "1.0"), ("0", "1")), (("-1", "1"), ("-1", "1")), (("TRUE", "FALSE"), ("FALSE", "TRUE"))):
        rows = "".join(f"{i * 7 % 31},{values[i * 3 % 5 % 2]}\n" for i in range(ROWS))
        (folder / "table.csv").write_text("x,y\n" + rows)
        root = folder / names[0]
        line = [*LINE[:-1], "--model=LogisticRegression", "--model.l2=0.1", f"--trainer.default_root_dir={root}"]
        assert run(main, line) == 0
        held = torch.load(next(root.rglob("last.ckpt")), weights_only=True)
        states = [state["preprocessing"] for state in held.values() if isinstance(state, dict) and "preprocessing" in state]
        assert [tuple(state["class_names"]) for state in states] == [names]
    (folder / "table.csv").write_text("x,y\n" + "".join(f"{i * 7 % 31},{i % 4}\n" for i in range(ROWS)))
    assert run(main, LINE) == 0
    assert "test mse" in capsys.readouterr().out
