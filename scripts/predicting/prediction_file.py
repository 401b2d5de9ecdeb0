"""The predictions of all rows of a table, as a file that is whole or not there."""

from pathlib import Path

import torch
from command_line.output_file import output_file
from command_line.terminal import Terminal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datamodules.tables.new_rows import NewRows
from predicting.finite_predictions import refuse_not_finite_predictions
from predicting.predictor import Predictor
from predicting.table_writer import TableWriter
from predicting.trained import Trained


def write_predictions(trained: Trained, rows: NewRows, output: Path, overwrite: bool, for_spreadsheets: bool = False) -> int:
    """Write the predictions of all rows, in their order, or nothing; return how many there are.

    Raises:
        ValueError: a column or a cell of the rows that the model cannot be given, or makes no finite number of.
        OSError: the output is there already, or cannot be written.
    """
    predictor, names = Predictor(trained.model, trained.preprocessing), trained.preprocessing.class_names
    first = torch.from_numpy(trained.preprocessing.shift[None])
    console = Terminal(stderr=True)
    count, num_outputs, suffix = 0, predictor(first).shape[1], output.suffix.lower()
    columns = (TextColumn("predicting"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn())
    with (
        output_file(output, overwrite) as temporary,
        TableWriter(temporary, suffix, rows.kept_schema, names, num_outputs, for_spreadsheets) as writer,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        torch.inference_mode(),
    ):
        task = progress.add_task("", total=rows.file.expected_rows)
        for features, kept in rows.pieces():
            made = predictor(torch.from_numpy(features))
            predictions = (made.float() if made.dtype == torch.bfloat16 else made).numpy()  # numpy has no bfloat16
            refuse_not_finite_predictions(rows.file.path, predictions, features, trained.preprocessing, count)
            writer.write(kept, predictions)
            count += len(features)
            progress.update(task, completed=count)
    return count
