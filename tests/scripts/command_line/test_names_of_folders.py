"""A folder may be called anything: its name is no variable, pattern, template or address."""

import json
from pathlib import Path

import pytest
from command_line.one_line_errors import run
from fit import main

LINE = ["--data=IrisDataModule", "--model=SoftmaxRegression"]


@pytest.mark.parametrize("name", ["$HOME", "logs[1] a*b? {0} %s", "a::b\x1b[31mred\nline"])
def test_a_run_is_where_its_folder_is_and_goes_on_there(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / name
    line = [*LINE, f"--trainer.default_root_dir={root}"]
    assert run(main, [*line, "--trainer.max_epochs=1"]) == 0
    assert run(main, [*line, "--trainer.max_epochs=2", "--ckpt_path=last"]) == 0
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert list(tmp_path.iterdir()) == [root]
    (summary,) = root.rglob("summary.json")
    assert json.loads(summary.read_text())["epochs"] == 2
    assert {"config.yaml", "checkpoints"} <= {path.name for path in summary.parent.iterdir()}
    assert len(list(summary.parent.glob("events.out.*"))) >= 1


def test_a_name_that_is_no_text_is_refused_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Linux lets files have any bytes for a name; YAML and JSON cannot hold them."""
    assert run(main, [*LINE, "--trainer.default_root_dir=bad\udcff"]) == 2
    assert capsys.readouterr().err == (
        "error: --trainer.default_root_dir=bad\\udcff has bytes in it that are no UTF-8: rename the file or folder\n"
    )


@pytest.mark.parametrize("name", ["a: b", "{0}"])
def test_a_name_that_yaml_reads_otherwise_is_given_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i * 7 % 11},{i % 5}.5\n" for i in range(60))
    Path("table.csv").write_text(f'x,"{name}"\n{rows}')
    data = ["--data=TabularDataModule", "--data.path=table.csv", f"--data.target={name}"]
    assert run(main, [*data, "--model=LinearRegression"]) == 2
    assert "which YAML reads as something else, is given in a file, --config=FILE, in quotes" in capsys.readouterr().err
    settings = {"data": {"class_path": "TabularDataModule", "init_args": {"path": "table.csv", "target": name}}}
    Path("fit.yaml").write_text(json.dumps({**settings, "model": {"class_path": "LinearRegression"}}))
    assert run(main, ["--config=fit.yaml", "--model.optimizer=Newton"]) == 0
