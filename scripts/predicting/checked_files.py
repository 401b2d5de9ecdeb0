"""Files that predictions are made from and written to, checked before torch is imported and the model read."""

from pathlib import Path

from command_line.output_file import check_output

from datamodules.files.read_errors import one_line_read_errors
from predicting.table_writer import FORMATS


def check_files(data: Path, ckpt: Path, output: Path, overwrite: bool) -> None:
    """Refuse files that are not there, of the wrong kind, or not to be replaced.

    Raises:
        OSError, ValueError: says which.
    """
    if not data.is_file():
        raise FileNotFoundError(f"there is no file {data}: check --data")
    if output.suffix.lower() not in FORMATS:
        raise ValueError(f"--output={output}: predictions are written as {' or '.join(FORMATS)}")
    if output.resolve() == data.resolve():
        raise ValueError(f"--output={output} would replace the data: choose another file")
    check_checkpoint(ckpt)
    check_output(output, overwrite)
    with one_line_read_errors(data):
        pass  # it is of a kind that can be read


def check_checkpoint(path: Path) -> None:
    """Refuse a checkpoint that is not there.

    Raises:
        FileNotFoundError: says so.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}: check --ckpt")
