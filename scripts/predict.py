"""Predict the rows of a table with a trained model, preprocessed as in its training. `--help` lists the options."""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
from dataclasses import replace
from pathlib import Path

from command_line.interruptible import importing
from command_line.one_line_errors import run
from command_line.program_parser import ProgramParser
from command_line.saying import say, say_lines
from predicting.checked_files import check_files

from datamodules.files import TableFile
from datamodules.files.table_options import separator
from datamodules.messages import counted


def main(args: list[str]) -> None:
    """Write the predictions and print where."""
    parser = ProgramParser(prog="predict.py", description=__doc__)
    parser.add_argument("--ckpt", type=str, required=True, help="A checkpoint of fit.py, best.ckpt or last.ckpt.")
    parser.add_argument("--data", type=str, required=True, help="A text or .parquet file with the columns of the training.")
    parser.add_argument("--output", type=str, default=None, help="A .csv or .parquet file; default DATA_predictions.csv.")
    parser.add_argument("--keep", type=list[str], default=[], help="Columns of the data to have beside the predictions.")
    parser.add_argument(
        "--residuals",
        action="store_true",
        help="Of a generalised linear model, for a table with the targets: add response, Pearson and deviance residuals, and "
        "the leverage of each row among the rows of this table.",
    )
    parser.add_argument("--target", type=str, default=None, help="With --residuals: their column; default: as in training.")
    parser.add_argument("--delimiter", type=str, default=None, help="Of the cells in a text file; default: found out.")
    parser.add_argument(
        "--spreadsheet_safe",
        action="store_true",
        help="For a .csv file that is opened in a spreadsheet: put ' before texts that it would run as formulae (=1+1, @SUM).",
    )
    parser.add_argument("--overwrite", action="store_true", help="Replace the output if it is there.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    if not args:
        say_lines(parser.format_help())
        return
    options = parser.parse_args(args)
    data, ckpt = Path(options.data), Path(options.ckpt)
    output = Path(options.output or data.with_name(f"{data.stem}_predictions.csv"))
    check_files(data, ckpt, output, options.overwrite)
    if options.spreadsheet_safe and output.suffix.lower() != ".csv":
        raise ValueError(f"--spreadsheet_safe is for .csv files, and --output={output} is none: leave one of them out")
    if options.target is not None and not options.residuals:
        raise ValueError(f"--target={options.target} is for residuals: give --residuals too, or leave it out")
    delimiter = TableFile(data, separator(options.delimiter)).delimiter  # which refuses one that is none
    # Torch and Lightning take seconds, in which Ctrl-C ends the program; nothing above needs them.
    with importing():
        from predicting.prediction_file import write_predictions  # noqa: PLC0415
        from predicting.row_residuals import RowResiduals  # noqa: PLC0415
        from predicting.trained import read_trained  # noqa: PLC0415

        from datamodules.tables.new_rows import NewRows  # noqa: PLC0415

    trained = read_trained(ckpt)
    file = replace(trained.form, path=data, delimiter=delimiter or trained.form.delimiter)
    keep = tuple(options.keep)
    residuals = RowResiduals(trained, file, options.target) if options.residuals else None
    rows = NewRows(file, trained.preprocessing, keep if residuals is None else residuals.needed(keep))
    count = write_predictions(trained, rows, keep, output, options.overwrite, options.spreadsheet_safe, residuals)
    for note in [*rows.notes(), *(residuals.notes() if residuals else [])]:
        say(note)
    say(f"{counted(count)}: {output}")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
