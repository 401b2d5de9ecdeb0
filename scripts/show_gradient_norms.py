"""Draw gradient norms by layer at the first step, by initialisation, and what is learnt. `--help` lists the options."""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
from pathlib import Path

from command_line.aligned_numbers import add_rows
from command_line.base_config import read_config
from command_line.interruptible import importing
from command_line.one_line_errors import run
from command_line.program_parser import ProgramParser
from command_line.quiet import quiet
from command_line.saying import say
from command_line.terminal import Terminal
from comparing.comparison_file import COMPARISONS
from rich.progress import track
from rich.table import Table


def main(args: list[str]) -> None:
    """Fit the network once for every initialisation, write the figure, print the table."""
    parser = ProgramParser(prog="show_gradient_norms.py", description=__doc__)
    parser.add_argument("--data_dir", type=str, default="data", help="Folder of the data.")
    parser.add_argument("--epochs", type=int, default=None, help="Epochs of each fit; default as in the comparison's file.")
    parser.add_argument("--output", type=str, default="gradient_norms.png", help="File to write, .png, .pdf or .svg.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    # Torch takes seconds, in which Ctrl-C ends the program; nothing above needs it.
    with importing():
        from evidence.systems.gradient_norms import draw_norms, fit_and_log_norms  # noqa: PLC0415

        from callbacks.picture_file import write_picture  # noqa: PLC0415

    quiet()
    comparison = read_config(COMPARISONS / "mnist_deep_tanh.yaml")
    comparison["data"]["init_args"]["data_dir"] = options.data_dir
    console = Terminal(stderr=True)
    norms, accuracies = {}, {}
    for label, method in track(comparison["methods"].items(), "fits", console=console, transient=True):
        method["max_epochs"] = options.epochs or method["max_epochs"]
        norms[label], accuracies[label] = fit_and_log_norms(comparison, method)
    table = Table("initial weights", "‖∇‖ of the first layer", "of the last", "test accuracy", title=comparison["title"])
    add_rows(
        table,
        ((label, f"{values[0]:.1e}", f"{values[-1]:.1e}", f"{accuracies[label][-1]:.4f}") for label, values in norms.items()),
    )
    Terminal().print(table)  # first, since a figure may fail
    path = Path(options.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(draw_norms(norms, accuracies), path)
    say(path)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
