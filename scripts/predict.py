"""Predict the rows of a table with a trained model, preprocessed as in its training. `--help` lists the options."""

import sys
from pathlib import Path

import torch
from command_line.one_line_errors import run
from command_line.one_line_parser import OneLineParser
from command_line.whole_files import whole_file
from predicting.predictor import Predictor
from predicting.table_writer import FORMATS, TableWriter
from predicting.trained import Trained, read_trained
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datamodules.tables.new_rows import NewRows


def main(args: list[str]) -> None:
    """Write the predictions and print where."""
    parser = OneLineParser(prog="predict.py", description=__doc__)
    parser.add_argument("--ckpt", type=str, required=True, help="A checkpoint of fit.py, best.ckpt or last.ckpt.")
    parser.add_argument("--data", type=str, required=True, help="A .csv or .parquet file with the columns of the training.")
    parser.add_argument("--output", type=str, default=None, help="A .csv or .parquet file; default DATA_predictions.csv.")
    parser.add_argument("--keep", type=list[str], default=[], help="Columns of the data to have beside the predictions.")
    parser.add_argument("--delimiter", type=str, default=None, help="Of the cells in a CSV file; default as in the training.")
    parser.add_argument("--overwrite", action="store_true", help="Replace the output if it is there.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    data = Path(options.data)
    output = Path(options.output or data.with_name(f"{data.stem}_predictions.csv"))
    if not data.is_file():
        raise FileNotFoundError(f"there is no file {data}: check --data")
    if output.suffix.lower() not in FORMATS:
        raise ValueError(f"--output={output}: predictions are written as {' or '.join(FORMATS)}")
    if output.resolve() == data.resolve():
        raise ValueError(f"--output={output} would replace the data: choose another file")
    trained = read_trained(Path(options.ckpt))
    rows = NewRows(data, options.delimiter or trained.delimiter, trained.preprocessing.encodings, tuple(options.keep))
    count = predict(trained, rows, output, options.overwrite)
    print(f"{count} rows: {output}")


def predict(trained: Trained, rows: NewRows, output: Path, overwrite: bool) -> int:
    """Write the predictions of all rows, in their order, or nothing; return how many there are.

    Raises:
        ValueError: a column or a cell of the rows that the model cannot be given.
        OSError: the output is there already, or cannot be written.
    """
    predictor, names = Predictor(trained.model, trained.preprocessing), trained.preprocessing.class_names
    first = torch.from_numpy(trained.preprocessing.mean[None])
    console = Console(stderr=True)
    count, num_outputs, suffix = 0, predictor(first).shape[1], output.suffix.lower()
    columns = (TextColumn("predicting"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn())
    with (
        whole_file(output, overwrite) as partial,
        TableWriter(partial, suffix, rows.kept_schema, names, num_outputs) as writer,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        torch.inference_mode(),
    ):
        task = progress.add_task("", total=rows.expected_rows)
        for features, kept in rows.pieces():
            writer.write(kept, predictor(torch.from_numpy(features)).numpy())
            count += len(features)
            progress.update(task, completed=count)
    return count


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
