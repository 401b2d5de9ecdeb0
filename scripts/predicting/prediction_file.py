"""The predictions of all rows of a table, as a file that is whole or not there."""

from pathlib import Path

import pyarrow as pa
import torch
from command_line.output_file import output_file
from command_line.terminal import Terminal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datamodules.tables.new_rows import NewRows
from predicting.finite_predictions import refuse_not_finite_predictions
from predicting.predictor import Predictor
from predicting.row_residuals import NAMES, RowResiduals
from predicting.table_writer import TableWriter
from predicting.trained import Trained


def write_predictions(
    trained: Trained,
    rows: NewRows,
    keep: tuple[str, ...],
    output: Path,
    overwrite: bool,
    for_spreadsheets: bool = False,
    residuals: RowResiduals | None = None,
) -> int:
    """Write the predictions of all rows, in their order, or nothing; return how many there are.

    Args:
        trained: the model and its preprocessing.
        rows: of the table, which hand on the columns to keep and those of the residuals.
        keep: columns of the table to have beside the predictions.
        output: the file.
        overwrite: whether it may be there.
        for_spreadsheets: see `TableWriter`.
        residuals: of the same rows; None = without.

    Raises:
        ValueError: a column or a cell of the rows that the model cannot be given, or makes no finite number of.
        OSError: the output is there already, or cannot be written.
    """
    predictor, names = Predictor(trained.model, trained.preprocessing), trained.preprocessing.class_names
    first = torch.from_numpy(trained.preprocessing.shift[None])
    console = Terminal(stderr=True)
    count, num_outputs, suffix = 0, predictor(first).shape[1], output.suffix.lower()
    columns = (TextColumn("predicting"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn())
    kept_schema = pa.schema([rows.kept_schema.field(name) for name in keep])
    beside = () if residuals is None else NAMES
    with (
        output_file(output, overwrite) as temporary,
        TableWriter(temporary, suffix, kept_schema, names, num_outputs, for_spreadsheets, beside) as writer,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        torch.inference_mode(),
    ):
        task = progress.add_task("", total=rows.file.expected_rows)
        for features, kept in rows.pieces():
            made = predictor(torch.from_numpy(features))
            predictions = (made.float() if made.dtype == torch.bfloat16 else made).numpy()  # numpy has no bfloat16
            refuse_not_finite_predictions(rows.file.path, predictions, features, trained.preprocessing, count)
            left = None if residuals is None else residuals.of(features, kept, count)
            writer.write(kept.select(list(keep)), predictions, left)
            count += len(features)
            progress.update(task, completed=count)
    return count
