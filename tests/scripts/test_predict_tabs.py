"""A tab that was written as on a command line separates the cells of new rows, too."""

from pathlib import Path

import pandas
from command_line.one_line_errors import run
from predict import main

from datamodules import TabularDataModule
from tests.scripts.trained_models import train


def test_a_tab_as_it_is_written_on_a_command_line(tmp_path: Path) -> None:
    lines = [f"{i}\t{i % 7}\t{'ab'[i * i % 3 % 2]}\n" for i in range(60)]
    path = tmp_path / "table.csv"
    path.write_text("".join(["size\tweight\tkind\n", *lines]))
    ckpt, _ = train(tmp_path, TabularDataModule(str(path), "kind", delimiter="\\t"))
    for others in ([], ["--delimiter=\\t"]):
        assert run(main, [f"--ckpt={ckpt}", f"--data={path}", "--overwrite", *others]) == 0
        assert len(pandas.read_csv(tmp_path / "table_predictions.csv")) == 60
